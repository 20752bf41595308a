//! Adam with decoupled weight decay.

use rayon::prelude::*;

use super::CHUNK_VALUES;

/// The constants of `AdamW`, as in `OptimizerOptions`.
pub(super) struct Constants {
    /// Decay of the mean gradient.
    pub(super) beta1: f32,
    /// Decay of the mean squared gradient.
    pub(super) beta2: f32,
    /// Keeps the division from zero.
    pub(super) epsilon: f32,
    /// Share of the weights that is lost at a learning rate of 1.
    pub(super) weight_decay: f32,
}

/// The constants of one step, with everything folded in that is the same for all values.
pub(super) struct Step {
    constants: Constants,
    /// Share of the weight that stays.
    kept: f32,
    /// Learning rate over the bias correction of the mean gradient.
    rate: f32,
    /// Root of the bias correction of the mean squared gradient.
    correction_root: f32,
}

impl Step {
    /// The constants of step `step`, counted from 0.
    pub(super) fn new(constants: Constants, learning_rate: f32, step: u64) -> Self {
        let count = step.saturating_add(1);
        let correction1 = 1.0 - power(f64::from(constants.beta1), count);
        let correction2 = 1.0 - power(f64::from(constants.beta2), count);
        Self {
            kept: 1.0 - learning_rate * constants.weight_decay,
            rate: rounded(f64::from(learning_rate) / correction1),
            correction_root: rounded(correction2.sqrt()),
            constants,
        }
    }

    fn apply(&self, weight: &mut f32, gradient: f32, (first, second): (&mut f32, &mut f32)) {
        let Constants { beta1, beta2, epsilon, .. } = self.constants;
        *first = beta1 * *first + (1.0 - beta1) * gradient;
        *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
        let size = second.sqrt() / self.correction_root + epsilon;
        *weight = self.kept * *weight - self.rate * (*first / size);
    }
}

/// Updates one tensor and its moments; all have the same length.
pub(super) fn update(
    step: &Step,
    weights: &mut [f32],
    gradient: &[f32],
    (first, second): (&mut [f32], &mut [f32]),
) {
    let weights = weights.par_chunks_mut(CHUNK_VALUES).zip(gradient.par_chunks(CHUNK_VALUES));
    let firsts = first.par_chunks_mut(CHUNK_VALUES);
    let seconds = second.par_chunks_mut(CHUNK_VALUES);
    weights.zip(firsts.zip(seconds)).for_each(|((weights, gradient), (firsts, seconds))| {
        let moments = firsts.iter_mut().zip(seconds);
        for ((weight, gradient), moments) in weights.iter_mut().zip(gradient).zip(moments) {
            step.apply(weight, *gradient, moments);
        }
    });
}

/// `base` to the power of `exponent` by squaring, always in the same order of operations.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what is wanted")]
fn rounded(value: f64) -> f32 {
    value as f32
}
