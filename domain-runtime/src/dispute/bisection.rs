//! Bisection into sixteen: from two ends to two neighbours between which a state goes wrong.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use super::MoveError;
use crate::bounded::BoundedVec;

/// Parts into which a round cuts.
pub const PARTS_MAX: u32 = 16;
/// States that are shown in a round.
pub const POSTS_MAX: usize = 15;

/// Two states with others between them: both parties agree on the first and not on the last.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Bisection {
    /// Number of the agreed state.
    pub low: u32,
    /// The agreed state.
    pub low_root: [u8; 32],
    /// Number of the disputed state.
    pub high: u32,
    /// The disputed state, as the responder says.
    pub high_root: [u8; 32],
    /// States at [`Self::points`]; empty before they are shown.
    pub posted: BoundedVec<[u8; 32], POSTS_MAX>,
}

impl Bisection {
    /// Between an agreed and a disputed state; `high` must be above `low`.
    #[must_use]
    pub fn new(low: (u32, [u8; 32]), high: (u32, [u8; 32])) -> Self {
        let posted = BoundedVec::new();
        Self { low: low.0, low_root: low.1, high: high.0, high_root: high.1, posted }
    }

    /// Numbers of the states that are shown next: they cut the rest into at most [`PARTS_MAX`] parts whose
    /// lengths differ by one at most.
    #[must_use]
    pub fn points(&self) -> Vec<u32> {
        let width = u64::from(self.high.saturating_sub(self.low));
        let parts = width.min(u64::from(PARTS_MAX));
        let point = |part: u64| {
            let distance = width.saturating_mul(part).checked_div(parts).unwrap_or(0);
            self.low.saturating_add(u32::try_from(distance).unwrap_or(u32::MAX))
        };
        (1..parts).map(point).collect()
    }

    /// The neighbours when nothing is left between: number, state before, state after.
    #[must_use]
    pub fn found(&self) -> Option<(u32, [u8; 32], [u8; 32])> {
        let is_found = self.high.saturating_sub(self.low) <= 1;
        is_found.then_some((self.low, self.low_root, self.high_root))
    }

    /// Takes the states at [`Self::points`].
    ///
    /// # Errors
    /// [`MoveError::Count`] unless there is one for each.
    pub(super) fn post(&mut self, roots: &[[u8; 32]]) -> Result<(), MoveError> {
        let expected = self.points().len();
        let count = MoveError::Count { found: roots.len(), expected };
        if roots.len() != expected {
            return Err(count);
        }
        self.posted = BoundedVec::try_from(roots.to_vec()).map_err(|_| count)?;
        Ok(())
    }

    /// Goes into one part.
    ///
    /// # Errors
    /// [`MoveError::NoSuchPart`] when there are fewer.
    pub(super) fn pick(&mut self, part: u8) -> Result<(), MoveError> {
        let ends = self.ends();
        let missing = MoveError::NoSuchPart { part, count: ends.len().saturating_sub(1) };
        let first = usize::from(part);
        let (Some(low), Some(high)) = (ends.get(first), ends.get(first.saturating_add(1))) else {
            return Err(missing);
        };
        *self = Self::new(*low, *high);
        Ok(())
    }

    /// All numbers with their states, both ends included.
    #[must_use]
    pub fn ends(&self) -> Vec<(u32, [u8; 32])> {
        let inner = self.points().into_iter().zip(self.posted.iter().copied());
        core::iter::once((self.low, self.low_root))
            .chain(inner)
            .chain(core::iter::once((self.high, self.high_root)))
            .collect()
    }
}
