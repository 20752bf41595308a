//! Functions of single numbers.

use aipot_kernels::activation::{gelu, gelu_gradient, relu, relu_gradient, silu, silu_gradient};

use super::{Behind, Layer, Seen};
use crate::engine::EngineError;

/// What is above zero.
#[derive(Debug)]
pub(super) struct Relu;

/// Gaussian error linear unit.
#[derive(Debug)]
pub(super) struct Gelu;

/// `x / (1 + exp(-x))`.
#[derive(Debug)]
pub(super) struct Silu;

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
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        of_input.copy_from_slice(gradient);
        relu_gradient(made, of_input).map_err(EngineError::kernel)
    }
}

impl Layer for Gelu {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        gelu(seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        of_input.copy_from_slice(gradient);
        gelu_gradient(seen.first(), of_input).map_err(EngineError::kernel)
    }
}

impl Layer for Silu {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        silu(seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        of_input.copy_from_slice(gradient);
        silu_gradient(seen.first(), of_input).map_err(EngineError::kernel)
    }
}
