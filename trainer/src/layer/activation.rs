//! Functions of single numbers.

use aipot_kernels::activation::{gelu, gelu_gradient, relu, relu_gradient, silu, silu_gradient};
use aipot_kernels::length::LengthError;

use super::{Behind, Layer, Seen};
use crate::engine::EngineError;

/// What is above zero.
#[derive(Debug)]
pub(super) struct Relu;

/// A function whose slope follows from what it reads.
#[derive(Debug)]
pub(super) struct Smooth {
    /// Of each number.
    function: Kernel,
    /// Of each gradient, in place, beside what was read.
    gradient: Kernel,
}

/// Writes values beside others.
type Kernel = fn(&[f32], &mut [f32]) -> Result<(), LengthError>;

/// Gaussian error linear unit.
pub(super) const GELU: Smooth = Smooth { function: gelu, gradient: gelu_gradient };
/// `x / (1 + exp(-x))`.
pub(super) const SILU: Smooth = Smooth { function: silu, gradient: silu_gradient };

impl Layer for Relu {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        output.copy_from_slice(seen.first());
        relu(output);
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (_, made): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(of_input) = behind.copied() else { return Ok(()) };
        relu_gradient(made, of_input).map_err(EngineError::kernel)
    }
}

impl Layer for Smooth {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        (self.function)(seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(of_input) = behind.copied() else { return Ok(()) };
        (self.gradient)(seen.first(), of_input).map_err(EngineError::kernel)
    }
}
