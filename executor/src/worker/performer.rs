//! One piece of training, wherever it is done: what it takes, and how it is done in this process.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::cost;
use aipot_domain_runtime::primitives::BlockNumber;
use aipot_domain_runtime::trace::TraceOpening;
use tokio::sync::broadcast;

use super::process::ProcessPool;
use super::protocol::{Job, JobId, Purpose};
use super::recipe::{self, RecipeJob, RecipePurpose, RecipeResult};
use super::training::{self, TrainingData, TrainingError, TrainingJob};
use super::{Control, JobEnd, TrainingProgress, WorkerConfiguration, WorkerError};
use crate::store::artefacts::{ArtefactError, ContentHash};

/// Whoever sent the job watches the blocks.
const NO_DEADLINE: BlockNumber = BlockNumber(u32::MAX);

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
    /// Threads of this process.
    Here(WorkerConfiguration),
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
            Self::Here(configuration) => perform_here(errand, configuration, control),
            Self::Processes(pool) => pool.perform(errand, control),
        }
    }

    /// The folder in which checkpoints and traces lie.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Here(configuration) => &configuration.folder,
            Self::Processes(pool) => pool.folder(),
        }
    }
}

/// Does a job on threads of its own in this process.
fn perform_here(
    errand: &Errand,
    configuration: &WorkerConfiguration,
    control: &Control,
) -> JobEnd<Result<Outcome, TrainingError>> {
    let limits = errand.job.limits;
    let configuration = WorkerConfiguration {
        threads: limits.threads.into(),
        checkpoint_steps: limits.checkpoint_steps,
        checkpoint_time: std::time::Duration::from_millis(limits.checkpoint_ms),
        ..configuration.clone()
    };
    if let Err(error) = check_memory(&errand.job) {
        return JobEnd::Finished(Err(error));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(configuration.threads).build();
    let pool = match pool {
        Ok(pool) => pool,
        Err(source) => return JobEnd::Finished(Err(WorkerError::Threads { source }.into())),
    };
    pool.install(|| train(errand, &configuration, control))
}

fn check_memory(job: &Job) -> Result<(), TrainingError> {
    let needed_bytes = cost(&job.specification)?.training_bytes;
    let capacity_bytes = job.limits.memory_bytes;
    if needed_bytes > capacity_bytes {
        return Err(WorkerError::TooLarge { needed_bytes, capacity_bytes }.into());
    }
    Ok(())
}

fn train(
    errand: &Errand,
    configuration: &WorkerConfiguration,
    control: &Control,
) -> JobEnd<Result<Outcome, TrainingError>> {
    let (data, progress) = (errand.data.as_ref(), &errand.progress);
    let specification = errand.job.specification.clone();
    let purpose = match errand.job.purpose {
        Purpose::Train { seed } => {
            let is_urgent = Arc::clone(&errand.is_urgent);
            let job = TrainingJob { specification, seed, deadline_block: NO_DEADLINE, is_urgent };
            let end = training::train_here(&job, data, configuration, (control, progress));
            return map_end(end, |model| Outcome { model, trace: None });
        }
        Purpose::Claim => RecipePurpose::Claim,
        Purpose::Audit => RecipePurpose::Audit,
    };
    let job = RecipeJob { specification, purpose, deadline_block: NO_DEADLINE };
    let end = recipe::run_here(&job, data, configuration, (control, progress));
    map_end(end, |RecipeResult { model, trace }| Outcome { model, trace: Some(trace) })
}

fn map_end<T, U>(
    end: JobEnd<Result<T, TrainingError>>,
    change: impl FnOnce(T) -> U,
) -> JobEnd<Result<U, TrainingError>> {
    match end {
        JobEnd::Finished(result) => JobEnd::Finished(result.map(change)),
        JobEnd::Stopped => JobEnd::Stopped,
    }
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
