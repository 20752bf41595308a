//! What can be disputed: the training behind a claim, and an entry of an evaluation.

use core::fmt;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::claim::Claim;
use crate::evaluation::{Evaluation, EvaluationEntry};
use crate::primitives::{AccountId, OrderId};
use crate::state::{Fault, State};

/// A result that somebody stands by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Subject {
    /// The model of a Recipe order was trained as the order says.
    #[codec(index = 0)]
    Training {
        /// By whom.
        provider: AccountId,
    },
    /// The evaluation of a model is right.
    #[codec(index = 1)]
    Evaluation {
        /// Whose evaluation.
        validator: AccountId,
        /// Of whose model.
        provider: AccountId,
    },
}

impl Subject {
    /// Who stands by it.
    pub const fn responder(&self) -> AccountId {
        match self {
            Self::Training { provider } => *provider,
            Self::Evaluation { validator, .. } => *validator,
        }
    }

    /// Whose model it is about.
    pub const fn provider(&self) -> AccountId {
        match self {
            Self::Training { provider } | Self::Evaluation { provider, .. } => *provider,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Training { provider } => write!(formatter, "the training of {provider}"),
            Self::Evaluation { validator, provider } => {
                write!(formatter, "the evaluation of {provider} by {validator}")
            }
        }
    }
}

/// A subject that stands, with what was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The open claim of the model.
    pub claim: Claim,
    /// The entry, if the subject is an evaluation.
    pub entry: Option<EvaluationEntry>,
}

/// Reads what is said of `subject`; `None` when there is no such result, or it is worth nothing already.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn standing(
    state: &State<'_>,
    order: &OrderId,
    subject: Subject,
) -> Result<Option<Standing>, Fault> {
    let claim = state.get::<Claim>(&(*order, subject.provider()))?;
    let Some(claim) = claim.filter(|claim| claim.model.is_some() && !claim.is_void) else {
        return Ok(None);
    };
    match subject {
        Subject::Training { .. } => {
            Ok(claim.trace.is_some().then_some(Standing { claim, entry: None }))
        }
        Subject::Evaluation { validator, provider } => {
            let evaluation = state.get::<Evaluation>(&(*order, validator))?;
            let entry = evaluation
                .filter(|evaluation| !evaluation.is_struck)
                .and_then(|evaluation| evaluation.entry_of(&provider).copied());
            Ok(entry.map(|entry| Standing { claim, entry: Some(entry) }))
        }
    }
}
