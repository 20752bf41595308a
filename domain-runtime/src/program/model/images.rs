//! Convolutions, and linear layers behind them.

use alloc::vec::Vec;

use super::Parameters;
use super::perceptron::Perceptron;
use crate::order::shape::ConvolutionStage;
use crate::program::SlotIndex;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::convolution::{Convolution, Convolved};

/// The layers and what went through them.
pub(super) struct Images {
    convolutions: Vec<(Convolution, Convolved)>,
    pub(super) perceptron: Perceptron,
}

impl Images {
    /// # Shapes
    /// `input`: `[batch, channel, row, column]`; `widths`: from the last feature map to the classes.
    pub(super) fn forward(
        builder: &mut Builder,
        parameters: &mut Parameters<'_>,
        (input, batch): (SlotIndex, u32),
        (stages, widths): (Vec<ConvolutionStage>, &[u32]),
    ) -> Result<Self, ProgramError> {
        let (mut convolutions, mut features) = (Vec::new(), input);
        for (layer, stage) in (0_u16..).zip(stages) {
            builder.enter(layer);
            let convolution = Convolution { pair: parameters.pair()?, batch, stage };
            let convolved = convolution.forward(builder, features)?;
            features = convolved.output;
            convolutions.push((convolution, convolved));
        }
        let perceptron = Perceptron::forward(builder, parameters, (features, batch), widths)?;
        Ok(Self { convolutions, perceptron })
    }

    /// All gradients.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        logits_gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let is_needed = !self.convolutions.is_empty();
        let behind = self.perceptron.backward(builder, logits_gradient, gradients, is_needed)?;
        let Some(mut gradient) = behind else { return Ok(()) };
        let layers = (0_u16..).zip(&self.convolutions).collect::<Vec<_>>();
        for (layer, (convolution, convolved)) in layers.into_iter().rev() {
            builder.enter(layer);
            let behind = convolution.backward(builder, (*convolved, gradient), gradients)?;
            builder.release(gradient);
            if layer == 0 {
                builder.release(behind);
                return Ok(());
            }
            gradient = convolution.input_gradient(builder, behind)?;
            builder.release(behind);
        }
        Ok(())
    }
}
