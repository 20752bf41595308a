//! Which keys a query sees.

use super::Heads;
use crate::length::{self, LengthError};
use crate::tokens::PADDING;

/// Which keys a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask<'ids> {
    /// All keys.
    None,
    /// Those that do not come after it.
    Causal,
    /// Those whose id is not [`PADDING`]: `[batch, tokens]`. All keys of an example of padding alone,
    /// since a softmax of nothing is no number.
    Padding(&'ids [u32]),
}

impl<'ids> Mask<'ids> {
    /// Refuses ids that do not belong to the same tokens.
    pub(super) fn check(self, heads: Heads) -> Result<(), LengthError> {
        match self {
            Self::None | Self::Causal => Ok(()),
            Self::Padding(ids) => {
                length::check("the ids", ids.len(), length::product(&[heads.batch, heads.tokens]))
            }
        }
    }

    /// The mask of one example of a batch.
    pub(super) fn of_example(self, heads: Heads, example: usize) -> Self {
        let Self::Padding(ids) = self else { return self };
        let ids: &'ids [u32] = &ids[example * heads.tokens..][..heads.tokens];
        if ids.iter().all(|id| *id == PADDING) { Self::None } else { Self::Padding(ids) }
    }

    /// Whether the mask of an example hides a key from a query.
    pub(super) fn hides(self, query: usize, key: usize) -> bool {
        match self {
            Self::None => false,
            Self::Causal => key > query,
            Self::Padding(ids) => ids[key] == PADDING,
        }
    }
}
