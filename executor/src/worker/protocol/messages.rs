//! The messages: a job and everything that is said about it.

use std::fmt;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::OrderId;
use aipot_domain_runtime::trace::TraceOpening;
use parity_scale_codec::{Decode, Encode};

use super::Failure;

/// For what an order is worked on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Purpose {
    /// A free training, as this provider does it.
    #[codec(index = 0)]
    Train {
        /// Seed of the run.
        seed: u64,
    },
    /// A fixed recipe, to claim its result.
    #[codec(index = 1)]
    Claim,
    /// A fixed recipe, to check the claims of others.
    #[codec(index = 2)]
    Audit,
}

/// Tells jobs apart. There is at most one result for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct JobId {
    /// The order.
    pub order: OrderId,
    /// For what.
    pub purpose: Purpose,
}

impl JobId {
    /// Reads what [`JobId`] is written as.
    pub fn parse(text: &str) -> Option<Self> {
        let (order, purpose) = text.split_once('.')?;
        let purpose = match purpose {
            "claim" => Purpose::Claim,
            "audit" => Purpose::Audit,
            _ => {
                let seed = purpose.strip_prefix("train-")?;
                Purpose::Train { seed: u64::from_str_radix(seed, 16).ok()? }
            }
        };
        let id = Self { order: OrderId::from_hex(order)?, purpose };
        // Each job has one name.
        (id.to_string() == text).then_some(id)
    }
}

/// Work on one order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Job {
    /// For what.
    pub purpose: Purpose,
    /// What is bought.
    pub specification: OrderSpecification,
    /// Files with data that it reads.
    pub data: Vec<DataFile>,
    /// What it may take.
    pub limits: Limits,
    /// Where checkpoints lie, from which it goes on.
    pub checkpoints: CheckpointPlace,
}

impl Job {
    /// What the job is called.
    pub fn id(&self) -> JobId {
        JobId { order: self.specification.id(), purpose: self.purpose }
    }
}

/// What a job may take. Nothing of it changes the bits of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Limits {
    /// Threads; 0 means one for each core.
    pub threads: u16,
    /// Memory at its peak; batches are cut into pieces that fit.
    pub memory_bytes: u64,
    /// Time of one go.
    pub time_limit_s: u32,
    /// Time until the result is of no use, as it was when the job was sent; a free training is shortened to
    /// end before.
    pub time_left_ms: Option<u64>,
    /// Steps after which a checkpoint is written...
    pub checkpoint_steps: u64,
    /// ...or milliseconds, whichever comes first.
    pub checkpoint_ms: u64,
}

/// A file with data.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct DataFile {
    /// What it must be.
    pub blob: Blob,
    /// Where it lies on this machine; `None` when it is fetched by its root.
    pub path: Option<String>,
}

/// Bytes by what they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct Blob {
    /// Their BLAKE3 root.
    pub root: [u8; 32],
    /// How many.
    pub byte_count: u64,
}

impl Blob {
    /// What these bytes are.
    pub fn of(bytes: &[u8]) -> Self {
        let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { root: *blake3::hash(bytes).as_bytes(), byte_count }
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.root))
    }
}

/// Where the checkpoints of a job lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum CheckpointPlace {
    /// In the folder of the worker, which is the node's.
    #[codec(index = 0)]
    Folder,
    /// With the provider's other files, so that any machine can go on.
    #[codec(index = 1)]
    Shared,
}

/// What a worker is told.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ToWorker {
    /// Begin.
    #[codec(index = 0)]
    Start(Box<Job>),
    /// The time is up: the model as it is now is the result.
    #[codec(index = 1)]
    Finish(JobId),
    /// Write a checkpoint at the next step and stop; the job will be started again.
    #[codec(index = 2)]
    Pause(JobId),
    /// Stop; nobody wants the result.
    #[codec(index = 3)]
    Cancel(JobId),
}

/// What a worker says.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum FromWorker {
    /// It is still there.
    #[codec(index = 0)]
    Heartbeat,
    /// How far it is.
    #[codec(index = 1)]
    Progress {
        /// The job.
        job: JobId,
        /// Steps done.
        step: u64,
        /// Steps in all.
        step_count: u64,
        /// The bits of the last loss, in nats.
        loss_bits: u32,
        /// Time until the last step.
        remaining_ms: u64,
    },
    /// A checkpoint is written.
    #[codec(index = 2)]
    Checkpoint {
        /// The job.
        job: JobId,
        /// The step that was reported last before it.
        step: u64,
    },
    /// It has stopped as it was told, and can be started again.
    #[codec(index = 3)]
    Paused(JobId),
    /// The model is there.
    #[codec(index = 4)]
    Result {
        /// The job.
        job: JobId,
        /// The model.
        model: Blob,
        /// What a claim commits to, for a fixed recipe.
        trace: Option<TraceOpening>,
        /// The file with the trace behind it, when it does not lie in the provider's folder already.
        trace_file: Option<Blob>,
    },
    /// There is no model.
    #[codec(index = 5)]
    Failure {
        /// The job.
        job: JobId,
        /// Why.
        failure: Failure,
    },
}

impl fmt::Display for JobId {
    /// Two words for a subject or a file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.purpose {
            Purpose::Train { seed } => write!(formatter, "{}.train-{seed:016x}", self.order),
            Purpose::Claim => write!(formatter, "{}.claim", self.order),
            Purpose::Audit => write!(formatter, "{}.audit", self.order),
        }
    }
}
