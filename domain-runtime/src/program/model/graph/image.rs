//! Layers over images.

use super::backward::{Before, one};
use super::{Kept, Site};
use crate::order::ImageShape;
use crate::order::network::{Layer, ValueShape};
use crate::program::SlotIndex;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::layers::convolution::Convolution;
use crate::program::layers::group_norm::GroupNorm;
use crate::program::layers::pool::{AveragePool, MaxPool, Patches};
use crate::program::layers::{Gradients, Pair};

/// A layer over images with its sides.
enum ImageLayer {
    Convolution(Convolution),
    MaxPool(MaxPool),
    AveragePool(AveragePool),
    GroupNorm(GroupNorm),
    Patches(Patches),
}

impl Site<'_> {
    /// As [`Site::forward`].
    pub(super) fn image_forward(
        &self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        let made = match self.image_layer()? {
            ImageLayer::Convolution(convolution) => convolution.forward(builder, input)?,
            ImageLayer::MaxPool(pool) => pool.forward(builder, input)?,
            ImageLayer::AveragePool(pool) => pool.forward(builder, input)?,
            ImageLayer::Patches(patches) => patches.forward(builder, input)?,
            ImageLayer::GroupNorm(norm) => {
                let normed = norm.forward(builder, input)?;
                return Ok((normed.output, Kept::GroupNorm(normed)));
            }
        };
        Ok((made, Kept::Nothing))
    }

    /// As [`Site::backward`].
    pub(super) fn image_backward(
        &self,
        builder: &mut Builder,
        (kept, gradient): (Kept, SlotIndex),
        is_wanted: bool,
        gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        let (input, _) = self.input()?;
        let layer = self.image_layer()?;
        if self.is_trained {
            match (&layer, kept) {
                (ImageLayer::Convolution(convolution), _) => {
                    convolution.parameter_gradients(builder, (input, gradient), gradients)?;
                }
                (ImageLayer::GroupNorm(norm), Kept::GroupNorm(normed)) => {
                    norm.parameter_gradients(builder, (normed, gradient), gradients)?;
                }
                _ => return self.no_operators(),
            }
        }
        if !is_wanted {
            return one(builder, gradient, None);
        }
        let before = match (layer, kept) {
            (ImageLayer::Convolution(convolution), _) => {
                convolution.input_gradient(builder, gradient)
            }
            (ImageLayer::MaxPool(pool), _) => pool.backward(builder, (input, gradient)),
            (ImageLayer::AveragePool(pool), _) => pool.backward(builder, gradient),
            (ImageLayer::Patches(patches), _) => patches.backward(builder, gradient),
            (ImageLayer::GroupNorm(norm), Kept::GroupNorm(normed)) => {
                norm.input_gradient(builder, normed, gradient)
            }
            (ImageLayer::GroupNorm(_), _) => return self.no_operators(),
        };
        one(builder, gradient, Some(before))
    }

    /// The image that it reads.
    fn image(&self) -> Result<ImageShape, ProgramError> {
        match self.input()? {
            (_, ValueShape::Image(image)) => Ok(image),
            _ => self.no_operators(),
        }
    }

    fn image_layer(&self) -> Result<ImageLayer, ProgramError> {
        let (image, batch) = (self.image()?, self.batch);
        let planes = batch.saturating_mul(image.channels);
        let pixels = image.height.saturating_mul(image.width);
        match (self.node.layer, self.node.shape) {
            (Layer::Convolution { kernel, stride, padding, .. }, ValueShape::Image(output)) => {
                let (weight, bias) = self.weight()?;
                let input = image;
                let convolution =
                    Convolution { weight, bias, batch, input, output, kernel, stride, padding };
                Ok(ImageLayer::Convolution(convolution))
            }
            (Layer::MaxPool, ValueShape::Image(ImageShape { height, width, .. })) => {
                Ok(ImageLayer::MaxPool(MaxPool { planes, height, width }))
            }
            (Layer::AveragePool, _) => Ok(ImageLayer::AveragePool(AveragePool { planes, pixels })),
            (Layer::Patches { side }, _) => Ok(ImageLayer::Patches(Patches { batch, image, side })),
            (Layer::GroupNorm { groups, epsilon }, _) => match self.weight()? {
                (weight, Some(bias)) => Ok(ImageLayer::GroupNorm(GroupNorm {
                    pair: Pair { bias, weight },
                    batch,
                    groups,
                    channels: image.channels,
                    pixels,
                    epsilon,
                })),
                (_, None) => self.no_operators(),
            },
            _ => self.no_operators(),
        }
    }
}
