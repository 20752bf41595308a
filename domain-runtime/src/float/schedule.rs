//! How the learning rate changes from step to step; a function of the step alone.

use super::Float;
use super::elementary::cosine_of_turn;

/// Turns of half a circle in the unit of [`cosine_of_turn`], where 2^32 is a whole one.
const HALF_TURN: u128 = 1 << 31;

/// The share of the peak at `step` (from 0) of `step_count`, in 0..=1: a straight rise over
/// `warmup_step_count` steps, then half a cosine down to nothing at the last step.
///
/// # Source
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5,
/// without restarts.
pub fn cosine_share(warmup_step_count: u64, step: u64, step_count: u64) -> Float {
    if step < warmup_step_count {
        let risen = Float::from_u64(step.saturating_add(1));
        return risen.divide(Float::from_u64(warmup_step_count));
    }
    let done = step.saturating_sub(warmup_step_count);
    let all = step_count.saturating_sub(warmup_step_count).max(1);
    let turns = u128::from(done.min(all)).saturating_mul(HALF_TURN).checked_div(u128::from(all));
    // `all` is not zero, and half a turn fits 32 bits.
    let turn = turns.and_then(|turns| u32::try_from(turns).ok()).unwrap_or(u32::MAX);
    // Halving is exact, so the sum is the one rounding.
    Float::ONE.add(cosine_of_turn(turn)).multiply(Float::HALF)
}
