//! What can become of a call, and what can go wrong in a node.

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_domain_runtime::state::{Fault, StorageFailure};

use crate::network::Stopped;
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
    /// It was never applied and cost nothing: it was hopeless from the start, so it was not even sent, or
    /// another call of this account took its place.
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
    /// The state cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The network has been shut down.
    #[error(transparent)]
    Network(#[from] Stopped),
    /// The node is shutting down or has stopped acting.
    #[error("the node has stopped")]
    Stopped,
    /// The name of an intent is too long to be kept.
    #[error("intent of {bytes} bytes, allowed 1 to {bytes_max}")]
    IntentName {
        /// Its length.
        bytes: usize,
        /// Longest allowed.
        bytes_max: usize,
    },
    /// The intent was used for another call before.
    #[error("intent {intent:?} was used for another call")]
    IntentReused {
        /// Its name.
        intent: String,
    },
}

impl From<StorageFailure> for NodeError {
    fn from(failure: StorageFailure) -> Self {
        Self::Fault(failure.into())
    }
}
