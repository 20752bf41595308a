//! The checkpoint of a local run: written so often that a crash costs little, and read to go on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::checkpoint::Checkpoint;
use aipot_trainer::run::Trainer;
use clap::Args;

use super::error::TrainCommandError;
use crate::command::CommandError;
use crate::worker::durable;

/// Where and how often a run is saved.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stopping and going on")]
pub(super) struct CheckpointArguments {
    /// Where the run is saved; it can be killed at any time and taken up from there.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Steps between two checkpoints.
    #[arg(long, default_value_t = 1000)]
    checkpoint_steps: u64,
    /// Most seconds between two checkpoints.
    #[arg(long, default_value_t = 30)]
    checkpoint_seconds: u64,
    /// Go on from the checkpoint, with the options that stand in it.
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// Save the run and stop when so many steps are done.
    #[arg(long, requires = "checkpoint")]
    stop_after: Option<u64>,
}

/// The checkpoint of a run that is under way.
pub(super) struct Checkpoints<'arguments> {
    arguments: &'arguments CheckpointArguments,
    saved_step: u64,
    saved_at: Instant,
}

impl CheckpointArguments {
    /// The checkpoint to go on from, when that is wanted.
    ///
    /// # Errors
    /// [`TrainCommandError`] when there is none, or none of the order.
    pub(super) fn read(
        &self,
        specification: &OrderSpecification,
    ) -> Result<Option<Checkpoint>, TrainCommandError> {
        let Some(path) = self.checkpoint.as_ref().filter(|_| self.resume) else { return Ok(None) };
        let Some(bytes) = durable::read(path)? else {
            return Err(TrainCommandError::NoCheckpoint { path: path.clone() });
        };
        let failed = |source| TrainCommandError::Checkpoint { path: path.clone(), source };
        Checkpoint::from_bytes(&bytes, specification).map(Some).map_err(failed)
    }

    /// Whether the run stops here, before its end.
    pub(super) fn is_stop(&self, trainer: &Trainer<'_>) -> bool {
        self.stop_after.is_some_and(|stop| trainer.step_index() >= stop)
    }

    /// The checkpoint of a run that begins or goes on now.
    pub(super) fn begin(&self, trainer: &Trainer<'_>) -> Checkpoints<'_> {
        let (saved_step, saved_at) = (trainer.step_index(), Instant::now());
        Checkpoints { arguments: self, saved_step, saved_at }
    }
}

impl Checkpoints<'_> {
    /// Saves the run when the last checkpoint is old.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub(super) fn after_step(&mut self, trainer: &mut Trainer<'_>) -> Result<(), CommandError> {
        let steps = trainer.step_index().saturating_sub(self.saved_step);
        let age = Duration::from_secs(self.arguments.checkpoint_seconds);
        if steps >= self.arguments.checkpoint_steps || self.saved_at.elapsed() >= age {
            self.save(trainer)?;
        }
        Ok(())
    }

    /// Saves the run, where a place is given.
    ///
    /// # Errors
    /// [`TrainCommandError::File`] when the disk refuses.
    pub(super) fn save(&mut self, trainer: &mut Trainer<'_>) -> Result<(), CommandError> {
        let Some(path) = &self.arguments.checkpoint else { return Ok(()) };
        durable::write(&in_folder(path), &trainer.checkpoint()?.to_bytes())
            .map_err(TrainCommandError::from)?;
        (self.saved_step, self.saved_at) = (trainer.step_index(), Instant::now());
        Ok(())
    }
}

/// The path with the name of its folder, which is this one for a name alone.
fn in_folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new(".").join(path),
        _ => path.to_path_buf(),
    }
}
