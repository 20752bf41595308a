//! One step of an optimizer over the values of a tensor, in place: `AdamW` and momentum; in rooms of their
//! own gradient descent, Nesterov's momentum, Lion and the direction of Muon.
//!
//! Every value is computed alone, by separate multiplications and additions, each rounded; so no
//! cutting changes a bit. What all values of a step share is computed once, from scalars that a
//! training run keeps beside its moments: the powers of the betas, one multiplication each step.

mod descent;
mod each;
mod lion;
mod orthogonal;
mod values;

pub use descent::{DescentStep, NesterovStep};
pub use lion::LionStep;
pub use orthogonal::{OrthogonalError, Orthogonalizer};
pub use values::{add, average, scale, square_sum, square_sum_portable};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::length::{self, LengthError};

/// Values that one thread updates at a time: some 10 microseconds of work.
const CHUNK_VALUES: usize = 1 << 14;

/// What an order says about Adam with decoupled weight decay.
///
/// # Source
/// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConstants {
    /// Decay of the mean gradient.
    pub beta1: f32,
    /// Decay of the mean squared gradient.
    pub beta2: f32,
    /// Keeps the division from zero.
    pub epsilon: f32,
    /// Share of the weights that is lost at a learning rate of 1.
    pub weight_decay: f32,
}

/// The powers of the betas up to the step at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWScalars {
    /// `beta1` to the number of steps.
    pub power1: f32,
    /// `beta2` to the number of steps.
    pub power2: f32,
}

impl AdamWScalars {
    /// Before the first step.
    pub const START: Self = Self { power1: 1.0, power2: 1.0 };

    /// Goes on to the next step: each power times its beta.
    pub fn advance(&mut self, beta1: f32, beta2: f32) {
        self.power1 = canonical(self.power1 * beta1);
        self.power2 = canonical(self.power2 * beta2);
    }

    /// What all values of this step share, at a learning rate of `rate`.
    ///
    /// kept = 1 - rate `weight_decay`; step rate = rate / (1 - power1); root = sqrt(1 - power2).
    pub fn step(self, constants: AdamWConstants, rate: f32) -> AdamWStep {
        let AdamWConstants { beta1, beta2, epsilon, weight_decay } = constants;
        AdamWStep {
            beta1,
            beta2,
            epsilon,
            kept: canonical(1.0 - rate * weight_decay),
            step_rate: canonical(rate / (1.0 - self.power1)),
            root: canonical((1.0 - self.power2).sqrt()),
        }
    }
}

/// One step of `AdamW`, the same for all values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// Decay of the mean gradient.
    pub beta1: f32,
    /// Decay of the mean squared gradient.
    pub beta2: f32,
    /// Keeps the division from zero.
    pub epsilon: f32,
    /// Share of the weight that stays.
    pub kept: f32,
    /// Learning rate over the bias correction of the mean gradient.
    pub step_rate: f32,
    /// Root of the bias correction of the mean squared gradient.
    pub root: f32,
}

impl AdamWStep {
    /// The weight and its two moments after the step. The definition.
    ///
    /// m = beta1 m + (1 - beta1) g; v = beta2 v + ((1 - beta2) g) g;
    /// w = kept w - step rate (m / (sqrt(v) / root + epsilon)).
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's features")]
    #[inline(always)]
    pub fn apply_portable(
        &self,
        weight: f32,
        gradient: f32,
        (first, second): (f32, f32),
    ) -> (f32, f32, f32) {
        let first = self.beta1 * first + (1.0 - self.beta1) * gradient;
        let second = self.beta2 * second + ((1.0 - self.beta2) * gradient) * gradient;
        let size = second.sqrt() / self.root + self.epsilon;
        let weight = self.kept * weight - self.step_rate * (first / size);
        (canonical(weight), canonical(first), canonical(second))
    }

    /// [`Self::apply_portable`] for every weight, in place, with vectors and threads.
    ///
    /// # Errors
    /// [`LengthError`] unless all four have the same length.
    pub fn apply(
        &self,
        weights: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) -> Result<(), LengthError> {
        length::check("the gradient", gradient.len(), weights.len())?;
        length::check("the first moment", first.len(), weights.len())?;
        length::check("the second moment", second.len(), weights.len())?;
        let moments = first.par_chunks_mut(CHUNK_VALUES).zip(second.par_chunks_mut(CHUNK_VALUES));
        let gradients = gradient.par_chunks(CHUNK_VALUES);
        let chunks = weights.par_chunks_mut(CHUNK_VALUES).zip(gradients).zip(moments);
        chunks.for_each(|((weights, gradient), (first, second))| {
            Arch::new().dispatch(AdamWChunk { step: *self, weights, gradient, first, second });
        });
        Ok(())
    }
}

/// One step of stochastic gradient descent with momentum, the same for all values.
///
/// # Source
/// Sutskever and others, "On the importance of initialization and momentum", 2013, equations 1 and
/// 2, with the learning rate applied to the velocity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentumStep {
    /// Share of the velocity that stays.
    pub momentum: f32,
    /// Share of the weight that stays.
    pub kept: f32,
    /// How far the velocity carries.
    pub rate: f32,
}

impl MomentumStep {
    /// The step at a learning rate of `rate`: kept = 1 - rate `weight_decay`.
    pub fn new(momentum: f32, weight_decay: f32, rate: f32) -> Self {
        Self { momentum, kept: canonical(1.0 - rate * weight_decay), rate }
    }

    /// The weight and its velocity after the step. The definition.
    ///
    /// v = momentum v + g; w = kept w - rate v.
    #[expect(clippy::inline_always, reason = "must be compiled with the caller's features")]
    #[inline(always)]
    pub fn apply_portable(&self, weight: f32, gradient: f32, velocity: f32) -> (f32, f32) {
        let velocity = self.momentum * velocity + gradient;
        let weight = self.kept * weight - self.rate * velocity;
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
        length::check("the gradient", gradient.len(), weights.len())?;
        length::check("the velocity", velocity.len(), weights.len())?;
        let gradients = gradient.par_chunks(CHUNK_VALUES);
        let velocities = velocity.par_chunks_mut(CHUNK_VALUES);
        let chunks = weights.par_chunks_mut(CHUNK_VALUES).zip(gradients).zip(velocities);
        chunks.for_each(|((weights, gradient), velocity)| {
            Arch::new().dispatch(MomentumChunk { step: *self, weights, gradient, velocity });
        });
        Ok(())
    }
}

/// Some values of a step of `AdamW`, compiled once for each instruction set.
struct AdamWChunk<'values> {
    step: AdamWStep,
    weights: &'values mut [f32],
    gradient: &'values [f32],
    first: &'values mut [f32],
    second: &'values mut [f32],
}

impl WithSimd for AdamWChunk<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let moments = self.first.iter_mut().zip(self.second);
        let values = self.weights.iter_mut().zip(self.gradient).zip(moments);
        for ((weight, gradient), (first, second)) in values {
            (*weight, *first, *second) =
                self.step.apply_portable(*weight, *gradient, (*first, *second));
        }
    }
}

/// Some values of a step of momentum, compiled once for each instruction set.
struct MomentumChunk<'values> {
    step: MomentumStep,
    weights: &'values mut [f32],
    gradient: &'values [f32],
    velocity: &'values mut [f32],
}

impl WithSimd for MomentumChunk<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let values = self.weights.iter_mut().zip(self.gradient).zip(self.velocity);
        for ((weight, gradient), velocity) in values {
            (*weight, *velocity) = self.step.apply_portable(*weight, *gradient, *velocity);
        }
    }
}

#[cfg(test)]
mod tests;
