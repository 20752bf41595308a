//! One step of Lion: the sign of a mixture of gradient and momentum.

use super::each::each_remembered;
use crate::canonical::canonical;
use crate::length::LengthError;

/// One step of Lion, the same for all values.
///
/// # Source
/// Chen and others, "Symbolic discovery of optimization algorithms", 2023, program 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LionStep {
    /// Share of the momentum in the direction.
    pub beta1: f32,
    /// Decay of the momentum.
    pub beta2: f32,
    /// Share of the weight that stays.
    pub kept: f32,
    /// How far every weight moves.
    pub rate: f32,
}

impl LionStep {
    /// The step at a learning rate of `rate`: kept = 1 - rate `weight_decay`.
    pub fn new((beta1, beta2): (f32, f32), weight_decay: f32, rate: f32) -> Self {
        Self { beta1, beta2, kept: canonical(1.0 - rate * weight_decay), rate }
    }

    /// The weight and its momentum after the step. The definition.
    ///
    /// c = beta1 m + (1 - beta1) g; w = kept w - rate sign(c); m = beta2 m + (1 - beta2) g, where the
    /// sign of a zero or of a NaN is itself.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's features")]
    #[inline(always)]
    pub fn apply_portable(&self, weight: f32, gradient: f32, momentum: f32) -> (f32, f32) {
        let mixture = self.beta1 * momentum + (1.0 - self.beta1) * gradient;
        let positive = if mixture > 0.0 { 1.0 } else { mixture };
        let sign = if mixture < 0.0 { -1.0 } else { positive };
        let weight = self.kept * weight - self.rate * sign;
        let momentum = self.beta2 * momentum + (1.0 - self.beta2) * gradient;
        (canonical(weight), canonical(momentum))
    }

    /// [`Self::apply_portable`] for every weight, in place, with vectors and threads.
    ///
    /// # Errors
    /// [`LengthError`] unless all three have the same length.
    pub fn apply(
        &self,
        weights: &mut [f32],
        gradient: &[f32],
        momentum: &mut [f32],
    ) -> Result<(), LengthError> {
        let step = *self;
        each_remembered(weights, gradient, momentum, move |weight, gradient, momentum| {
            step.apply_portable(weight, gradient, momentum)
        })
    }
}

#[cfg(test)]
mod tests;
