//! Attention over packed rows.

use aipot_domain_runtime::order::network::AttentionMask;
use aipot_kernels::attention::{Heads, Mask, attention, attention_gradient};

use super::{Behind, Layer, Seen, Site, size};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// An attention with what its gradient needs.
#[derive(Debug)]
pub(super) struct Attention {
    /// Of one example.
    heads: Heads,
    mask: AttentionMask,
    probabilities: Vec<f32>,
}

impl Attention {
    pub(super) fn new(
        site: &Site<'_>,
        (heads, mask): (u32, AttentionMask),
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let (tokens, width) = site.output_sides()?;
        let heads = size(heads)?;
        let head_width = width.checked_div(heads).unwrap_or(0);
        let heads = Heads { batch: 1, tokens, heads, head_width };
        let values = site.rows.saturating_mul(heads.probability_values());
        Ok(Self { heads, mask, probabilities: room.floats(values) })
    }

    /// The heads of so many examples.
    fn of(&self, batch: usize) -> Heads {
        Heads { batch, ..self.heads }
    }
}

impl Layer for Attention {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let heads = self.of(seen.span.count);
        let mask = match self.mask {
            AttentionMask::None => Mask::None,
            AttentionMask::Causal => Mask::Causal,
            AttentionMask::Padding => Mask::Padding(seen.tokens),
        };
        let probabilities = &mut self.probabilities[..heads.batch * heads.probability_values()];
        attention(heads, mask, seen.first(), probabilities, output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        let heads = self.of(seen.span.count);
        let probabilities = &self.probabilities[..heads.batch * heads.probability_values()];
        attention_gradient(heads, seen.first(), probabilities, gradient, of_input)
            .map_err(EngineError::kernel)
    }
}
