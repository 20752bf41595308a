//! The layers of declared networks, each fused, forward and backward, with the memory of a piece of a batch.
//!
//! A layer computes what the operators of its program say, in the arithmetic of profile P0. Gradients of
//! tensors go on from piece to piece of a batch, so their bits are those of the whole batch.

mod activation;
mod attention;
mod convolution;
mod dropout;
mod embedding;
mod group_norm;
mod join;
mod layer_norm;
mod linear;
mod pool;
mod product;
mod rms_norm;
mod rope;
mod texts;

use std::fmt::Debug;

use aipot_domain_runtime::order::ImageShape;
use aipot_domain_runtime::order::network::{Layer as Kind, Network, Node, TensorPlace, ValueShape};
use aipot_kernels::row_span::{RowSpan, RunningSums};

use crate::engine::EngineError;
use crate::engine::room::Room;

/// Most values that a layer reads.
pub(crate) const INPUTS: usize = 2;

/// What a layer reads for a piece of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'values> {
    /// Its values, each `[example, ...]`; of tokens, and where there is none, empty.
    pub(crate) values: [&'values [f32]; INPUTS],
    /// The tokens of the data, `[example, position]`; empty where the data has none.
    pub(crate) tokens: &'values [u32],
    /// Which examples of the batch these are.
    pub(crate) span: RowSpan,
    /// The step of the run and its seed, for what is drawn at random; `None` outside of training.
    pub(crate) draw: Option<Draw>,
}

/// Where in a run something is drawn at random.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    /// Seed of the run.
    pub(crate) seed: u64,
    /// The batch, from 0.
    pub(crate) number: u32,
}

impl<'values> Seen<'values> {
    /// The first value.
    pub(crate) fn first(&self) -> &'values [f32] {
        let [first, _] = self.values;
        first
    }
}

/// What lies behind a layer on the way back, and where its own gradients go.
#[derive(Debug)]
pub(crate) struct Behind<'sums, 'values> {
    /// The gradient of what the layer made.
    pub(crate) gradient: &'sums [f32],
    /// Where the gradients of what it reads are to be written; `None` where nobody needs one.
    pub(crate) of_values: [Option<&'sums mut [f32]>; INPUTS],
    /// Sums of the gradients of all tensors that are trained.
    pub(crate) sums: &'sums mut [RunningSums<'values>],
    /// The tensors of the layer among them.
    pub(crate) places: &'sums [TensorPlace],
}

impl Behind<'_, '_> {
    /// The gradient of the first value, where it is needed.
    pub(crate) fn of_first(&mut self) -> Option<&mut [f32]> {
        let [first, _] = &mut self.of_values;
        first.as_deref_mut()
    }

    /// The gradient of the first value, where it is needed, begun with that of what the layer made.
    pub(crate) fn copied(&mut self) -> Option<&mut [f32]> {
        let gradient = self.gradient;
        let of_first = self.of_first()?;
        of_first.copy_from_slice(gradient);
        Some(of_first)
    }

    /// The sums of the layer's tensor `index`; `None` when it stays as it is.
    pub(crate) fn sum(&mut self, index: usize) -> Option<RunningSums<'_>> {
        match self.places.get(index)? {
            TensorPlace::Trained(place) => self.sums.get_mut(*place).map(RunningSums::reborrow),
            TensorPlace::Base(_) => None,
        }
    }

    /// The sums of the layer's first two tensors; `None` when they stay as they are.
    pub(crate) fn pair(&mut self) -> Option<[RunningSums<'_>; 2]> {
        let [TensorPlace::Trained(first), TensorPlace::Trained(second)] = self.places else {
            return None;
        };
        let pair = self.sums.get_disjoint_mut([*first, *second]).ok()?;
        Some(pair.map(RunningSums::reborrow))
    }
}

/// A layer with the memory of a piece of a batch.
pub(crate) trait Layer: Debug + Send {
    /// Computes what the layer makes.
    ///
    /// # Shapes
    /// `tensors`: those of the node, bias before weight; `output`: `[example, ...]`.
    ///
    /// # Errors
    /// [`EngineError::Kernel`] when sizes do not fit each other.
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError>;

    /// Writes the gradients of what the layer reads and goes on with those of its tensors, after
    /// [`Self::forward`] with the same values; the second of `values` is what it made.
    ///
    /// # Errors
    /// As [`Self::forward`].
    fn backward(
        &mut self,
        tensors: &[&[f32]],
        values: (Seen<'_>, &[f32]),
        behind: Behind<'_, '_>,
    ) -> Result<(), EngineError>;
}

/// Forms and sizes of a layer in its network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'network> {
    /// The layer.
    pub(crate) node: &'network Node,
    /// Its number.
    pub(crate) number: usize,
    /// The form of its first value.
    pub(crate) input: ValueShape,
    /// Most examples of a piece.
    pub(crate) rows: usize,
}

impl<'network> Site<'network> {
    /// The site of layer `number` for pieces of at most `rows` examples.
    pub(crate) fn new(
        network: &'network Network,
        number: usize,
        rows: usize,
    ) -> Result<Self, EngineError> {
        let missing = EngineError::Overflow { quantity: "the list of layers" };
        let Some(node) = network.nodes.get(number) else { return Err(missing) };
        let input = node.inputs.first().and_then(|value| network.shape(*value));
        Ok(Self { node, number, input: input.ok_or(missing)?, rows })
    }

    /// Rows of one example and numbers of a row, of the first value.
    pub(crate) fn input_sides(&self) -> Result<(usize, usize), EngineError> {
        sides(self.input)
    }

    /// Rows of one example and numbers of a row, of what it makes.
    pub(crate) fn output_sides(&self) -> Result<(usize, usize), EngineError> {
        sides(self.node.shape)
    }

    /// Takes the memory of the layer.
    ///
    /// # Errors
    /// [`EngineError`] when a size does not fit this machine.
    pub(crate) fn layer(&self, room: &mut Room) -> Result<Box<dyn Layer>, EngineError> {
        Ok(match self.node.layer {
            Kind::Linear { .. } => Box::new(linear::Linear::new(self)?),
            Kind::Relu => Box::new(activation::Relu),
            Kind::Gelu => Box::new(activation::GELU),
            Kind::LayerNorm { epsilon } => {
                Box::new(layer_norm::LayerNorm::new(self, f32::from_bits(epsilon), room)?)
            }
            Kind::Silu => Box::new(activation::SILU),
            Kind::RmsNorm { epsilon } => {
                Box::new(rms_norm::RmsNorm::new(self, f32::from_bits(epsilon), room)?)
            }
            Kind::Attention { heads, mask } => {
                Box::new(attention::Attention::new(self, (heads, mask), room)?)
            }
            Kind::Rope { heads, base } => Box::new(rope::Rope::new(self, heads, base)?),
            Kind::Dropout { rate } => Box::new(dropout::Dropout::new(self, rate)?),
            Kind::Multiply => Box::new(product::Multiply),
            Kind::Scale { factor } => Box::new(product::Scale { factor: f32::from_bits(factor) }),
            Kind::MeanTokens => Box::new(texts::MeanTokens::new(self)?),
            Kind::FirstToken => Box::new(texts::FirstToken::new(self)?),
            Kind::Embedding { .. } => Box::new(embedding::TokenTable::new(self)?),
            Kind::PositionEmbedding { .. } => Box::new(embedding::PositionTable::new(self, room)?),
            Kind::Add => Box::new(join::Add),
            Kind::Flatten => Box::new(join::Flatten),
            Kind::Convolution { .. } => Box::new(convolution::Convolution::new(self)?),
            Kind::MaxPool => Box::new(pool::MaxPool::new(self, room)?),
            Kind::AveragePool => Box::new(pool::AveragePool::new(self)?),
            Kind::GroupNorm { groups, epsilon } => {
                let kind = (groups, f32::from_bits(epsilon));
                Box::new(group_norm::GroupNorm::new(self, kind, room)?)
            }
            Kind::Patches { side } => Box::new(pool::Patches::new(self, side)?),
        })
    }

    /// The image that it reads.
    fn image(&self) -> Result<ImageShape, EngineError> {
        if let ValueShape::Image(image) = self.input { Ok(image) } else { Err(self.no_layer()) }
    }

    fn no_layer(&self) -> EngineError {
        EngineError::NoLayer { name: self.node.layer.name() }
    }
}

fn sides(shape: ValueShape) -> Result<(usize, usize), EngineError> {
    let (rows, width) = shape.rows();
    Ok((size(rows)?, size(width)?))
}

/// A size as this machine counts.
pub(crate) fn size(value: u32) -> Result<usize, EngineError> {
    usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "a layer" })
}

#[cfg(test)]
mod tests;
