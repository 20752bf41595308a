//! A decoder over bytes: embeddings, blocks of causal attention and a perceptron, an output layer.

mod block;

use aipot_kernels::embedding::{embed, embed_gradient};

use self::block::{Block, Gradient, LinearSides, Norm};
use super::EngineError;
use super::perceptron::cross_entropy;

/// Tensors of a block: four linear layers and two norms, each with a bias and a weight.
const BLOCK_TENSORS: usize = 12;
/// Tensors behind the blocks: a norm, the output layer and two tables.
const HEAD_TENSORS: usize = 6;

/// Sides of a decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DecoderSides {
    /// Texts of a batch.
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

/// The network with the memory of one batch.
#[derive(Debug)]
pub(crate) struct Decoder {
    sides: DecoderSides,
    blocks: Vec<Block>,
    norm: Norm,
    output: LinearSides,
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
    pub(super) fn new(sides: DecoderSides) -> Self {
        let positions = (0_u32..).take(sides.context);
        let rows = sides.rows();
        let output = LinearSides { rows, inputs: sides.width, outputs: sides.vocabulary };
        let logits = vec![0.0; rows.saturating_mul(sides.vocabulary)];
        Self {
            blocks: (0..sides.blocks).map(|_| Block::new(&sides)).collect(),
            norm: Norm::new(rows, sides.width),
            output,
            positions: positions.cycle().take(rows).collect(),
            stream: vec![0.0; sides.values()],
            of_logits: logits.clone(),
            logits,
            gradient: Gradient::new(&sides),
            branch: vec![0.0; sides.values()],
            sides,
        }
    }

    /// The mean loss of the next bytes in nats.
    ///
    /// # Shapes
    /// `tensors`: those of the order's layout; `tokens`, `labels`: `[text, position]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        tokens: &[u32],
        labels: &[u32],
    ) -> Result<f32, EngineError> {
        let (blocks, head) = split(tensors)?;
        let width = self.sides.width;
        embed(head.token, width, tokens, &mut self.stream).map_err(EngineError::kernel)?;
        let row = head.position.len();
        for text in self.stream.chunks_mut(row.max(1)) {
            add(text, head.position);
        }
        let (layers, _) = blocks.as_chunks::<BLOCK_TENSORS>();
        for (block, tensors) in self.blocks.iter_mut().zip(layers) {
            block.forward(tensors, &mut self.stream)?;
        }
        self.norm.forward(head.norm, &self.stream)?;
        self.output.forward(head.output, self.norm.output(), &mut self.logits)?;
        cross_entropy(&self.logits, self.sides.vocabulary, labels, &mut self.of_logits)
    }

    /// Writes the gradients of all tensors.
    pub(super) fn backward(
        &mut self,
        tensors: &[Vec<f32>],
        tokens: &[u32],
        of_tensors: &mut [Vec<f32>],
    ) -> Result<(), EngineError> {
        let (blocks, head) = split(tensors)?;
        let (of_blocks, of_head) = split_mut(of_tensors)?;
        let (normed, gradient) = (self.norm.output(), &self.of_logits);
        self.output.backward((normed, gradient), of_head.output)?;
        self.output.input_gradient(head.output[1], gradient, &mut self.branch)?;
        let stream = &mut self.stream;
        self.norm.backward(head.norm[1], &self.branch, of_head.norm, stream)?;
        let (layers, _) = blocks.as_chunks::<BLOCK_TENSORS>();
        let (of_layers, _) = of_blocks.as_chunks_mut::<BLOCK_TENSORS>();
        let layers = self.blocks.iter_mut().zip(layers).zip(of_layers);
        for ((block, tensors), of_tensors) in layers.rev() {
            block.backward(tensors, of_tensors, stream, &mut self.gradient)?;
        }
        let width = self.sides.width;
        embed_gradient(tokens, stream, width, of_head.token).map_err(EngineError::kernel)?;
        embed_gradient(&self.positions, stream, width, of_head.position)
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

/// As [`split`], to be written.
fn split_mut(
    tensors: &mut [Vec<f32>],
) -> Result<Parts<&mut [Vec<f32>], &mut Vec<f32>>, EngineError> {
    let missing = EngineError::Overflow { quantity: "the list of tensors" };
    let (blocks, head) = tensors.split_last_chunk_mut::<HEAD_TENSORS>().ok_or(missing)?;
    let [beta, gamma, bias, weight, position, token] = head;
    let head = Head { norm: [beta, gamma], output: [bias, weight], position, token };
    Ok((blocks, head))
}
