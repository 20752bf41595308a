//! One block of a decoder: attention and a perceptron, each behind a norm and added to the stream.

use aipot_kernels::activation::{gelu, gelu_gradient};
use aipot_kernels::attention::{Heads, Mask, attention, attention_gradient};
use aipot_kernels::matmul::matmul_into;
use aipot_kernels::matrix::Matrix;
use aipot_kernels::normalization::{
    LayerNorm, LayerNormGradientRoom, LayerNormRoom, Normalized, layer_norm, layer_norm_gradient,
};
use aipot_kernels::reduction::sum_columns_into;

use super::super::EngineError;
use super::{BLOCK_TENSORS, DecoderSides, add};

/// Keeps the root of a norm from zero, as the program does.
const EPSILON: f32 = 1e-5;
/// Queries, keys and values.
const PACKED: usize = 3;
/// Width of a perceptron over that of the stream.
const PERCEPTRON_FACTOR: usize = 4;

/// Sides of a linear layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinearSides {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl LinearSides {
    /// # Shapes
    /// `bias`: `[output]`, `weight`: `[output, input]`, `input`: `[row, input]`.
    pub(super) fn forward(
        self,
        [bias, weight]: [&Vec<f32>; 2],
        input: &[f32],
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let input = matrix(input, self.rows, self.inputs)?;
        let weight = matrix(weight, self.outputs, self.inputs)?;
        matmul_into(input, weight.transposed(), Some(bias), output).map_err(EngineError::kernel)
    }

    /// Gradients of bias and weight.
    pub(super) fn backward(
        self,
        (input, gradient): (&[f32], &[f32]),
        [of_bias, of_weight]: [&mut Vec<f32>; 2],
    ) -> Result<(), EngineError> {
        sum_columns_into(gradient, of_bias).map_err(EngineError::kernel)?;
        let gradient = matrix(gradient, self.rows, self.outputs)?;
        let input = matrix(input, self.rows, self.inputs)?;
        matmul_into(gradient.transposed(), input, None, of_weight).map_err(EngineError::kernel)
    }

    pub(super) fn input_gradient(
        self,
        weight: &[f32],
        gradient: &[f32],
        of_input: &mut [f32],
    ) -> Result<(), EngineError> {
        let gradient = matrix(gradient, self.rows, self.outputs)?;
        let weight = matrix(weight, self.outputs, self.inputs)?;
        matmul_into(gradient, weight, None, of_input).map_err(EngineError::kernel)
    }
}

fn matrix(values: &[f32], rows: usize, columns: usize) -> Result<Matrix<'_>, EngineError> {
    Matrix::new(values, rows, columns).map_err(EngineError::kernel)
}

/// A layer norm with what its gradient needs.
#[derive(Debug)]
pub(super) struct Norm {
    output: Vec<f32>,
    normalized: Vec<f32>,
    inverse_deviations: Vec<f32>,
}

impl Norm {
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let output = vec![0.0; rows.saturating_mul(width)];
        Self { normalized: output.clone(), output, inverse_deviations: vec![0.0; rows] }
    }

    pub(super) fn output(&self) -> &[f32] {
        &self.output
    }

    pub(super) fn forward(
        &mut self,
        [beta, gamma]: [&Vec<f32>; 2],
        input: &[f32],
    ) -> Result<(), EngineError> {
        let room = LayerNormRoom {
            output: &mut self.output,
            normalized: &mut self.normalized,
            inverse_deviations: &mut self.inverse_deviations,
        };
        layer_norm(LayerNorm { gamma, beta, epsilon: EPSILON }, input, room)
            .map_err(EngineError::kernel)
    }

    /// Writes the gradients of both tensors and of the input.
    pub(super) fn backward(
        &self,
        gamma: &[f32],
        gradient: &[f32],
        [of_beta, of_gamma]: [&mut Vec<f32>; 2],
        of_input: &mut [f32],
    ) -> Result<(), EngineError> {
        let normalized =
            Normalized { values: &self.normalized, inverse_deviations: &self.inverse_deviations };
        let room = LayerNormGradientRoom { of_input, of_gamma, of_beta };
        layer_norm_gradient(gamma, normalized, gradient, room).map_err(EngineError::kernel)
    }
}

/// Memory for the gradients inside a block, shared by all.
#[derive(Debug)]
pub(super) struct Gradient {
    of_hidden: Vec<f32>,
    of_packed: Vec<f32>,
    /// Two of the stream's width.
    narrow: [Vec<f32>; 2],
}

impl Gradient {
    pub(super) fn new(sides: &DecoderSides) -> Self {
        let values = sides.values();
        Self {
            of_hidden: vec![0.0; values.saturating_mul(PERCEPTRON_FACTOR)],
            of_packed: vec![0.0; values.saturating_mul(PACKED)],
            narrow: [vec![0.0; values], vec![0.0; values]],
        }
    }
}

/// A block with what its gradients need.
#[derive(Debug)]
pub(super) struct Block {
    heads: Heads,
    packing: LinearSides,
    mixing: LinearSides,
    widening: LinearSides,
    narrowing: LinearSides,
    norms: [Norm; 2],
    packed: Vec<f32>,
    probabilities: Vec<f32>,
    attended: Vec<f32>,
    /// Before and behind GELU.
    wide: Vec<f32>,
    bent: Vec<f32>,
    /// What a branch adds to the stream.
    branch: Vec<f32>,
}

impl Block {
    pub(super) fn new(sides: &DecoderSides) -> Self {
        let (rows, width, values) = (sides.rows(), sides.width, sides.values());
        let heads = Heads {
            batch: sides.batch,
            tokens: sides.context,
            heads: sides.heads,
            head_width: width / sides.heads.max(1),
        };
        let linear = |inputs, outputs| LinearSides { rows, inputs, outputs };
        let hidden = width.saturating_mul(PERCEPTRON_FACTOR);
        let wide = vec![0.0; rows.saturating_mul(hidden)];
        Self {
            packing: linear(width, width.saturating_mul(PACKED)),
            mixing: linear(width, width),
            widening: linear(width, hidden),
            narrowing: linear(hidden, width),
            norms: [Norm::new(rows, width), Norm::new(rows, width)],
            packed: vec![0.0; values.saturating_mul(PACKED)],
            probabilities: vec![0.0; sides.batch.saturating_mul(heads.probability_values())],
            attended: vec![0.0; values],
            bent: wide.clone(),
            wide,
            branch: vec![0.0; values],
            heads,
        }
    }

    /// Adds both branches to the stream.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>; BLOCK_TENSORS],
        stream: &mut [f32],
    ) -> Result<(), EngineError> {
        let [
            packing_bias,
            packing,
            mixing_bias,
            mixing,
            beta1,
            gamma1,
            beta2,
            gamma2,
            widening_bias,
            widening,
            narrowing_bias,
            narrowing,
        ] = tensors;
        let [before, between] = &mut self.norms;
        before.forward([beta1, gamma1], stream)?;
        self.packing.forward([packing_bias, packing], before.output(), &mut self.packed)?;
        attention(
            self.heads,
            Mask::Causal,
            &self.packed,
            &mut self.probabilities,
            &mut self.attended,
        )
        .map_err(EngineError::kernel)?;
        self.mixing.forward([mixing_bias, mixing], &self.attended, &mut self.branch)?;
        add(stream, &self.branch);
        between.forward([beta2, gamma2], stream)?;
        self.widening.forward([widening_bias, widening], between.output(), &mut self.wide)?;
        gelu(&self.wide, &mut self.bent).map_err(EngineError::kernel)?;
        self.narrowing.forward([narrowing_bias, narrowing], &self.bent, &mut self.branch)?;
        add(stream, &self.branch);
        Ok(())
    }

    /// Adds the gradients of both branches to the stream's.
    pub(super) fn backward(
        &mut self,
        tensors: &[Vec<f32>; BLOCK_TENSORS],
        of_tensors: &mut [Vec<f32>; BLOCK_TENSORS],
        stream: &mut [f32],
        gradient: &mut Gradient,
    ) -> Result<(), EngineError> {
        let [_, packing, _, mixing, _, gamma1, _, gamma2, _, widening, _, narrowing] = tensors;
        let [
            of_packing_bias,
            of_packing,
            of_mixing_bias,
            of_mixing,
            of_beta1,
            of_gamma1,
            of_beta2,
            of_gamma2,
            of_widening_bias,
            of_widening,
            of_narrowing_bias,
            of_narrowing,
        ] = of_tensors;
        let Gradient { of_hidden, of_packed, narrow: [normed, branch] } = gradient;
        let [before, between] = &self.norms;
        self.narrowing.backward((&self.bent, stream), [of_narrowing_bias, of_narrowing])?;
        self.narrowing.input_gradient(narrowing, stream, of_hidden)?;
        gelu_gradient(&self.wide, of_hidden).map_err(EngineError::kernel)?;
        self.widening.backward((between.output(), of_hidden), [of_widening_bias, of_widening])?;
        self.widening.input_gradient(widening, of_hidden, normed)?;
        between.backward(gamma2, normed, [of_beta2, of_gamma2], branch)?;
        add(stream, branch);
        self.mixing.backward((&self.attended, stream), [of_mixing_bias, of_mixing])?;
        self.mixing.input_gradient(mixing, stream, normed)?;
        attention_gradient(self.heads, &self.packed, &self.probabilities, normed, of_packed)
            .map_err(EngineError::kernel)?;
        self.packing.backward((before.output(), of_packed), [of_packing_bias, of_packing])?;
        self.packing.input_gradient(packing, of_packed, normed)?;
        before.backward(gamma1, normed, [of_beta1, of_gamma1], branch)?;
        add(stream, branch);
        Ok(())
    }
}
