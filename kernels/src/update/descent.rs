//! One step of plain gradient descent, and one of Nesterov's momentum.

use super::each::{each_pair, each_remembered};
use crate::canonical::canonical;
use crate::length::LengthError;

/// One step of gradient descent without a memory, the same for all values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DescentStep {
    /// Share of the weight that stays.
    pub kept: f32,
    /// How far the gradient carries.
    pub rate: f32,
}

impl DescentStep {
    /// The step at a learning rate of `rate`: kept = 1 - rate `weight_decay`.
    pub fn new(weight_decay: f32, rate: f32) -> Self {
        Self { kept: canonical(1.0 - rate * weight_decay), rate }
    }

    /// The weight after the step, w = kept w - rate g. The definition.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's features")]
    #[inline(always)]
    pub fn apply_portable(&self, weight: f32, gradient: f32) -> f32 {
        canonical(self.kept * weight - self.rate * gradient)
    }

    /// [`Self::apply_portable`] for every weight, in place, with vectors and threads.
    ///
    /// # Errors
    /// [`LengthError`] unless both have the same length.
    pub fn apply(&self, weights: &mut [f32], gradient: &[f32]) -> Result<(), LengthError> {
        let step = *self;
        each_pair(weights, ("the gradient", gradient), move |weight, gradient| {
            step.apply_portable(weight, gradient)
        })
    }
}

/// One step of Nesterov's momentum, the same for all values: the gradient is taken as if the velocity
/// had carried the weight already.
///
/// # Source
/// Sutskever and others, "On the importance of initialization and momentum", 2013, equations 3 and 4,
/// in terms of the weights that the gradients are taken at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NesterovStep {
    /// Share of the velocity that stays.
    pub momentum: f32,
    /// Share of the weight that stays.
    pub kept: f32,
    /// How far the velocity carries.
    pub rate: f32,
}

impl NesterovStep {
    /// The step at a learning rate of `rate`: kept = 1 - rate `weight_decay`.
    pub fn new(momentum: f32, weight_decay: f32, rate: f32) -> Self {
        Self { momentum, kept: canonical(1.0 - rate * weight_decay), rate }
    }

    /// The weight and its velocity after the step. The definition.
    ///
    /// v = momentum v + g; w = kept w - rate (momentum v + g).
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's features")]
    #[inline(always)]
    pub fn apply_portable(&self, weight: f32, gradient: f32, velocity: f32) -> (f32, f32) {
        let velocity = self.momentum * velocity + gradient;
        let ahead = self.momentum * velocity + gradient;
        let weight = self.kept * weight - self.rate * ahead;
        (canonical(weight), canonical(velocity))
    }

    /// [`Self::apply_portable`] for every weight, in place, with vectors and threads.
    ///
    /// # Errors
    /// [`LengthError`] unless all three have the same length.
    pub fn apply(
        &self,
        weights: &mut [f32],
        gradient: &[f32],
        velocity: &mut [f32],
    ) -> Result<(), LengthError> {
        let step = *self;
        each_remembered(weights, gradient, velocity, move |weight, gradient, velocity| {
            step.apply_portable(weight, gradient, velocity)
        })
    }
}

#[cfg(test)]
mod tests;
