//! How the learning rate changes from step to step; a function of the step alone.

use super::Float;
use super::elementary::cosine_of_turn;

/// Turns of half a circle in the unit of [`cosine_of_turn`], where 2^32 is a whole one.
const HALF_TURN: u128 = 1 << 31;

/// Twentieths of a run that the rise of one cycle takes, and the fall.
const CYCLE_TWENTIETHS: u128 = 9;

/// Where one cycle starts and where its fall ends, as a share of the peak: 0.1, the nearest f32.
const CYCLE_START: Float = Float(0x3dcc_cccd);

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

/// The share of the peak in one cycle at `step` (from 0) of `step_count`, in 0..=1.
///
/// # Source
/// Smith, "A disciplined approach to neural network hyper-parameters", 2018, section 4.1.
pub fn one_cycle_share(step: u64, step_count: u64) -> Float {
    let slope = u128::from(step_count).saturating_mul(CYCLE_TWENTIETHS).checked_div(20);
    let slope = slope.and_then(|slope| u64::try_from(slope).ok()).unwrap_or(u64::MAX).max(1);
    let bottom = slope.saturating_mul(2);
    let ratio = |part: u64, whole: u64| Float::from_u64(part).divide(Float::from_u64(whole));
    let between = |share: Float| CYCLE_START.add(Float::ONE.subtract(CYCLE_START).multiply(share));
    if step < slope {
        between(ratio(step, slope))
    } else if step < bottom {
        between(ratio(bottom.saturating_sub(step), slope))
    } else {
        let rest = step_count.saturating_sub(bottom).max(1);
        CYCLE_START.multiply(ratio(step_count.saturating_sub(step).min(rest), rest))
    }
}
