//! A decoder over bytes: embeddings, blocks of causal attention and a perceptron, an output layer.

mod block;

use aipot_kernels::cross_entropy::cross_entropy_rows;
use aipot_kernels::embedding::{embed, embed_gradient_rows};
use aipot_kernels::row_span::{RowSpan, RunningSums};

use self::block::{Block, Gradient, Norm};
use super::EngineError;
use super::linear::Linear;
use super::room::Room;

/// Tensors of a block: four linear layers and two norms, each with a bias and a weight.
const BLOCK_TENSORS: usize = 12;
/// Tensors behind the blocks: a norm, the output layer and two tables.
const HEAD_TENSORS: usize = 6;

/// Sides of a decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DecoderSides {
    /// Texts at a time.
    pub(super) batch: usize,
    /// Bytes of a text.
    pub(super) context: usize,
    /// Numbers for each byte.
    pub(super) width: usize,
    /// Heads of an attention.
    pub(super) heads: usize,
    /// Blocks.
    pub(super) blocks: usize,
    /// Bytes that there are.
    pub(super) vocabulary: usize,
}

impl DecoderSides {
    fn rows(&self) -> usize {
        self.batch.saturating_mul(self.context)
    }

    fn values(&self) -> usize {
        self.rows().saturating_mul(self.width)
    }
}

/// The network with the memory of some texts.
#[derive(Debug)]
pub(crate) struct Decoder {
    sides: DecoderSides,
    blocks: Vec<Block>,
    norm: Norm,
    output: Linear,
    /// The position of each row in its text.
    positions: Vec<u32>,
    /// What goes through the blocks, `[row, width]`.
    stream: Vec<f32>,
    logits: Vec<f32>,
    of_logits: Vec<f32>,
    gradient: Gradient,
    /// A gradient behind a layer, before it is added to the stream's.
    branch: Vec<f32>,
}

/// The tensors behind the blocks.
struct Head<T> {
    norm: [T; 2],
    output: [T; 2],
    position: T,
    token: T,
}

impl Decoder {
    pub(super) fn new(sides: DecoderSides, room: &mut Room) -> Self {
        let rows = sides.rows();
        let mut positions = room.words(rows);
        for text in positions.chunks_mut(sides.context.max(1)) {
            text.iter_mut().zip(0..).for_each(|(place, position)| *place = position);
        }
        let logits = rows.saturating_mul(sides.vocabulary);
        Self {
            blocks: (0..sides.blocks).map(|_| Block::new(&sides, room)).collect(),
            norm: Norm::new(rows, sides.width, room),
            output: Linear { inputs: sides.width, outputs: sides.vocabulary },
            positions,
            stream: room.floats(sides.values()),
            of_logits: room.floats(logits),
            logits: room.floats(logits),
            gradient: Gradient::new(&sides, room),
            branch: room.floats(sides.values()),
            sides,
        }
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// `tensors`: those of the order's layout; `tokens`: `[text, position]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        tokens: &[u32],
    ) -> Result<(), EngineError> {
        let (blocks, head) = split(tensors)?;
        let width = self.sides.width;
        let stream = &mut self.stream[..tokens.len() * width];
        embed(head.token, width, tokens, stream).map_err(EngineError::kernel)?;
        let row = head.position.len();
        for text in stream.chunks_mut(row.max(1)) {
            add(text, head.position);
        }
        let (layers, _) = blocks.as_chunks::<BLOCK_TENSORS>();
        for (block, tensors) in self.blocks.iter_mut().zip(layers) {
            block.forward(tensors, stream)?;
        }
        self.norm.forward(head.norm, stream)?;
        let [bias, weight] = head.output;
        let logits = &mut self.logits[..tokens.len() * self.sides.vocabulary];
        self.output.forward([bias, weight], self.norm.output(stream.len()), logits)
    }

    /// What [`Self::forward`] came to for so many tokens.
    pub(super) fn logits(&self, tokens: usize) -> &[f32] {
        &self.logits[..tokens * self.sides.vocabulary]
    }

    /// Writes the losses of what follows in nats, and leaves the gradient behind the output layer.
    ///
    /// # Shapes
    /// `labels`, `losses`: `[text, position]`, the texts being those of the span.
    pub(super) fn loss(
        &mut self,
        span: RowSpan,
        labels: &[u32],
        losses: &mut [f32],
    ) -> Result<(), EngineError> {
        let (span, classes) = (span.times(self.sides.context), self.sides.vocabulary);
        let values = span.count * classes;
        let (logits, gradient) = (&self.logits[..values], &mut self.of_logits[..values]);
        cross_entropy_rows((logits, classes), labels, span.total, (losses, gradient))
            .map_err(EngineError::kernel)
    }

    /// Goes on with the gradients of all tensors.
    pub(super) fn backward(
        &mut self,
        (tensors, tokens): (&[Vec<f32>], &[u32]),
        span: RowSpan,
        sums: &mut [RunningSums<'_>],
    ) -> Result<(), EngineError> {
        let (blocks, head) = split(tensors)?;
        let (of_blocks, of_head) = split_mut(sums)?;
        let span = span.times(self.sides.context);
        let width = self.sides.width;
        let values = span.count * width;
        let normed = self.norm.output(values);
        let gradient = &self.of_logits[..span.count * self.sides.vocabulary];
        let branch = &mut self.branch[..values];
        self.output.parameter_gradient((normed, gradient), span, of_head.output)?;
        self.output.input_gradient(head.output[1], gradient, branch)?;
        let stream = &mut self.stream[..values];
        self.norm.backward((head.norm[1], branch), span, of_head.norm, stream)?;
        let (layers, _) = blocks.as_chunks::<BLOCK_TENSORS>();
        let (of_layers, _) = of_blocks.as_chunks_mut::<BLOCK_TENSORS>();
        let layers = self.blocks.iter_mut().zip(layers).zip(of_layers);
        for ((block, tensors), sums) in layers.rev() {
            block.backward((tensors, sums), span, stream, &mut self.gradient)?;
        }
        embed_gradient_rows((tokens, stream), width, span, of_head.token.reborrow())
            .map_err(EngineError::kernel)?;
        let positions = &self.positions[..span.count];
        embed_gradient_rows((positions, stream), width, span, of_head.position.reborrow())
            .map_err(EngineError::kernel)
    }
}

/// Adds in place.
fn add(sum: &mut [f32], other: &[f32]) {
    sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
}

/// The tensors of the blocks, and those behind them.
type Parts<Blocks, Tensor> = (Blocks, Head<Tensor>);

/// The parts of a model.
fn split(tensors: &[Vec<f32>]) -> Result<Parts<&[Vec<f32>], &Vec<f32>>, EngineError> {
    let missing = EngineError::Overflow { quantity: "the list of tensors" };
    let (blocks, head) = tensors.split_last_chunk::<HEAD_TENSORS>().ok_or(missing)?;
    let [beta, gamma, bias, weight, position, token] = head;
    let head = Head { norm: [beta, gamma], output: [bias, weight], position, token };
    Ok((blocks, head))
}

/// Sums of the gradients of the parts of a model.
type SumParts<'sums, 'values> =
    Parts<&'sums mut [RunningSums<'values>], &'sums mut RunningSums<'values>>;

/// As [`split`], to be written.
fn split_mut<'sums, 'values>(
    sums: &'sums mut [RunningSums<'values>],
) -> Result<SumParts<'sums, 'values>, EngineError> {
    let missing = EngineError::Overflow { quantity: "the list of tensors" };
    let (blocks, head) = sums.split_last_chunk_mut::<HEAD_TENSORS>().ok_or(missing)?;
    let [beta, gamma, bias, weight, position, token] = head;
    let head = Head { norm: [beta, gamma], output: [bias, weight], position, token };
    Ok((blocks, head))
}
