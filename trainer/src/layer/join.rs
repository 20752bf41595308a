//! Values that become one, or another form of themselves.

use aipot_kernels::canonical::canonical;

use super::{Behind, Layer, Seen};
use crate::engine::EngineError;

/// The sum of two values.
#[derive(Debug)]
pub(super) struct Add;

/// The same numbers as one row.
#[derive(Debug)]
pub(super) struct Flatten;

impl Layer for Add {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let [left, right] = seen.values;
        let pairs = left.iter().zip(right);
        output
            .iter_mut()
            .zip(pairs)
            .for_each(|(sum, (left, right))| *sum = canonical(left + right));
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        _: (Seen<'_>, &[f32]),
        behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        for of_value in behind.of_values.into_iter().flatten() {
            of_value.copy_from_slice(behind.gradient);
        }
        Ok(())
    }
}

impl Layer for Flatten {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        output.copy_from_slice(seen.first());
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        _: (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        behind.copied();
        Ok(())
    }
}
