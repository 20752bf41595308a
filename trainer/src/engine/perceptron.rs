//! Linear layers with `ReLU` between them, and the loss of a classifier.

use aipot_kernels::activation::{relu, relu_gradient};
use aipot_kernels::cross_entropy::cross_entropy_rows;
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::EngineError;
use super::linear::Linear;
use super::room::Room;

/// Layers with the memory of some rows.
#[derive(Debug)]
pub(super) struct Perceptron {
    layers: Vec<Linear>,
    /// Outputs of each layer, `[row, output]`.
    outputs: Vec<Vec<f32>>,
    /// Gradients behind each layer, `[row, output]`.
    gradients: Vec<Vec<f32>>,
}

impl Perceptron {
    /// Layers of the widths, from features to classes, for at most `rows` rows.
    pub(super) fn new(rows: usize, widths: &[usize], room: &mut Room) -> Self {
        let sides = widths.iter().zip(widths.iter().skip(1));
        let layers = sides.map(|(&inputs, &outputs)| Linear { inputs, outputs });
        let layers: Vec<Linear> = layers.collect();
        let mut buffers = || {
            let buffer = |layer: &Linear| room.floats(rows.saturating_mul(layer.outputs));
            layers.iter().map(buffer).collect()
        };
        Self { outputs: buffers(), gradients: buffers(), layers }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// `tensors`: for each layer bias `[output]` and weight `[output, input]`; `input`:
    /// `[row, feature]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        rows: usize,
        input: &[f32],
    ) -> Result<(), EngineError> {
        let last = self.layers.len().saturating_sub(1);
        let (parameters, _) = tensors.as_chunks::<2>();
        let layers = self.layers.iter().zip(parameters).enumerate();
        for (index, (layer, [bias, weight])) in layers {
            let (before, from_here) = self.outputs.split_at_mut(index);
            let input = before.last().map_or(input, |input| &input[..rows * layer.inputs]);
            let output = &mut from_here[0][..rows * layer.outputs];
            layer.forward([bias, weight], input, output)?;
            if index < last {
                relu(output);
            }
        }
        Ok(())
    }

    /// What [`Self::forward`] came to for so many rows.
    pub(super) fn logits(&self, rows: usize) -> &[f32] {
        let ends = self.outputs.last().zip(self.layers.last());
        ends.map_or(&[], |(logits, layer)| &logits[..rows * layer.outputs])
    }

    /// Writes the losses of the labels in nats, and leaves the gradient behind the last layer.
    ///
    /// # Shapes
    /// `labels`, `losses`: `[row]`, the rows being those of the span.
    pub(super) fn loss(
        &mut self,
        span: RowSpan,
        labels: &[u32],
        losses: &mut [f32],
    ) -> Result<(), EngineError> {
        let (Some(logits), Some(gradient), Some(layer)) =
            (self.outputs.last(), self.gradients.last_mut(), self.layers.last())
        else {
            return Ok(());
        };
        let values = span.count * layer.outputs;
        let (logits, gradient) = (&logits[..values], &mut gradient[..values]);
        cross_entropy_rows((logits, layer.outputs), labels, span.total, (losses, gradient))
            .map_err(EngineError::kernel)
    }

    /// Goes on with the gradients of all tensors, and writes that of the input if it is wanted.
    ///
    /// # Shapes
    /// As [`Self::forward`]; `of_input` as the input.
    pub(super) fn backward(
        &mut self,
        (tensors, input): (&[Vec<f32>], &[f32]),
        span: RowSpan,
        sums: &mut [RunningSums<'_>],
        mut of_input: Option<&mut [f32]>,
    ) -> Result<(), EngineError> {
        let (parameters, _) = tensors.as_chunks::<2>();
        let (of_parameters, _) = sums.as_chunks_mut::<2>();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, from_here) = self.gradients.split_at_mut(index);
            let gradient = &from_here[0][..span.count * layer.outputs];
            let values = span.count * layer.inputs;
            let seen = match index.checked_sub(1) {
                Some(before) => &self.outputs[before][..values],
                None => input,
            };
            layer.parameter_gradient((seen, gradient), span, of_parameters[index].each_mut())?;
            let target = match before.last_mut() {
                Some(target) => &mut target[..values],
                None => match of_input.take() {
                    Some(target) => target,
                    None => return Ok(()),
                },
            };
            layer.input_gradient(&parameters[index][1], gradient, target)?;
            if index > 0 {
                relu_gradient(seen, target).map_err(EngineError::kernel)?;
            }
        }
        Ok(())
    }
}
