//! Embeddings, blocks of attention and a perceptron, and an output layer.

use alloc::vec::Vec;

use super::Parameters;
use crate::order::{PERCEPTRON_FACTOR, tensors};
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::layers::attention::{Attended, Attention, Mask};
use crate::program::layers::embedding::Embedding;
use crate::program::layers::linear::Linear;
use crate::program::layers::norm::{Norm, Normed};
use crate::program::layers::{Gradients, Pair};
use crate::program::{Function, SlotIndex};

/// Keeps the root of the variance from zero: 1e-5, the nearest f32.
///
/// # Source
/// The default of `PyTorch`'s layer norm.
const EPSILON: u32 = 0x3727_c5ac;

/// Sides of a decoder over a batch of texts.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    pub(super) batch: u32,
    pub(super) context: u32,
    pub(super) width: u32,
    pub(super) heads: u32,
    pub(super) blocks: u32,
    pub(super) vocabulary: u32,
}

/// The layers and what went through them.
pub(super) struct Decoder {
    sides: Sides,
    tokens: SlotIndex,
    embedding: Embedding,
    blocks: Vec<(Block, Passed)>,
    norm: (Norm, Normed),
    output: Linear,
    /// `[rows, classes]`.
    pub(super) logits: SlotIndex,
}

/// The layers of a block.
#[derive(Clone, Copy)]
struct Block {
    attention: Attention,
    packing: Linear,
    mixing: Linear,
    norms: [Norm; 2],
    widening: Linear,
    narrowing: Linear,
}

/// What went through a block.
#[derive(Clone, Copy)]
struct Passed {
    norms: [Normed; 2],
    packed: SlotIndex,
    attended: Attended,
    /// Before and behind GELU.
    hidden: [SlotIndex; 2],
}

impl Sides {
    /// Tokens of the batch.
    pub(super) const fn rows(self) -> u32 {
        self.batch.saturating_mul(self.context)
    }

    fn linear(self, pair: Pair, inputs: u32, outputs: u32) -> Linear {
        Linear::new(pair, self.rows(), [inputs, outputs])
    }

    fn norm(self, pair: Pair) -> Norm {
        Norm { pair, rows: self.rows(), width: self.width, epsilon: EPSILON }
    }

    /// The sum of two tensors of rows, in the place of the first.
    fn add(
        self,
        builder: &mut Builder,
        name: &'static str,
        [sum, other]: [SlotIndex; 2],
    ) -> Result<(), ProgramError> {
        let shape = [self.rows().saturating_mul(self.width)];
        builder.update(name, (sum, &shape), Function::Add, &[of(sum, &[1]), of(other, &[1])])
    }
}

impl Block {
    /// The tensors of a block, in the order of their names.
    fn new(sides: Sides, parameters: &mut Parameters<'_>) -> Result<Self, ProgramError> {
        let (width, hidden) = (sides.width, sides.width.saturating_mul(PERCEPTRON_FACTOR));
        let head_width = width.checked_div(sides.heads).unwrap_or(0);
        let (batch, context, heads) = (sides.batch, sides.context, sides.heads);
        Ok(Self {
            attention: Attention { batch, context, heads, head_width },
            packing: sides.linear(parameters.pair()?, width, width.saturating_mul(3)),
            mixing: sides.linear(parameters.pair()?, width, width),
            norms: [sides.norm(parameters.pair()?), sides.norm(parameters.pair()?)],
            widening: sides.linear(parameters.pair()?, width, hidden),
            narrowing: sides.linear(parameters.pair()?, hidden, width),
        })
    }

    fn hidden_shape(self) -> [u32; 1] {
        [self.widening.rows.saturating_mul(self.widening.outputs)]
    }

    /// Adds both branches to `input`, in a slot of its own.
    fn forward(
        self,
        builder: &mut Builder,
        sides: Sides,
        input: SlotIndex,
    ) -> Result<(SlotIndex, Passed), ProgramError> {
        let [before, between] = self.norms;
        let first = before.forward(builder, input)?;
        let packed = self.packing.forward(builder, first.output)?;
        let attended = self.attention.forward(builder, packed, Mask::Causal)?;
        let stream = self.mixing.forward(builder, attended.output)?;
        sides.add(builder, "stream behind the attention", [stream, input])?;
        let second = between.forward(builder, stream)?;
        let wide = self.widening.forward(builder, second.output)?;
        let shape = self.hidden_shape();
        let bent = builder.map("gelu", &shape, Function::Gelu, &[of(wide, &[1])])?;
        let output = self.narrowing.forward(builder, bent)?;
        sides.add(builder, "stream behind the perceptron", [output, stream])?;
        builder.release(stream);
        let passed = Passed { norms: [first, second], packed, attended, hidden: [wide, bent] };
        Ok((output, passed))
    }

    /// Adds the gradients of both branches to that of the stream.
    fn backward(
        self,
        builder: &mut Builder,
        (sides, passed): (Sides, Passed),
        stream: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let ([first, second], [wide, bent]) = (passed.norms, passed.hidden);
        let [before, between] = self.norms;
        self.narrowing.backward(builder, (bent, stream), gradients)?;
        let behind = self.narrowing.input_gradient(builder, stream)?;
        let shape = self.hidden_shape();
        let operands = [of(behind, &[1]), of(wide, &[1])];
        builder.update("gelu gradient", (behind, &shape), Function::GeluGradient, &operands)?;
        self.widening.backward(builder, (second.output, behind), gradients)?;
        let normed = self.widening.input_gradient(builder, behind)?;
        builder.release(behind);
        let branch = between.backward(builder, (second, normed), gradients)?;
        builder.release(normed);
        sides.add(builder, "stream gradient before the perceptron", [stream, branch])?;
        builder.release(branch);
        self.mixing.backward(builder, (passed.attended.output, stream), gradients)?;
        let attended = self.mixing.input_gradient(builder, stream)?;
        let packed =
            self.attention.backward(builder, (passed.packed, passed.attended), attended)?;
        builder.release(attended);
        self.packing.backward(builder, (first.output, packed), gradients)?;
        let normed = self.packing.input_gradient(builder, packed)?;
        builder.release(packed);
        let branch = before.backward(builder, (first, normed), gradients)?;
        builder.release(normed);
        sides.add(builder, "stream gradient before the attention", [stream, branch])?;
        builder.release(branch);
        Ok(())
    }
}

impl Decoder {
    /// # Shapes
    /// `tokens`: `[batch, context]`, integers.
    pub(super) fn forward(
        builder: &mut Builder,
        parameters: &mut Parameters<'_>,
        sides: Sides,
        tokens: SlotIndex,
    ) -> Result<Self, ProgramError> {
        let blocks = sides.blocks.min(tensors::BLOCKS_MAX);
        let layers = (0..blocks).map(|_| Block::new(sides, parameters));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let norm = sides.norm(parameters.pair()?);
        let output = sides.linear(parameters.pair()?, sides.width, sides.vocabulary);
        let (position, token) = (parameters.one()?, parameters.one()?);
        let Sides { batch, context, width, .. } = sides;
        let embedding =
            Embedding { token, position, batch, context, width, vocabulary: sides.vocabulary };
        let mut stream = embedding.forward(builder, tokens)?;
        let mut passed = Vec::new();
        for (layer, block) in (0_u16..).zip(layers) {
            builder.enter(layer);
            let (behind, kept) = block.forward(builder, sides, stream)?;
            builder.release(stream);
            stream = behind;
            passed.push((block, kept));
        }
        builder.enter(u16::try_from(blocks).unwrap_or(u16::MAX));
        let normed = norm.forward(builder, stream)?;
        builder.release(stream);
        let logits = output.forward(builder, normed.output)?;
        Ok(Self { sides, tokens, embedding, blocks: passed, norm: (norm, normed), output, logits })
    }

    /// All gradients.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        logits_gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let (norm, normed) = self.norm;
        self.output.backward(builder, (normed.output, logits_gradient), gradients)?;
        let behind = self.output.input_gradient(builder, logits_gradient)?;
        builder.release(logits_gradient);
        let stream = norm.backward(builder, (normed, behind), gradients)?;
        builder.release(behind);
        let layers = (0_u16..).zip(&self.blocks).collect::<Vec<_>>();
        for (layer, (block, passed)) in layers.into_iter().rev() {
            builder.enter(layer);
            block.backward(builder, (self.sides, *passed), stream, gradients)?;
        }
        self.embedding.backward(builder, (self.tokens, stream), gradients)?;
        builder.release(stream);
        Ok(())
    }
}
