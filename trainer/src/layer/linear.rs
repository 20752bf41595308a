//! Rows times a weight, with or without a bias.

use super::{Behind, Layer, Seen, Site};
use crate::engine::EngineError;
use crate::engine::linear::{Linear as Product, bias_gradient};

/// A linear layer over the rows of all examples.
#[derive(Debug)]
pub(super) struct Linear {
    product: Product,
    /// Rows of an example.
    rows: usize,
    has_bias: bool,
}

impl Linear {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let ((rows, inputs), (_, outputs)) = (site.input_sides()?, site.output_sides()?);
        let has_bias = site.node.tensors.len() > 1;
        Ok(Self { product: Product { inputs, outputs }, rows, has_bias })
    }

    /// The place of the weight among the tensors.
    fn weight_index(&self) -> usize {
        usize::from(self.has_bias)
    }
}

impl Layer for Linear {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        match *tensors {
            [weight] => self.product.unbiased(weight, seen.first(), output),
            [bias, weight] => self.product.forward([bias, weight], seen.first(), output),
            _ => Err(EngineError::Overflow { quantity: "the list of tensors" }),
        }
    }

    fn backward(
        &mut self,
        tensors: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let (gradient, span) = (behind.gradient, seen.span.times(self.rows));
        let weight = self.weight_index();
        if let Some(mut of_weight) = behind.sum(weight) {
            let pair = (seen.first(), gradient);
            self.product.weight_gradient(pair, span, &mut of_weight)?;
        }
        if self.has_bias
            && let Some(mut of_bias) = behind.sum(0)
        {
            bias_gradient(gradient, span, &mut of_bias)?;
        }
        match (behind.of_first(), tensors.get(weight)) {
            (Some(of_input), Some(weight)) => {
                self.product.input_gradient(weight, gradient, of_input)
            }
            _ => Ok(()),
        }
    }
}
