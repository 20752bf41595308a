//! How the learning rate changes from step to step; a function of the step alone.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use aipot_kernels::elementary::cosine_of_turn;
use parity_scale_codec::{Decode, Encode};

/// Turns of half a circle in the unit of `cosine_of_turn`, where 2^32 is a whole one.
const HALF_TURN: u64 = 1 << 31;

/// Twentieths of a run that the rise of one cycle takes, and the fall.
const CYCLE_TWENTIETHS: u64 = 9;

/// Where one cycle starts and where its fall ends, as a share of the peak.
const CYCLE_START: f32 = 0.1;

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
    /// A straight rise to the peak, which then stays.
    #[codec(index = 2)]
    Warmup {
        /// Steps of the rise.
        warmup_step_count: u64,
    },
    /// One cycle: a straight rise from a tenth of the peak over nine twentieths of the steps, as straight a
    /// fall, and then down to nothing.
    ///
    /// # Source
    /// Smith, "A disciplined approach to neural network hyper-parameters", 2018, section 4.1.
    #[codec(index = 3)]
    OneCycle,
}

impl Schedule {
    /// The share of the peak at `step` (from 0) of `step_count`, in `0.0..=1.0`.
    pub fn share(self, step: u64, step_count: u64) -> f32 {
        match self {
            Self::Constant => 1.0,
            Self::Warmup { warmup_step_count } => rise(step, warmup_step_count).unwrap_or(1.0),
            Self::Cosine { warmup_step_count } => {
                rise(step, warmup_step_count).unwrap_or_else(|| {
                    half_cosine(
                        step.saturating_sub(warmup_step_count),
                        step_count.saturating_sub(warmup_step_count),
                    )
                })
            }
            Self::OneCycle => one_cycle(step, step_count),
        }
    }
}

/// The share during the rise, which reaches the peak in its last step.
fn rise(step: u64, warmup_step_count: u64) -> Option<f32> {
    let is_rising = step < warmup_step_count;
    is_rising.then(|| ratio(step.saturating_add(1), warmup_step_count))
}

/// Half a cosine from 1 to 0.
fn half_cosine(done: u64, all: u64) -> f32 {
    let all = all.max(1);
    let turn = u128::from(done.min(all)) * u128::from(HALF_TURN) / u128::from(all);
    // At most half a turn, which fits 32 bits.
    let turn = u32::try_from(turn).unwrap_or(u32::MAX);
    f32::midpoint(1.0, cosine_of_turn(turn))
}

fn one_cycle(step: u64, step_count: u64) -> f32 {
    let slope = u128::from(step_count) * u128::from(CYCLE_TWENTIETHS) / 20;
    let slope = u64::try_from(slope).unwrap_or(u64::MAX).max(1);
    let (top, bottom) = (slope, slope.saturating_mul(2));
    let between = |share: f32| CYCLE_START + (1.0 - CYCLE_START) * share;
    if step < top {
        between(ratio(step, slope))
    } else if step < bottom {
        between(ratio(bottom.saturating_sub(step), slope))
    } else {
        let rest = step_count.saturating_sub(bottom).max(1);
        CYCLE_START * ratio(step_count.saturating_sub(step).min(rest), rest)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a few digits is enough")]
fn ratio(part: u64, whole: u64) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests;
