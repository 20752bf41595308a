//! One block of a decoder: attention and a perceptron, each behind a norm and added to the stream.

use aipot_kernels::activation::{gelu, gelu_gradient};
use aipot_kernels::attention::{Heads, Mask, attention, attention_gradient};
use aipot_kernels::normalization::{
    LayerNorm, LayerNormRoom, Normalized, layer_norm, layer_norm_input_gradient,
    layer_norm_parameter_gradient,
};
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::super::EngineError;
use super::super::linear::Linear;
use super::super::room::Room;
use super::{BLOCK_TENSORS, DecoderSides, add};

/// Keeps the root of a norm from zero, as the program does.
const EPSILON: f32 = 1e-5;
/// Queries, keys and values.
const PACKED: usize = 3;
/// Width of a perceptron over that of the stream.
const PERCEPTRON_FACTOR: usize = 4;

/// A layer norm with what its gradient needs.
#[derive(Debug)]
pub(super) struct Norm {
    output: Vec<f32>,
    normalized: Vec<f32>,
    inverse_deviations: Vec<f32>,
}

impl Norm {
    pub(super) fn new(rows: usize, width: usize, room: &mut Room) -> Self {
        let values = rows.saturating_mul(width);
        Self {
            output: room.floats(values),
            normalized: room.floats(values),
            inverse_deviations: room.floats(rows),
        }
    }

    /// The first values of the output.
    pub(super) fn output(&self, values: usize) -> &[f32] {
        &self.output[..values]
    }

    pub(super) fn forward(
        &mut self,
        [beta, gamma]: [&Vec<f32>; 2],
        input: &[f32],
    ) -> Result<(), EngineError> {
        let rows = input.len().checked_div(gamma.len()).unwrap_or(0);
        let room = LayerNormRoom {
            output: &mut self.output[..input.len()],
            normalized: &mut self.normalized[..input.len()],
            inverse_deviations: &mut self.inverse_deviations[..rows],
        };
        layer_norm(LayerNorm { gamma, beta, epsilon: EPSILON }, input, room)
            .map_err(EngineError::kernel)
    }

    /// Goes on with the gradients of both tensors and writes that of the input.
    pub(super) fn backward(
        &self,
        (gamma, gradient): (&[f32], &[f32]),
        span: RowSpan,
        [of_beta, of_gamma]: [&mut RunningSums<'_>; 2],
        of_input: &mut [f32],
    ) -> Result<(), EngineError> {
        let normalized = Normalized {
            values: &self.normalized[..gradient.len()],
            inverse_deviations: &self.inverse_deviations[..span.count],
        };
        let (of_gamma, of_beta) = (of_gamma.reborrow(), of_beta.reborrow());
        layer_norm_parameter_gradient((normalized, gradient), span, of_gamma, of_beta)
            .map_err(EngineError::kernel)?;
        layer_norm_input_gradient(gamma, normalized, gradient, of_input)
            .map_err(EngineError::kernel)
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
    pub(super) fn new(sides: &DecoderSides, room: &mut Room) -> Self {
        let values = sides.values();
        Self {
            of_hidden: room.floats(values.saturating_mul(PERCEPTRON_FACTOR)),
            of_packed: room.floats(values.saturating_mul(PACKED)),
            narrow: [room.floats(values), room.floats(values)],
        }
    }
}

/// A block with what its gradients need.
#[derive(Debug)]
pub(super) struct Block {
    /// Of one text.
    heads: Heads,
    packing: Linear,
    mixing: Linear,
    widening: Linear,
    narrowing: Linear,
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
    pub(super) fn new(sides: &DecoderSides, room: &mut Room) -> Self {
        let (rows, width, values) = (sides.rows(), sides.width, sides.values());
        let heads = Heads {
            batch: 1,
            tokens: sides.context,
            heads: sides.heads,
            head_width: width / sides.heads.max(1),
        };
        let linear = |inputs, outputs| Linear { inputs, outputs };
        let hidden = width.saturating_mul(PERCEPTRON_FACTOR);
        let wide = rows.saturating_mul(hidden);
        Self {
            packing: linear(width, width.saturating_mul(PACKED)),
            mixing: linear(width, width),
            widening: linear(width, hidden),
            narrowing: linear(hidden, width),
            norms: [Norm::new(rows, width, room), Norm::new(rows, width, room)],
            packed: room.floats(values.saturating_mul(PACKED)),
            probabilities: room.floats(sides.batch.saturating_mul(heads.probability_values())),
            attended: room.floats(values),
            bent: room.floats(wide),
            wide: room.floats(wide),
            branch: room.floats(values),
            heads,
        }
    }

    /// The heads of as many texts as have `rows` rows.
    fn heads(&self, rows: usize) -> Heads {
        Heads { batch: rows / self.heads.tokens.max(1), ..self.heads }
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
        let values = stream.len();
        let heads = self.heads(values.checked_div(self.mixing.inputs).unwrap_or(0));
        let [before, between] = &mut self.norms;
        let packed = &mut self.packed[..values * PACKED];
        let attended = &mut self.attended[..values];
        let branch = &mut self.branch[..values];
        let (wide, bent) = (
            &mut self.wide[..values * PERCEPTRON_FACTOR],
            &mut self.bent[..values * PERCEPTRON_FACTOR],
        );
        let probabilities = &mut self.probabilities[..heads.batch * heads.probability_values()];
        before.forward([beta1, gamma1], stream)?;
        self.packing.forward([packing_bias, packing], before.output(values), packed)?;
        attention(heads, Mask::Causal, packed, probabilities, attended)
            .map_err(EngineError::kernel)?;
        self.mixing.forward([mixing_bias, mixing], attended, branch)?;
        add(stream, branch);
        between.forward([beta2, gamma2], stream)?;
        self.widening.forward([widening_bias, widening], between.output(values), wide)?;
        gelu(wide, bent).map_err(EngineError::kernel)?;
        self.narrowing.forward([narrowing_bias, narrowing], bent, branch)?;
        add(stream, branch);
        Ok(())
    }

    /// Adds the gradients of both branches to the stream's.
    pub(super) fn backward(
        &mut self,
        (tensors, sums): (&[Vec<f32>; BLOCK_TENSORS], &mut [RunningSums<'_>; BLOCK_TENSORS]),
        span: RowSpan,
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
        ] = sums;
        let values = stream.len();
        let heads = self.heads(span.count);
        let of_hidden = &mut gradient.of_hidden[..values * PERCEPTRON_FACTOR];
        let of_packed = &mut gradient.of_packed[..values * PACKED];
        let [normed, branch] = gradient.narrow.each_mut().map(|narrow| &mut narrow[..values]);
        let [before, between] = &self.norms;
        let (wide, bent) = (&self.wide[..of_hidden.len()], &self.bent[..of_hidden.len()]);
        let (packed, attended) = (&self.packed[..of_packed.len()], &self.attended[..values]);
        let probabilities = &self.probabilities[..heads.batch * heads.probability_values()];
        self.narrowing.parameter_gradient(
            (bent, stream),
            span,
            [of_narrowing_bias, of_narrowing],
        )?;
        self.narrowing.input_gradient(narrowing, stream, of_hidden)?;
        gelu_gradient(wide, of_hidden).map_err(EngineError::kernel)?;
        let seen = (between.output(values), &*of_hidden);
        self.widening.parameter_gradient(seen, span, [of_widening_bias, of_widening])?;
        self.widening.input_gradient(widening, of_hidden, normed)?;
        between.backward((gamma2, normed), span, [of_beta2, of_gamma2], branch)?;
        add(stream, branch);
        self.mixing.parameter_gradient((attended, stream), span, [of_mixing_bias, of_mixing])?;
        self.mixing.input_gradient(mixing, stream, normed)?;
        attention_gradient(heads, packed, probabilities, normed, of_packed)
            .map_err(EngineError::kernel)?;
        let seen = (before.output(values), &*of_packed);
        self.packing.parameter_gradient(seen, span, [of_packing_bias, of_packing])?;
        self.packing.input_gradient(packing, of_packed, normed)?;
        before.backward((gamma1, normed), span, [of_beta1, of_gamma1], branch)?;
        add(stream, branch);
        Ok(())
    }
}
