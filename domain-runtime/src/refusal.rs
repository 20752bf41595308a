//! Why a call is refused, and the difference between a refusal and a fault of this machine.

use crate::account::FundsError;
use crate::call::CallError;
use crate::challenge::ChallengeError;
use crate::chunk::ChunkError;
use crate::claim::ClaimError;
use crate::evaluation::EvaluationError;
use crate::operator::OperatorError;
use crate::progress::AccessError;
use crate::reveal::RevealError;
use crate::state::Fault;
use crate::submission::SubmitError;

/// Why a call is refused. Everyone who applies the call at the same height refuses it alike.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Signature, nonce or fee.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Money.
    #[error(transparent)]
    Funds(#[from] FundsError),
    /// Wrong order, phase or role.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Registration and stake.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// Submission of an order.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A claim.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A reveal of a model or of test data.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// An evaluation.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// A challenge.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// A request for a chunk or its answer.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
}

/// A call that had no effect.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The call is at fault.
    #[error(transparent)]
    Refused(Refusal),
    /// This machine is at fault; nothing can be said of the call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl<E: Into<Refusal>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// What the functions behind a call return.
pub type CallResult<T = ()> = Result<T, Failure>;
