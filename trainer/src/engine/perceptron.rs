//! Linear layers with `ReLU` between them, and the loss of a classifier.

use aipot_kernels::activation::{relu, relu_gradient};
use aipot_kernels::matmul::matmul_into;
use aipot_kernels::matrix::Matrix;
use aipot_kernels::reduction::{mean, sum_columns_into};
use aipot_kernels::softmax::{negative_log_likelihood, softmax};

use super::EngineError;

/// Layers with the memory of one batch.
#[derive(Debug)]
pub(crate) struct Perceptron {
    rows: usize,
    widths: Vec<usize>,
    /// Outputs of each layer, `[row, output]`.
    outputs: Vec<Vec<f32>>,
    /// Gradients behind each layer, `[row, output]`.
    gradients: Vec<Vec<f32>>,
}

impl Perceptron {
    /// Layers of the widths, from features to classes, for batches of `rows`.
    pub(super) fn new(rows: usize, widths: &[usize]) -> Self {
        let outputs: Vec<Vec<f32>> =
            widths.iter().skip(1).map(|width| vec![0.0; rows.saturating_mul(*width)]).collect();
        Self { rows, widths: widths.to_vec(), gradients: outputs.clone(), outputs }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// `tensors`: for each layer bias `[output]` and weight `[output, input]`; `input`: `[row, feature]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        input: &[f32],
    ) -> Result<(), EngineError> {
        let last = self.outputs.len().saturating_sub(1);
        let (layers, _) = tensors.as_chunks::<2>();
        let sides = self.widths.windows(2);
        for (layer, (sides, [bias, weight])) in sides.zip(layers).enumerate() {
            let [inputs, outputs] = [sides[0], sides[1]];
            let (before, from_here) = self.outputs.split_at_mut(layer);
            let input = before.last().map_or(input, Vec::as_slice);
            let input = Matrix::new(input, self.rows, inputs).map_err(EngineError::kernel)?;
            let weight = Matrix::new(weight, outputs, inputs).map_err(EngineError::kernel)?;
            let output = &mut from_here[0];
            matmul_into(input, weight.transposed(), Some(bias), output)
                .map_err(EngineError::kernel)?;
            if layer < last {
                relu(output);
            }
        }
        Ok(())
    }

    /// The mean loss of the labels in nats; leaves its gradient behind the last layer.
    ///
    /// # Shapes
    /// `labels`: `[row]`.
    pub(super) fn loss(&mut self, labels: &[u32]) -> Result<f32, EngineError> {
        let (Some(logits), Some(gradient), Some(classes)) =
            (self.outputs.last(), self.gradients.last_mut(), self.widths.last())
        else {
            return Ok(f32::NAN);
        };
        cross_entropy(logits, *classes, labels, gradient)
    }

    /// Writes the gradients of all tensors, and of the input if it is wanted.
    ///
    /// # Shapes
    /// As [`Self::forward`]; `of_input` as the input.
    pub(super) fn backward(
        &mut self,
        (tensors, input): (&[Vec<f32>], &[f32]),
        of_tensors: &mut [Vec<f32>],
        mut of_input: Option<&mut [f32]>,
    ) -> Result<(), EngineError> {
        let (layers, _) = tensors.as_chunks::<2>();
        let (of_layers, _) = of_tensors.as_chunks_mut::<2>();
        for layer in (0..self.outputs.len()).rev() {
            let [inputs, outputs] = [self.widths[layer], self.widths[layer + 1]];
            let (before, from_here) = self.gradients.split_at_mut(layer);
            let gradient = from_here[0].as_slice();
            let seen = if layer == 0 { input } else { self.outputs[layer - 1].as_slice() };
            let [of_bias, of_weight] = &mut of_layers[layer];
            sum_columns_into(gradient, of_bias).map_err(EngineError::kernel)?;
            let gradient =
                Matrix::new(gradient, self.rows, outputs).map_err(EngineError::kernel)?;
            let seen_matrix = Matrix::new(seen, self.rows, inputs).map_err(EngineError::kernel)?;
            matmul_into(gradient.transposed(), seen_matrix, None, of_weight)
                .map_err(EngineError::kernel)?;
            let target = match before.last_mut() {
                Some(target) => target.as_mut_slice(),
                None => match of_input.take() {
                    Some(target) => target,
                    None => return Ok(()),
                },
            };
            let [_, weight] = &layers[layer];
            let weight = Matrix::new(weight, outputs, inputs).map_err(EngineError::kernel)?;
            matmul_into(gradient, weight, None, target).map_err(EngineError::kernel)?;
            if layer > 0 {
                relu_gradient(seen, target).map_err(EngineError::kernel)?;
            }
        }
        Ok(())
    }
}

/// The mean loss of the labels in nats, and its gradient with respect to the logits.
///
/// # Shapes
/// `logits` and `gradient`: `[row, class]`; `labels`: `[row]`.
pub(super) fn cross_entropy(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
    gradient: &mut [f32],
) -> Result<f32, EngineError> {
    let losses = negative_log_likelihood(logits, classes, labels).map_err(EngineError::kernel)?;
    gradient.copy_from_slice(&softmax(logits, classes).map_err(EngineError::kernel)?);
    let scale = 1.0 / as_f32(labels.len());
    for (row, label) in gradient.chunks_mut(classes).zip(labels) {
        // Labels were checked on the way forward.
        if let Some(share) = usize::try_from(*label).ok().and_then(|label| row.get_mut(label)) {
            *share -= 1.0;
        }
        for value in row {
            *value *= scale;
        }
    }
    Ok(mean(&losses))
}

#[expect(clippy::cast_precision_loss, reason = "a batch has at most 2^24 rows")]
fn as_f32(count: usize) -> f32 {
    count as f32
}
