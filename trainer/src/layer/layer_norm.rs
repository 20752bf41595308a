//! Rows without their mean and with a variance of one, then weight and bias.

use aipot_kernels::normalization::{
    LayerNorm as Parameters, LayerNormRoom, Normalized, layer_norm, layer_norm_input_gradient,
    layer_norm_parameter_gradient,
};

use super::{Behind, Layer, Seen, Site};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// A layer norm with what its gradient needs.
#[derive(Debug)]
pub(super) struct LayerNorm {
    epsilon: f32,
    /// Rows of an example.
    rows: usize,
    normalized: Vec<f32>,
    inverse_deviations: Vec<f32>,
}

impl LayerNorm {
    pub(super) fn new(site: &Site<'_>, epsilon: f32, room: &mut Room) -> Result<Self, EngineError> {
        let (rows, width) = site.input_sides()?;
        let all = site.rows.saturating_mul(rows);
        Ok(Self {
            epsilon,
            rows,
            normalized: room.floats(all.saturating_mul(width)),
            inverse_deviations: room.floats(all),
        })
    }
}

impl Layer for LayerNorm {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let &[beta, gamma] = tensors else {
            return Err(EngineError::Overflow { quantity: "the list of tensors" });
        };
        let rows = seen.span.count * self.rows;
        let room = LayerNormRoom {
            normalized: &mut self.normalized[..output.len()],
            inverse_deviations: &mut self.inverse_deviations[..rows],
            output,
        };
        layer_norm(Parameters { gamma, beta, epsilon: self.epsilon }, seen.first(), room)
            .map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        tensors: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let span = seen.span.times(self.rows);
        let normalized = Normalized {
            values: &self.normalized[..gradient.len()],
            inverse_deviations: &self.inverse_deviations[..span.count],
        };
        if let Some([of_beta, of_gamma]) = behind.pair() {
            layer_norm_parameter_gradient((normalized, gradient), span, of_gamma, of_beta)
                .map_err(EngineError::kernel)?;
        }
        match (behind.of_first(), tensors) {
            (Some(of_input), [_, gamma]) => {
                layer_norm_input_gradient(gamma, normalized, gradient, of_input)
                    .map_err(EngineError::kernel)
            }
            _ => Ok(()),
        }
    }
}
