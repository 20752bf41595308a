//! Training of one order: from the checkpoint, if there is one, to the bytes of the model.

mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::primitives::{BlockNumber, OrderId};
use aipot_domain_runtime::program::ProgramError;
use aipot_trainer::checkpoint::Checkpoint;
use aipot_trainer::dataset::DatasetError;
use aipot_trainer::engine::EngineError;
use aipot_trainer::model_file::write_model;
use aipot_trainer::recipe_run::RecipeError;
use aipot_trainer::run::{TrainError, Trainer, TrainingFile, TrainingOptions};

use super::memory::StepMemory;
use super::pace::Pace;
use super::performer::Errand;
use super::progress::Reporter;
use super::protocol::{Failure, Purpose};
use super::{Control, JobEnd, Worker, WorkerConfiguration, WorkerError, durable};
use crate::scheduler::time_limit::TooSlow;
use crate::scheduler::{Job, Priority};
use crate::store::artefacts::{ArtefactError, ArtefactStore, ContentHash};
use crate::store::base::read_base_with;

/// Folder of checkpoints in the folder of a node; each file bears the name of its order.
const CHECKPOINTS: &str = "checkpoints";

/// Runs that may diverge before the order is given up; each starts at half the learning rate.
const DIVERGENCES_MAX: u32 = 3;

/// When a run is shortened, one in so many of the steps that fit is left out.
const STEPS_SPARED_SHARE: u64 = 8;

/// An order to be trained.
#[derive(Clone, Debug)]
pub struct TrainingJob {
    /// What is bought.
    pub specification: OrderSpecification,
    /// Seed of this provider's run.
    pub seed: u64,
    /// First block in which no claim is accepted any more.
    pub deadline_block: BlockNumber,
    /// Set from outside when the time is up: the model as it is then is the result.
    pub is_urgent: Arc<AtomicBool>,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The training data is not what the order says; nobody can train this order honestly.
    #[error("the training data is not what the order says: {source}")]
    Data {
        /// How it differs.
        source: DatasetError,
    },
    /// The training data cannot be read from here.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// Training went wrong, also with lower learning rates.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The run of a fixed recipe ends in weights that are no numbers.
    #[error("the loss is {loss} in step {step}; the recipe diverges")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// The fixed recipe of the order cannot be run.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The order has no recipe that could be refereed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The trace of the run cannot be kept.
    #[error(transparent)]
    Trace(#[from] durable::FileError),
    /// The order's sizes do not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The run cannot end in time, and may not be shortened.
    #[error("the recipe cannot be run in time: {0}")]
    TooSlow(#[from] TooSlow),
    /// The machine could not run the job.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Another process or machine could not do it.
    #[error(transparent)]
    Elsewhere(#[from] Failure),
}

impl From<EngineError> for TrainingError {
    fn from(error: EngineError) -> Self {
        Self::Recipe(error.into())
    }
}

impl TrainingError {
    /// Whether trying again cannot help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Data { .. }
            | Self::Train(_)
            | Self::Diverged { .. }
            | Self::Recipe(_)
            | Self::Program(_)
            | Self::TooSlow(_)
            | Self::Overflow(_) => true,
            Self::Worker(error) => matches!(error, WorkerError::DoesNotFit(_)),
            Self::Elsewhere(failure) => failure.is_permanent(),
            Self::Artefact(_) | Self::Trace(_) => false,
        }
    }
}

impl Worker {
    /// Trains an order whose training data is stored in `artefacts`, and gives the bytes of the model.
    ///
    /// # Errors
    /// [`TrainingError`]; unless it is permanent, the same call goes on from the last checkpoint.
    pub async fn train(
        &self,
        job: TrainingJob,
        artefacts: Arc<dyn TrainingData>,
    ) -> Result<Vec<u8>, TrainingError> {
        let place = Job {
            priority: Priority::Training,
            deadline_block: job.deadline_block,
            memory: self.corrected_need(&job.specification)?,
        };
        if !self.is_workplace() {
            let purpose = Purpose::Train { seed: job.seed };
            let errand = self.errand(&job.specification, purpose, artefacts);
            let errand = Errand { is_urgent: job.is_urgent, ..errand };
            return Ok(self.send(place, errand).await?.model);
        }
        let shared = Arc::clone(&self.shared);
        let work = move |control: &Control| {
            let (train, base) = match artefacts.files(&job.specification) {
                Ok(files) => files,
                Err(error) => return JobEnd::Finished(Err(error.into())),
            };
            let reporter = Reporter::new(job.specification.id(), &shared.progress);
            let mut session = Session::new(&job, &shared.configuration, control, reporter);
            match session.train(&train, &base) {
                Ok(JobEnd::Finished(model)) => JobEnd::Finished(Ok(model)),
                Ok(JobEnd::Stopped) => JobEnd::Stopped,
                Ok(JobEnd::OutOfMemory(error)) => JobEnd::OutOfMemory(error),
                Err(error) => JobEnd::Finished(Err(error)),
            }
        };
        self.run(place, work).await?
    }

    /// Whether training the order once more may give a better model than it did.
    pub fn can_improve(&self, order: &OrderId) -> bool {
        search::is_unfinished(&self.configuration().folder, order)
    }

    /// Forgets the checkpoint of an order.
    pub fn remove_checkpoint(&self, order: &OrderId) {
        remove_checkpoint(&checkpoint_path(&self.configuration().folder, order));
        search::remove_search(&self.configuration().folder, order);
        self.forget_elsewhere(order);
    }
}

/// Where training data and bases are read from.
pub trait TrainingData: Send + Sync {
    /// The bytes with this hash, which the implementation checks.
    ///
    /// # Errors
    /// [`ArtefactError`] when they are not there or damaged.
    fn training_data(&self, hash: ContentHash) -> Result<Vec<u8>, ArtefactError>;

    /// The training data of an order and its base, which is empty where it has none.
    ///
    /// # Errors
    /// As [`Self::training_data`].
    fn files(
        &self,
        specification: &OrderSpecification,
    ) -> Result<(Vec<u8>, Vec<u8>), ArtefactError> {
        let train = self.training_data(ContentHash(specification.data.train.root.0))?;
        let base = read_base_with(specification, |hash| self.training_data(hash))?;
        Ok((train, base))
    }

    /// The file in which they lie, unchecked; `None` when they lie in no file of their own.
    fn training_file(&self, _hash: ContentHash) -> Option<PathBuf> {
        None
    }
}

impl TrainingData for ArtefactStore {
    fn training_data(&self, hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        self.read(hash)
    }

    fn training_file(&self, hash: ContentHash) -> Option<PathBuf> {
        self.file(hash)
    }
}

/// One go at an order.
struct Session<'job> {
    job: &'job TrainingJob,
    control: &'job Control,
    reporter: Reporter<'job>,
    checkpoint_path: PathBuf,
    configuration: &'job WorkerConfiguration,
    saved_step: u64,
    saved_at: Instant,
}

impl<'job> Session<'job> {
    fn new(
        job: &'job TrainingJob,
        configuration: &'job WorkerConfiguration,
        control: &'job Control,
        reporter: Reporter<'job>,
    ) -> Self {
        let checkpoint_path = checkpoint_path(&configuration.folder, &job.specification.id());
        let (saved_step, saved_at) = (0, Instant::now());
        Self { job, control, reporter, checkpoint_path, configuration, saved_step, saved_at }
    }

    /// Trains, with a lower learning rate after each divergence.
    fn train(&mut self, bytes: &[u8], base: &[u8]) -> Result<JobEnd<Vec<u8>>, TrainingError> {
        let specification = &self.job.specification;
        let file = TrainingFile::new(bytes, specification);
        let file = file.map_err(|source| TrainingError::Data { source })?.with_base(base);
        let strategy = self.configuration.strategy;
        // Candidates are trained from nothing, so a base is left to the order's own recipe.
        if strategy.candidates > 1
            && specification.model.base.is_none()
            && let Some(end) = self.search(strategy, bytes)?
        {
            return Ok(end);
        }
        let mut memory = StepMemory::new(self.control, specification)?;
        let mut options = TrainingOptions::recipe(specification, self.job.seed);
        for divergence_count in 1_u32.. {
            match self.train_with(options, file, &mut memory) {
                Err(TrainError::Diverged { step, loss, .. })
                    if divergence_count < DIVERGENCES_MAX =>
                {
                    options.learning_rate /= 2.0;
                    let (order, rate) = (specification.id(), options.learning_rate);
                    tracing::warn!(%order, step, loss, rate, "training diverged and starts again");
                    remove_checkpoint(&self.checkpoint_path);
                }
                end => return Ok(end?),
            }
        }
        Ok(JobEnd::Stopped)
    }

    fn train_with(
        &mut self,
        options: TrainingOptions,
        file: TrainingFile<'_>,
        memory: &mut StepMemory<'_>,
    ) -> Result<JobEnd<Vec<u8>>, TrainError> {
        if let Err(error) = memory.before_step(0) {
            return Ok(JobEnd::OutOfMemory(error));
        }
        let mut trainer = self.trainer(options, file)?;
        self.saved_step = trainer.step_index();
        let mut pace = Pace::new(self.control, self.job.deadline_block);
        while !trainer.is_finished() && !self.job.is_urgent.load(Ordering::Relaxed) {
            if self.control.is_stopped() {
                self.save(&mut trainer)?;
                return Ok(JobEnd::Stopped);
            }
            if let Err(error) = memory.before_step(trainer.step_index()) {
                self.save(&mut trainer)?;
                return Ok(JobEnd::OutOfMemory(error));
            }
            let report = trainer.step()?;
            memory.after_step();
            self.reporter.step(&report);
            let steps_left = report.step_count.saturating_sub(trainer.step_index());
            if let Err(slow) = pace.after_step(steps_left) {
                trainer = self.shortened(trainer, file, &slow)?;
            }
            if self.is_checkpoint_due(&trainer) {
                self.save(&mut trainer)?;
            }
        }
        // Should the model not reach the disk, everything but the last step is still there.
        self.save(&mut trainer)?;
        Ok(JobEnd::Finished(write_model(&trainer.finish()?)))
    }

    /// The run of the checkpoint, or a fresh one.
    fn trainer<'data>(
        &self,
        options: TrainingOptions,
        file: TrainingFile<'data>,
    ) -> Result<Trainer<'data>, TrainError> {
        let (specification, micro_rows) = (&self.job.specification, self.micro_rows());
        let Some(checkpoint) = read_checkpoint(&self.checkpoint_path, specification) else {
            return Trainer::new_in_pieces(specification, file, options, micro_rows);
        };
        let (order, step) = (specification.id(), checkpoint.step);
        // A run that diverged before it was interrupted keeps its lower learning rate.
        let is_own = checkpoint.options.seed == options.seed;
        match Trainer::resume_in_pieces(specification, file, checkpoint, micro_rows) {
            Ok(trainer) if is_own => {
                tracing::info!(%order, step, "training goes on from its checkpoint");
                Ok(trainer)
            }
            _ => {
                tracing::warn!(%order, "the checkpoint is of another run; training starts again");
                Trainer::new_in_pieces(specification, file, options, micro_rows)
            }
        }
    }

    fn micro_rows(&self) -> u32 {
        self.control.micro_rows(self.job.specification.train.batch_size)
    }

    /// The same run with as many steps as fit before its deadline, and the learning rate of the shorter one.
    fn shortened<'data>(
        &self,
        mut trainer: Trainer<'_>,
        file: TrainingFile<'data>,
        slow: &TooSlow,
    ) -> Result<Trainer<'data>, TrainError> {
        let mut checkpoint = trainer.checkpoint()?;
        // Two runs at once would take twice what is reserved.
        drop(trainer);
        let order = self.job.specification.id();
        tracing::warn!(%order, %slow, "the run is shortened");
        // What is measured is the fastest step; others are slower.
        let possible = slow.steps_possible - slow.steps_possible / STEPS_SPARED_SHARE;
        let step_count = checkpoint.step.saturating_add(possible);
        let specification = &self.job.specification;
        let shorter = TrainingOptions::steps(specification, checkpoint.options.seed, step_count);
        checkpoint.options.step_count = step_count;
        checkpoint.options.schedule = shorter.schedule;
        Trainer::resume_in_pieces(specification, file, checkpoint, self.micro_rows())
    }

    fn is_checkpoint_due(&self, trainer: &Trainer<'_>) -> bool {
        trainer.step_index().saturating_sub(self.saved_step) >= self.configuration.checkpoint_steps
            || self.saved_at.elapsed() >= self.configuration.checkpoint_time
    }

    /// Writes a checkpoint. A disk that refuses costs nothing but the steps since the last one.
    fn save(&mut self, trainer: &mut Trainer<'_>) -> Result<(), TrainError> {
        let checkpoint = trainer.checkpoint()?;
        (self.saved_step, self.saved_at) = (checkpoint.step, Instant::now());
        if let Err(error) = durable::write(&self.checkpoint_path, &checkpoint.to_bytes()) {
            let (order, step) = (checkpoint.order, checkpoint.step);
            let is_disk_full = error.is_disk_full();
            tracing::warn!(%order, step, is_disk_full, %error,
                "no checkpoint was written; training goes on and tries again");
        }
        Ok(())
    }
}

/// The file of an order's checkpoint.
pub(super) fn checkpoint_path(folder: &Path, order: &OrderId) -> PathBuf {
    folder.join(CHECKPOINTS).join(order.to_string())
}

/// The checkpoint of an order, if there is one that can be used.
fn read_checkpoint(path: &Path, specification: &OrderSpecification) -> Option<Checkpoint> {
    let bytes = durable::read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "the checkpoint cannot be read; training starts again");
        None
    })?;
    match Checkpoint::from_bytes(&bytes, specification) {
        Ok(checkpoint) => Some(checkpoint),
        Err(error) => {
            tracing::warn!(%error, "the checkpoint cannot be used; training starts again");
            None
        }
    }
}

fn remove_checkpoint(path: &Path) {
    if let Err(error) = durable::remove(path) {
        tracing::warn!(%error, "an old checkpoint stays behind");
    }
}
