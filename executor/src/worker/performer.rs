//! One piece of training, wherever it is done: what it takes, and how it is done in this process.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::cost;
use aipot_domain_runtime::primitives::BlockNumber;
use aipot_domain_runtime::trace::TraceOpening;
use tokio::runtime::Builder;
use tokio::sync::broadcast;
use tokio::time::interval;

use super::process::ProcessPool;
use super::protocol::{Failure, Job, JobId, Purpose};
use super::recipe::{self, RecipeJob, RecipePurpose, RecipeResult};
use super::training::{self, TrainingData, TrainingError, TrainingJob};
use super::{Control, JobEnd, TrainingProgress, Worker, WorkerConfiguration};
use crate::store::artefacts::{ArtefactError, ContentHash};

/// Whoever sent the job watches the blocks.
const NO_DEADLINE: BlockNumber = BlockNumber(u32::MAX);

/// How long the last step may take when nobody waits for it any more.
pub(super) const LAST_STEP_MAX: Duration = Duration::from_secs(10);

/// How long a step may take after which a job stops.
const STEP_MAX: Duration = Duration::from_mins(1);

/// How often a job looks whether it is to stop.
const TICK: Duration = Duration::from_millis(20);

/// What stands before the weights in the file of a model, at most.
///
/// # Source
/// `SafeTensors`: the names, shapes and places of a few thousand tensors, some hundred bytes each.
const MODEL_HEADER_BYTES_MAX: u64 = 4 << 20;

/// A job with what it needs at hand.
pub(super) struct Errand {
    pub(super) job: Job,
    pub(super) data: Arc<dyn TrainingData>,
    /// Set from outside when the time is up: the model as it is then is the result.
    pub(super) is_urgent: Arc<AtomicBool>,
    pub(super) progress: broadcast::Sender<TrainingProgress>,
    /// When its limits were set.
    pub(super) since: Instant,
}

impl Errand {
    /// The time that is left of what was left then.
    pub(super) fn time_left_ms(&self) -> Option<u64> {
        let passed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.job.limits.time_left_ms.map(|left| left.saturating_sub(passed))
    }

    /// Tells whoever listens how far the job is.
    pub(super) fn report(&self, progress: TrainingProgress) {
        if self.progress.send(progress).is_err() {
            tracing::trace!("nobody listens to the progress of training");
        }
    }
}

/// What a job gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    /// The bytes of the model.
    pub(super) model: Vec<u8>,
    /// What a claim commits to, for a fixed recipe.
    pub(super) trace: Option<TraceOpening>,
}

/// Who does jobs.
#[derive(Debug)]
pub enum Performer {
    /// Threads of this process, with their files in this folder.
    Here(PathBuf),
    /// Processes that may die.
    Processes(Arc<ProcessPool>),
}

impl Performer {
    /// Does a job, on this thread or while this thread waits.
    pub(super) fn perform(
        &self,
        errand: &Errand,
        control: &Control,
    ) -> JobEnd<Result<Outcome, TrainingError>> {
        match self {
            Self::Here(folder) => perform_here(errand, folder, control),
            Self::Processes(pool) => pool.perform(errand, control),
        }
    }

    /// The folder in which checkpoints and traces lie.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Here(folder) => folder,
            Self::Processes(pool) => pool.folder(),
        }
    }
}

/// Does a job in this process, as a worker that has nothing else to do.
fn perform_here(
    errand: &Errand,
    folder: &Path,
    control: &Control,
) -> JobEnd<Result<Outcome, TrainingError>> {
    let runtime = match Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return JobEnd::Finished(Err(Failure::unavailable(&error).into())),
    };
    let end = runtime.block_on(train(errand, folder, control));
    // What was told to stop still writes its checkpoint.
    runtime.shutdown_timeout(STEP_MAX);
    end.map_or(JobEnd::Stopped, JobEnd::Finished)
}

/// Trains until there is a result, or the job is told to stop.
async fn train(
    errand: &Errand,
    folder: &Path,
    control: &Control,
) -> Option<Result<Outcome, TrainingError>> {
    let limits = errand.job.limits;
    let worker = Worker::new(WorkerConfiguration {
        memory_bytes: limits.memory_bytes,
        jobs_max: 1,
        checkpoint_steps: limits.checkpoint_steps,
        checkpoint_time: Duration::from_millis(limits.checkpoint_ms),
        ..WorkerConfiguration::for_folder(folder, limits.threads.into())
    });
    let deadline_block = set_clock(&worker, errand.time_left_ms());
    let mut reports = worker.progress();
    let mut ticks = interval(TICK);
    let result = result(&worker, errand, deadline_block);
    tokio::pin!(result);
    loop {
        tokio::select! {
            result = &mut result => {
                while let Ok(report) = reports.try_recv() {
                    errand.report(report);
                }
                return Some(result);
            }
            Ok(report) = reports.recv() => errand.report(report),
            _ = ticks.tick() => {
                if control.is_stopped() {
                    return None;
                }
            }
        }
    }
}

async fn result(
    worker: &Worker,
    errand: &Errand,
    deadline_block: BlockNumber,
) -> Result<Outcome, TrainingError> {
    let specification = errand.job.specification.clone();
    let data = Arc::clone(&errand.data);
    let purpose = match errand.job.purpose {
        Purpose::Train { seed } => {
            let is_urgent = Arc::clone(&errand.is_urgent);
            let job = TrainingJob { specification, seed, deadline_block, is_urgent };
            return Ok(Outcome { model: worker.train(job, data).await?, trace: None });
        }
        Purpose::Claim => RecipePurpose::Claim,
        Purpose::Audit => RecipePurpose::Audit,
    };
    let job = RecipeJob { specification, purpose, deadline_block };
    let RecipeResult { model, trace } = worker.run_recipe(job, data).await?;
    Ok(Outcome { model, trace: Some(trace) })
}

/// Makes a worker's clock reach the block that is given in as much time as is left.
fn set_clock(worker: &Worker, time_left_ms: Option<u64>) -> BlockNumber {
    let now = Instant::now();
    let left = time_left_ms.map(Duration::from_millis);
    if let Some(before) = left.and_then(|left| now.checked_sub(left)) {
        worker.clock().observe(BlockNumber(0), before);
        worker.clock().observe(BlockNumber(1), now);
        return BlockNumber(2);
    }
    NO_DEADLINE
}

/// Most bytes that the file of an order's model can have.
pub(super) fn model_bytes_max(specification: &OrderSpecification) -> u64 {
    cost(specification).map_or(0, |cost| cost.model_bytes.saturating_add(MODEL_HEADER_BYTES_MAX))
}

/// The file from which a job goes on.
pub(super) fn checkpoint_file(folder: &Path, job: &JobId) -> PathBuf {
    match job.purpose {
        Purpose::Train { .. } => training::checkpoint_path(folder, &job.order),
        Purpose::Claim | Purpose::Audit => recipe::trace_path(folder, &job.order),
    }
}

/// Sees whether a new checkpoint lies in its place; a file is there as a whole or not at all.
#[derive(Debug)]
pub(super) struct CheckpointWatch {
    path: PathBuf,
    modified: Option<SystemTime>,
}

impl CheckpointWatch {
    pub(super) fn new(folder: &Path, job: &JobId) -> Self {
        let path = checkpoint_file(folder, job);
        let modified = modified(&path);
        Self { path, modified }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is another one than at the last look.
    pub(super) fn has_changed(&mut self) -> bool {
        let found = modified(&self.path);
        let has_changed = found.is_some() && found != self.modified;
        self.modified = found;
        has_changed
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Data in files of this machine, checked when it is read.
#[derive(Debug)]
pub(super) struct DataOnDisk(BTreeMap<ContentHash, PathBuf>);

impl DataOnDisk {
    /// The files that a job names.
    pub(super) fn of(job: &Job) -> Self {
        let files = job.data.iter().filter_map(|file| {
            Some((ContentHash(file.blob.root), PathBuf::from(file.path.as_ref()?)))
        });
        Self(files.collect())
    }
}

impl TrainingData for DataOnDisk {
    fn training_data(&self, hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        let path = self.0.get(&hash).ok_or(ArtefactError::NotFound { hash })?;
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => ArtefactError::NotFound { hash },
            _ => ArtefactError::Disk { action: "read", path: path.clone(), source },
        })?;
        if ContentHash::of(&bytes) != hash {
            return Err(ArtefactError::Damaged { hash });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
