//! Steps of optimizers on a device; see [`crate::update`].

use aipot_shaders::canonical;

use super::{OperatorError, Operators, Tensor, WORKGROUP, kernel};
use crate::device::{ComputeDevice, Kernel};
use crate::update::{AdamWStep, MomentumStep};

const ADAMW: Kernel = kernel("canonical_adamw", canonical::ADAMW);
const MOMENTUM: Kernel = kernel("canonical_momentum", canonical::MOMENTUM);

impl<D: ComputeDevice> Operators<'_, D> {
    /// One step of `AdamW` over weights and both moments, in place.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] unless all four have the same length.
    pub fn adamw(
        &self,
        step: &AdamWStep,
        gradient: &Tensor<D>,
        weights: &Tensor<D>,
        [first, second]: [&Tensor<D>; 2],
    ) -> Result<(), OperatorError> {
        let count = weights.value_count();
        gradient.check(ADAMW.name, "gradient", count)?;
        first.check(ADAMW.name, "first moment", count)?;
        second.check(ADAMW.name, "second moment", count)?;
        let AdamWStep { beta1, beta2, epsilon, kept, step_rate, root } = *step;
        let mut sizes = vec![count];
        sizes.extend([beta1, beta2, epsilon, kept, step_rate, root].map(f32::to_bits));
        let operands = [gradient, weights, first, second].map(|tensor| &tensor.words);
        self.run_over(&ADAMW, &sizes, &operands, count.div_ceil(WORKGROUP))
    }

    /// One step of momentum over weights and velocity, in place.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] unless all three have the same length.
    pub fn momentum(
        &self,
        step: &MomentumStep,
        gradient: &Tensor<D>,
        weights: &Tensor<D>,
        velocity: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let count = weights.value_count();
        gradient.check(MOMENTUM.name, "gradient", count)?;
        velocity.check(MOMENTUM.name, "velocity", count)?;
        let MomentumStep { momentum, kept, rate } = *step;
        let mut sizes = vec![count];
        sizes.extend([momentum, kept, rate].map(f32::to_bits));
        let operands = [gradient, weights, velocity].map(|tensor| &tensor.words);
        self.run_over(&MOMENTUM, &sizes, &operands, count.div_ceil(WORKGROUP))
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
