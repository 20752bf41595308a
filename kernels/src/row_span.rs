//! Sums over the rows of a batch that comes in pieces, with the bits of the whole batch.
//!
//! A canonical sum over rows is a chain for each block of [`K_BLOCK`] rows, and the block sums added in
//! order. Between two pieces of a batch it stands in memory, where storing and loading round nothing:
//! the total of the blocks that are done and, when a piece ends within a block, that block's chain.
//! The chain of the first block stands where the total will, so only later blocks need other room.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::canonical::canonical;
use crate::length::{self, LengthError};
use crate::matmul::K_BLOCK;

/// The rows at hand among all rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpan {
    /// Rows of the batch that came before.
    pub before: usize,
    /// Rows at hand.
    pub count: usize,
    /// Rows of the whole batch.
    pub total: usize,
}

impl RowSpan {
    /// All rows of a batch at once.
    pub fn whole(count: usize) -> Self {
        Self { before: 0, count, total: count }
    }

    /// The same span where each row stands for `factor` rows.
    #[must_use]
    pub fn times(self, factor: usize) -> Self {
        Self {
            before: self.before.saturating_mul(factor),
            count: self.count.saturating_mul(factor),
            total: self.total.saturating_mul(factor),
        }
    }

    /// Whether nothing of the batch came before.
    pub fn is_first(self) -> bool {
        self.before == 0
    }

    /// The pieces of a batch of `total` rows, of at most `piece` rows each; one of no rows for none.
    pub fn pieces(total: usize, piece: usize) -> impl Iterator<Item = Self> {
        let piece = piece.max(1);
        (0..total.max(1)).step_by(piece).map(move |before| Self {
            before,
            count: piece.min(total - before),
            total,
        })
    }

    /// Whether pieces of `piece` rows cut a block behind the first, so that its chain needs room.
    pub fn cuts_a_later_block(total: usize, piece: usize) -> bool {
        // After that many, their places in blocks come again, and they are all behind the first block.
        let cuts = (1..=2 * K_BLOCK).map(|index| piece.saturating_mul(index));
        let mut cuts = cuts.take_while(|cut| (1..total).contains(cut));
        cuts.any(|cut| cut > K_BLOCK && !cut.is_multiple_of(K_BLOCK))
    }

    /// What is to be done with the rows at hand, in order.
    fn segments(self) -> impl Iterator<Item = Segment> {
        let end = self.before.saturating_add(self.count);
        let mut next = self.before;
        // No rows at all still make a sum.
        let mut is_empty_batch = self.total == 0;
        std::iter::from_fn(move || {
            if next >= end && !std::mem::take(&mut is_empty_batch) {
                return None;
            }
            let segment = self.segment(next, end);
            next = self.before + segment.rows.end;
            Some(segment)
        })
    }

    /// The segment that begins with row `first` of the batch and ends with row `end` at the latest.
    fn segment(self, first: usize, end: usize) -> Segment {
        let block = first / K_BLOCK;
        let block_end = (block + 1).saturating_mul(K_BLOCK);
        let is_cut = !first.is_multiple_of(K_BLOCK);
        // The last block of a batch is whole however short it is.
        let whole_end = if end >= self.total { end } else { end / K_BLOCK * K_BLOCK };
        let last = match (is_cut, whole_end > first) {
            (true, _) => block_end.min(end),
            (false, true) => whole_end,
            (false, false) => end,
        };
        let is_open = is_cut || whole_end <= first;
        let is_later = is_open && block > 0;
        Segment {
            rows: first - self.before..last - self.before,
            start: match (is_cut, block > 0 && !is_open) {
                (true, _) => Start::Chain,
                (false, true) => Start::Total,
                (false, false) => Start::Nothing,
            },
            is_later,
            is_done: is_later && (last == block_end || last >= self.total),
        }
    }
}

/// What a kernel finds where it writes sums over some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing that counts.
    Nothing,
    /// A total, to which the sum of every block is added.
    Total,
    /// The chain of a block, which goes on; the rows are all of that block.
    Chain,
}

/// Some rows that are summed in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    /// Among the rows at hand.
    rows: Range<usize>,
    start: Start,
    /// They belong to a block behind the first of which only a part is at hand.
    is_later: bool,
    /// That block is complete with them.
    is_done: bool,
}

/// Where the sums over the rows of a batch stand between two pieces.
#[derive(Debug)]
pub struct RunningSums<'values> {
    /// The sums of the blocks that are done; with the last piece the result.
    pub totals: &'values mut [f32],
    /// As many chains of an open block; may be empty unless [`RowSpan::cuts_a_later_block`].
    pub open: &'values mut [f32],
}

impl<'values> RunningSums<'values> {
    /// Room for the sums of a batch whose pieces cut no block behind the first.
    pub fn new(totals: &'values mut [f32]) -> Self {
        Self { totals, open: &mut [] }
    }

    /// The same room for a shorter time.
    pub fn reborrow(&mut self) -> RunningSums<'_> {
        RunningSums { totals: self.totals, open: self.open }
    }
}

/// Goes on with the sums: `sum` adds some of the rows at hand to what it finds.
///
/// # Errors
/// [`LengthError`] when a block behind the first is cut and there is no room for its chain.
pub(crate) fn go_on(
    span: RowSpan,
    sums: RunningSums<'_>,
    mut sum: impl FnMut(Range<usize>, Start, &mut [f32]),
) -> Result<(), LengthError> {
    let RunningSums { totals, open } = sums;
    for Segment { rows, start, is_later, is_done } in span.segments() {
        if !is_later {
            sum(rows, start, totals);
            continue;
        }
        length::check("the room for an open block", open.len(), totals.len())?;
        sum(rows, start, open);
        if is_done {
            Arch::new().dispatch(Add { totals, sums: open });
        }
    }
    Ok(())
}

/// Adds the sums of a block to the totals.
struct Add<'values> {
    totals: &'values mut [f32],
    sums: &'values [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (total, sum) in self.totals.iter_mut().zip(self.sums) {
            *total = canonical(*total + sum);
        }
    }
}

#[cfg(test)]
mod tests;
