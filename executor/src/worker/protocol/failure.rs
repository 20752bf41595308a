//! Why a worker has no result, in words that both sides understand.

use parity_scale_codec::{Decode, Encode};

use crate::scheduler::schedule::DoesNotFit;
use crate::worker::WorkerError;
use crate::worker::training::TrainingError;

/// Longest reason that is sent, in bytes.
const REASON_BYTES_MAX: usize = 1024;

/// Why a worker has no result.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
pub enum Failure {
    /// The job does not fit.
    #[error("the job needs {needed_bytes} bytes, the worker gives {capacity_bytes}")]
    #[codec(index = 0)]
    OutOfMemory {
        /// What the job takes.
        needed_bytes: u64,
        /// What there is for it.
        capacity_bytes: u64,
    },
    /// The loss is no number any more.
    #[error("the loss is {} in step {step}", f32::from_bits(*loss_bits))]
    #[codec(index = 1)]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// The bits of the loss.
        loss_bits: u32,
    },
    /// The data is not what the order says.
    #[error("the training data is not what the order says: {reason}")]
    #[codec(index = 2)]
    BadData {
        /// How it differs.
        reason: String,
    },
    /// The order cannot be trained, here or anywhere.
    #[error("the order cannot be trained: {reason}")]
    #[codec(index = 3)]
    BadOrder {
        /// Why.
        reason: String,
    },
    /// What was sent is no job.
    #[error("what was sent is no job: {reason}")]
    #[codec(index = 4)]
    BadJob {
        /// Why.
        reason: String,
    },
    /// It was told to stop.
    #[error("the job was cancelled")]
    #[codec(index = 5)]
    Cancelled,
    /// It took longer than it may.
    #[error("the job took longer than {time_limit_s} s")]
    #[codec(index = 6)]
    TimeLimit {
        /// What it may take.
        time_limit_s: u32,
    },
    /// It went wrong this time; another time it may go well.
    #[error("the worker cannot do the job now: {reason}")]
    #[codec(index = 7)]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// Every worker that began it has died.
    #[error("{tries} workers in a row died of the job: {reason}")]
    #[codec(index = 8)]
    GivenUp {
        /// How many began it.
        tries: u32,
        /// How the last one ended.
        reason: String,
    },
}

impl Failure {
    /// Whether trying again cannot help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::OutOfMemory { .. }
            | Self::Diverged { .. }
            | Self::BadData { .. }
            | Self::BadOrder { .. }
            | Self::BadJob { .. } => true,
            Self::Cancelled
            | Self::TimeLimit { .. }
            | Self::Unavailable { .. }
            | Self::GivenUp { .. } => false,
        }
    }

    fn out_of_memory(unfit: DoesNotFit) -> Self {
        match unfit {
            DoesNotFit::TooLarge { needed_bytes, capacity_bytes } => {
                Self::OutOfMemory { needed_bytes, capacity_bytes }
            }
            DoesNotFit::RanOut { reserved_bytes, capacity_bytes, .. } => {
                Self::OutOfMemory { needed_bytes: reserved_bytes, capacity_bytes }
            }
        }
    }

    /// The worker could not do it this time.
    pub(in crate::worker) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Unavailable { reason: reason(error) }
    }

    /// What was sent is no job.
    pub(in crate::worker) fn bad_job(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::BadJob { reason: reason(error) }
    }
}

impl From<&TrainingError> for Failure {
    fn from(error: &TrainingError) -> Self {
        match error {
            TrainingError::Elsewhere(failure) => failure.clone(),
            TrainingError::Data { source } => Self::BadData { reason: reason(source) },
            TrainingError::Diverged { step, loss } => {
                Self::Diverged { step: *step, loss_bits: loss.to_bits() }
            }
            TrainingError::Worker(WorkerError::DoesNotFit(unfit)) => Self::out_of_memory(*unfit),
            error if error.is_permanent() => Self::BadOrder { reason: reason(error) },
            error => Self::unavailable(error),
        }
    }
}

/// An error with its causes, cut to what a message may carry.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
    text
}
