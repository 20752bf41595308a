//! Products number by number: of two values, and with a constant.

use aipot_kernels::elements::{multiply, scale};

use super::{Behind, Layer, Seen};
use crate::engine::EngineError;

/// The product of two values.
#[derive(Debug)]
pub(super) struct Multiply;

/// Times a constant.
#[derive(Debug)]
pub(super) struct Scale {
    /// The constant.
    pub(super) factor: f32,
}

impl Layer for Multiply {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let [left, right] = seen.values;
        output.copy_from_slice(left);
        multiply(right, output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let [left, right] = seen.values;
        for (of_value, other) in behind.of_values.into_iter().zip([right, left]) {
            let Some(of_value) = of_value else { continue };
            of_value.copy_from_slice(behind.gradient);
            multiply(other, of_value).map_err(EngineError::kernel)?;
        }
        Ok(())
    }
}

impl Layer for Scale {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        output.copy_from_slice(seen.first());
        scale(self.factor, output);
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        _: (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(of_input) = behind.copied() else { return Ok(()) };
        scale(self.factor, of_input);
        Ok(())
    }
}
