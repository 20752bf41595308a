//! Channels by groups without their mean and with a variance of one, then weight and bias.

use aipot_kernels::normalization::{
    GroupNorm as Parameters, LayerNormRoom, Normalized, add_group_norm_parameter_gradient,
    group_norm, group_norm_input_gradient,
};

use super::{Behind, Layer, Seen, Site, size};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// A group norm with what its gradient needs.
#[derive(Debug)]
pub(super) struct GroupNorm {
    groups: usize,
    pixels: usize,
    epsilon: f32,
    normalized: Vec<f32>,
    inverse_deviations: Vec<f32>,
}

impl GroupNorm {
    pub(super) fn new(
        site: &Site<'_>,
        (groups, epsilon): (u32, f32),
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let (image, groups) = (site.image()?, size(groups)?);
        let pixels = size(image.height)?.saturating_mul(size(image.width)?);
        let values = pixels.saturating_mul(size(image.channels)?);
        Ok(Self {
            groups,
            pixels,
            epsilon,
            normalized: room.floats(site.rows.saturating_mul(values)),
            inverse_deviations: room.floats(site.rows.saturating_mul(groups)),
        })
    }

    fn parameters<'tensors>(
        &self,
        tensors: &[&'tensors [f32]],
    ) -> Result<Parameters<'tensors>, EngineError> {
        let Self { groups, pixels, epsilon, .. } = *self;
        match *tensors {
            [beta, gamma] => Ok(Parameters { gamma, beta, groups, pixels, epsilon }),
            _ => Err(EngineError::Overflow { quantity: "the list of tensors" }),
        }
    }
}

impl Layer for GroupNorm {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let parameters = self.parameters(tensors)?;
        let room = LayerNormRoom {
            normalized: &mut self.normalized[..output.len()],
            inverse_deviations: &mut self.inverse_deviations[..seen.span.count * self.groups],
            output,
        };
        group_norm(parameters, seen.first(), room).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        tensors: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let (parameters, gradient) = (self.parameters(tensors)?, behind.gradient);
        let normalized = Normalized {
            values: &self.normalized[..gradient.len()],
            inverse_deviations: &self.inverse_deviations[..seen.span.count * self.groups],
        };
        if let Some([of_beta, of_gamma]) = behind.pair() {
            let (of_gamma, of_beta) = (of_gamma.totals, of_beta.totals);
            if seen.span.is_first() {
                of_gamma.fill(0.0);
                of_beta.fill(0.0);
            }
            let pair = (normalized, gradient);
            add_group_norm_parameter_gradient(parameters, pair, of_gamma, of_beta)
                .map_err(EngineError::kernel)?;
        }
        match behind.of_first() {
            Some(of_input) => group_norm_input_gradient(parameters, normalized, gradient, of_input)
                .map_err(EngineError::kernel),
            None => Ok(()),
        }
    }
}
