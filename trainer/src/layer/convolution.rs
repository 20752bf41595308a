//! A convolution over images in a frame of zeros.

use aipot_kernels::convolution::{
    Geometry, bias_gradient_rows, forward, input_gradient, weight_gradient_rows,
};

use super::{Behind, Kind, Layer, Seen, Site, size};
use crate::engine::EngineError;

/// A convolution; it keeps nothing but its sizes.
#[derive(Debug)]
pub(super) struct Convolution {
    /// For a single image.
    geometry: Geometry,
}

impl Convolution {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let image = site.image()?;
        let Kind::Convolution { outputs, kernel, stride, padding, .. } = site.node.layer else {
            return Err(site.no_layer());
        };
        Ok(Self {
            geometry: Geometry {
                batch: 1,
                channels: size(image.channels)?,
                height: size(image.height)?,
                width: size(image.width)?,
                kernel: size(kernel)?,
                outputs: size(outputs)?,
                stride: size(stride)?,
                padding: size(padding)?,
            },
        })
    }

    /// The sizes for the images at hand.
    fn over(&self, seen: &Seen<'_>) -> Geometry {
        Geometry { batch: seen.span.count, ..self.geometry }
    }
}

impl Layer for Convolution {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let (bias, weight) = match *tensors {
            [weight] => (None, weight),
            [bias, weight] => (Some(bias), weight),
            _ => return Err(EngineError::Overflow { quantity: "the list of tensors" }),
        };
        forward(self.over(&seen), seen.first(), weight, bias, output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        tensors: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let (geometry, gradient, span) = (self.over(&seen), behind.gradient, seen.span);
        let Some((weight_index, weight)) = tensors.iter().enumerate().next_back() else {
            return Err(EngineError::Overflow { quantity: "the list of tensors" });
        };
        if let Some(of_weight) = behind.sum(weight_index) {
            let pair = (seen.first(), gradient);
            weight_gradient_rows(geometry, pair, span, of_weight.totals)
                .map_err(EngineError::kernel)?;
        }
        if weight_index > 0
            && let Some(of_bias) = behind.sum(0)
        {
            bias_gradient_rows(geometry, gradient, span, of_bias.totals)
                .map_err(EngineError::kernel)?;
        }
        match behind.of_first() {
            Some(of_input) => {
                input_gradient(geometry, weight, gradient, of_input).map_err(EngineError::kernel)
            }
            None => Ok(()),
        }
    }
}
