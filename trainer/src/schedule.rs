//! How the learning rate changes from step to step; a function of the step alone.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use aipot_kernels::elementary::cosine_of_turn;
use parity_scale_codec::{Decode, Encode};

/// Turns of half a circle in the unit of `cosine_of_turn`, where 2^32 is a whole one.
const HALF_TURN: u64 = 1 << 31;

/// The course of the learning rate, as a share of its peak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Schedule {
    /// Always the peak.
    #[codec(index = 0)]
    Constant,
    /// A straight rise to the peak, then half a cosine down to nothing at the last step.
    ///
    /// # Source
    /// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017,
    /// equation 5, without restarts.
    #[codec(index = 1)]
    Cosine {
        /// Steps of the rise.
        warmup_step_count: u64,
    },
}

impl Schedule {
    /// The share of the peak at `step` (from 0) of `step_count`, in `0.0..=1.0`.
    pub fn share(self, step: u64, step_count: u64) -> f32 {
        let Self::Cosine { warmup_step_count } = self else { return 1.0 };
        if step < warmup_step_count {
            return ratio(step.saturating_add(1), warmup_step_count);
        }
        let done = step.saturating_sub(warmup_step_count);
        let all = step_count.saturating_sub(warmup_step_count).max(1);
        let turn = u128::from(done.min(all)) * u128::from(HALF_TURN) / u128::from(all);
        // At most half a turn, which fits 32 bits.
        let turn = u32::try_from(turn).unwrap_or(u32::MAX);
        f32::midpoint(1.0, cosine_of_turn(turn))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a few digits is enough")]
fn ratio(part: u64, whole: u64) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests;
