//! What can become of a call, and what can go wrong in a node.

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_domain_runtime::state::{Fault, StorageFailure};

use super::StopReason;
use crate::intake::ledger::LedgerError;
use crate::store::DatabaseError;

/// What became of a call. All of these are final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It had its effect.
    Accepted {
        /// In this block.
        block: BlockNumber,
    },
    /// It was applied, cost its fee and had no other effect.
    Refused {
        /// In this block.
        block: BlockNumber,
        /// In the words of the runtime.
        reason: String,
    },
    /// It was hopeless as things stand, so it was not even sent and cost nothing. The same intent can be
    /// tried again when things have changed.
    Dropped {
        /// Why.
        reason: String,
    },
}

/// Why the node could not do what was asked. Says nothing of the call or of anybody else.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The disk refused; the same can be asked again.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The domain cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The state cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The node does not act any more.
    #[error("the node has stopped: {reason}")]
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// A task of this process died; the same can be asked again.
    #[error("the work was interrupted")]
    Interrupted,
    /// The name of an intent is empty or too long to be kept.
    #[error("intent of {bytes} bytes, allowed 1 to {bytes_max}")]
    IntentName {
        /// Its length.
        bytes: usize,
        /// Longest allowed.
        bytes_max: usize,
    },
}

impl From<StorageFailure> for NodeError {
    fn from(failure: StorageFailure) -> Self {
        Self::Fault(failure.into())
    }
}
