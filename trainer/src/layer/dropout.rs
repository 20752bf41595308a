//! Values left out at random while a network is trained.

use aipot_domain_runtime::order::network::DropoutConstants;
use aipot_kernels::dropout::{Dropout as Constants, dropout, dropout_stream};

use super::{Behind, Layer, Seen, Site};
use crate::batch_order::seed_bytes;
use crate::engine::EngineError;

/// Dropout of one layer. What is left out depends on the layer, the step and the place in the batch alone.
#[derive(Debug)]
pub(super) struct Dropout {
    constants: Constants,
    /// The layer's number.
    node: u32,
    /// Values of an example.
    values: u64,
}

impl Dropout {
    /// `rate`: the bits of an f32.
    pub(super) fn new(site: &Site<'_>, rate: u32) -> Result<Self, EngineError> {
        let DropoutConstants { threshold, factor } = DropoutConstants::new(rate);
        let node = u32::try_from(site.number);
        Ok(Self {
            constants: Constants { threshold, factor: f32::from_bits(factor) },
            node: node.map_err(|_| EngineError::Overflow { quantity: "the list of layers" })?,
            values: site.node.shape.value_count(),
        })
    }

    /// Leaves out values of a piece; all pass outside of training.
    fn apply(&self, seen: Seen<'_>, values: &mut [f32]) {
        let Some(draw) = seen.draw else { return };
        let stream = dropout_stream(&seed_bytes(draw.seed), self.node, draw.number);
        let before = u64::try_from(seen.span.before).unwrap_or(u64::MAX);
        dropout(self.constants, &stream, before.saturating_mul(self.values), values);
    }
}

impl Layer for Dropout {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        output.copy_from_slice(seen.first());
        self.apply(seen, output);
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(of_input) = behind.copied() else { return Ok(()) };
        self.apply(seen, of_input);
        Ok(())
    }
}
