//! Linear layers with rectifiers between them.

use alloc::vec::Vec;

use super::Parameters;
use crate::program::SlotIndex;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::linear::{Linear, rectify, rectify_backward};

/// The layers and what went through them.
pub(super) struct Perceptron {
    layers: Vec<Linear>,
    /// The input of each layer.
    inputs: Vec<SlotIndex>,
    /// `[rows, classes]`.
    pub(super) logits: SlotIndex,
}

impl Perceptron {
    /// # Shapes
    /// `input`: `[rows, features]`; `widths`: from the features to the classes.
    pub(super) fn forward(
        builder: &mut Builder,
        parameters: &mut Parameters<'_>,
        (input, rows): (SlotIndex, u32),
        widths: &[u32],
    ) -> Result<Self, ProgramError> {
        let mut perceptron = Self { layers: Vec::new(), inputs: Vec::new(), logits: input };
        let count = widths.len().saturating_sub(1);
        for (layer, sides) in (0_u16..).zip(widths.windows(2)) {
            let &[inputs, outputs] = sides else { continue };
            builder.enter(layer);
            let linear = Linear::new(parameters.pair()?, rows, [inputs, outputs]);
            let output = linear.forward(builder, perceptron.logits)?;
            if usize::from(layer).saturating_add(1) < count {
                rectify(builder, output, rows.saturating_mul(outputs))?;
            }
            perceptron.layers.push(linear);
            perceptron.inputs.push(perceptron.logits);
            perceptron.logits = output;
        }
        Ok(perceptron)
    }

    /// All gradients, and that of the input if it `is_needed`.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        logits_gradient: SlotIndex,
        gradients: &mut Gradients,
        is_needed: bool,
    ) -> Result<Option<SlotIndex>, ProgramError> {
        let mut gradient = logits_gradient;
        let layers = (0_u16..).zip(self.layers.iter().zip(&self.inputs)).collect::<Vec<_>>();
        for (layer, (linear, input)) in layers.into_iter().rev() {
            builder.enter(layer);
            linear.backward(builder, (*input, gradient), gradients)?;
            if layer == 0 && !is_needed {
                builder.release(gradient);
                return Ok(None);
            }
            let before = linear.input_gradient(builder, gradient)?;
            builder.release(gradient);
            if layer > 0 {
                let count = linear.rows.saturating_mul(linear.inputs);
                rectify_backward(builder, (*input, before), count)?;
            }
            gradient = before;
        }
        Ok(Some(gradient))
    }
}
