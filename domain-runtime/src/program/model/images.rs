//! Convolutions, and linear layers behind them.

use alloc::vec::Vec;

use super::Parameters;
use super::perceptron::Perceptron;
use crate::order::shape::ConvolutionStage;
use crate::program::SlotIndex;
use crate::program::builder::{Builder, element_count};
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::convolution::Convolution;
use crate::program::layers::linear::{rectify, rectify_backward};
use crate::program::layers::pool::MaxPool;

/// A convolution, a rectifier and a maximum over 2 x 2.
#[derive(Clone, Copy)]
struct Stage {
    convolution: Convolution,
    pool: MaxPool,
    /// The input, `[batch, channel, row, column]`.
    input: SlotIndex,
    /// Behind the rectifier, `[batch, output, row, column]`.
    rectified: SlotIndex,
}

/// The layers and what went through them.
pub(super) struct Images {
    stages: Vec<Stage>,
    pub(super) perceptron: Perceptron,
}

impl Stage {
    /// Sends images through; gives what comes out as well.
    fn forward(
        builder: &mut Builder,
        parameters: &mut Parameters<'_>,
        (input, batch): (SlotIndex, u32),
        stage: ConvolutionStage,
    ) -> Result<(Self, SlotIndex), ProgramError> {
        let pair = parameters.pair()?;
        let convolution = Convolution {
            weight: pair.weight,
            bias: Some(pair.bias),
            batch,
            input: stage.input,
            output: stage.output,
            kernel: stage.kernel,
            stride: 1,
            padding: 0,
        };
        let planes = batch.saturating_mul(stage.output.channels);
        let (height, width) = (stage.pooled.height, stage.pooled.width);
        let pool = MaxPool { planes, height, width };
        let rectified = convolution.forward(builder, input)?;
        let sides = [planes, stage.output.height, stage.output.width];
        rectify(builder, rectified, element_count("rectifier", &sides)?)?;
        let pooled = pool.forward(builder, rectified)?;
        Ok((Self { convolution, pool, input, rectified }, pooled))
    }

    /// The gradient before the rectifier, and those of weight and bias.
    fn backward(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { convolution, pool, input, rectified } = self;
        let spread = pool.backward(builder, (rectified, gradient))?;
        let sides = [pool.planes, convolution.output.height, convolution.output.width];
        rectify_backward(builder, (rectified, spread), element_count("rectifier", &sides)?)?;
        convolution.parameter_gradients(builder, (input, spread), gradients)?;
        Ok(spread)
    }
}

impl Images {
    /// # Shapes
    /// `input`: `[batch, channel, row, column]`; `widths`: from the last feature map to the classes.
    pub(super) fn forward(
        builder: &mut Builder,
        parameters: &mut Parameters<'_>,
        (input, batch): (SlotIndex, u32),
        (shapes, widths): (Vec<ConvolutionStage>, &[u32]),
    ) -> Result<Self, ProgramError> {
        let (mut stages, mut features) = (Vec::new(), input);
        for (layer, shape) in (0_u16..).zip(shapes) {
            builder.enter(layer);
            let (stage, output) = Stage::forward(builder, parameters, (features, batch), shape)?;
            features = output;
            stages.push(stage);
        }
        let perceptron = Perceptron::forward(builder, parameters, (features, batch), widths)?;
        Ok(Self { stages, perceptron })
    }

    /// All gradients.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        logits_gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let is_needed = !self.stages.is_empty();
        let behind = self.perceptron.backward(builder, logits_gradient, gradients, is_needed)?;
        let Some(mut gradient) = behind else { return Ok(()) };
        let layers = (0_u16..).zip(&self.stages).collect::<Vec<_>>();
        for (layer, stage) in layers.into_iter().rev() {
            builder.enter(layer);
            let behind = stage.backward(builder, gradient, gradients)?;
            builder.release(gradient);
            if layer == 0 {
                builder.release(behind);
                return Ok(());
            }
            gradient = stage.convolution.input_gradient(builder, behind)?;
            builder.release(behind);
        }
        Ok(())
    }
}
