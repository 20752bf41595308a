//! Root mean square norm of rows.

use aipot_kernels::normalization::{
    Normalized, RmsNorm as Parameters, RmsNormRoom, rms_norm, rms_norm_input_gradient,
    rms_norm_parameter_gradient,
};

use super::{Behind, Layer, Seen, Site};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// A norm with what its gradient needs.
#[derive(Debug)]
pub(super) struct RmsNorm {
    epsilon: f32,
    /// Rows of an example.
    rows: usize,
    normalized: Vec<f32>,
    inverse_roots: Vec<f32>,
}

impl RmsNorm {
    pub(super) fn new(site: &Site<'_>, epsilon: f32, room: &mut Room) -> Result<Self, EngineError> {
        let (rows, width) = site.input_sides()?;
        let all = site.rows.saturating_mul(rows);
        Ok(Self {
            epsilon,
            rows,
            normalized: room.floats(all.saturating_mul(width)),
            inverse_roots: room.floats(all),
        })
    }
}

impl Layer for RmsNorm {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let &[gamma] = tensors else {
            return Err(EngineError::Overflow { quantity: "the list of tensors" });
        };
        let rows = seen.span.count * self.rows;
        let room = RmsNormRoom {
            normalized: &mut self.normalized[..output.len()],
            inverse_roots: &mut self.inverse_roots[..rows],
            output,
        };
        rms_norm(Parameters { gamma, epsilon: self.epsilon }, seen.first(), room)
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
            inverse_deviations: &self.inverse_roots[..span.count],
        };
        if let Some(of_gamma) = behind.sum(0) {
            rms_norm_parameter_gradient((normalized, gradient), span, of_gamma)
                .map_err(EngineError::kernel)?;
        }
        match (behind.of_first(), tensors) {
            (Some(of_input), [gamma]) => {
                rms_norm_input_gradient(gamma, normalized, gradient, of_input)
                    .map_err(EngineError::kernel)
            }
            _ => Ok(()),
        }
    }
}
