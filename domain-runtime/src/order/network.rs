//! Networks as layers over values: what an architecture is made of, one layer after the other.
//!
//! Value 0 is the data, value `i + 1` is what layer `i` makes. A `graph` declares its layers; the other
//! architectures of this room are written as such layers, so that programs and engines know one form.

mod bert;
mod dropout;
mod error;
mod llama;
mod lora;
mod resnet;
mod resolve;
mod sketch;
mod vit;

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

pub use dropout::DropoutConstants;
pub use error::NetworkError;
use sketch::Sketch;

use super::tensors::{BLOCKS_MAX, Tensor};
use super::{Architecture, ImageShape, LoraBase, LoraShape, OrderSpecification};
use crate::bounded::BoundedVec;

/// Most layers of a network.
pub const LAYERS_MAX: usize = 512;
/// Most values that a layer reads.
pub const LAYER_INPUTS_MAX: usize = 2;
/// The token that fills up what is too short.
pub const PADDING_TOKEN: u32 = 0;

/// What an attention does not look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum AttentionMask {
    /// It looks at everything.
    #[codec(index = 0)]
    None,
    /// Not at what comes later.
    #[codec(index = 1)]
    Causal,
    /// Not at [`PADDING_TOKEN`]; the second value of the layer is the tokens.
    #[codec(index = 2)]
    Padding,
}

/// What a layer does. Real numbers are the bits of an f32.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Layer {
    /// Rows times a weight `[output, input]`, with or without a bias `[output]`.
    #[codec(index = 0)]
    Linear {
        /// Numbers of an output row.
        outputs: u32,
        /// Whether there is a bias.
        has_bias: bool,
    },
    /// A convolution over planes of zeros around the image; weight `[output, channel * row * column]`.
    #[codec(index = 1)]
    Convolution {
        /// Channels of the output.
        outputs: u32,
        /// Rows and columns of the kernel.
        kernel: u32,
        /// Pixels from one place of the kernel to the next.
        stride: u32,
        /// Rows and columns of zeros on every side.
        padding: u32,
        /// Whether there is a bias.
        has_bias: bool,
    },
    /// The maximum of every 2 x 2; sides are even.
    #[codec(index = 2)]
    MaxPool,
    /// The mean of every plane.
    #[codec(index = 3)]
    AveragePool,
    /// What is above zero.
    #[codec(index = 4)]
    Relu,
    /// Gaussian error linear unit.
    ///
    /// # Source
    /// Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    #[codec(index = 5)]
    Gelu,
    /// `x / (1 + exp(-x))`.
    ///
    /// # Source
    /// Elfwing and others, "Sigmoid-weighted linear units", 2018.
    #[codec(index = 6)]
    Silu,
    /// Rows without their mean and with a variance of one, then weight and bias.
    ///
    /// # Source
    /// Ba and others, "Layer normalization", 2016.
    #[codec(index = 7)]
    LayerNorm {
        /// Keeps the root from zero.
        epsilon: u32,
    },
    /// Rows with a mean square of one, then a weight.
    ///
    /// # Source
    /// Zhang and Sennrich, "Root mean square layer normalization", 2019.
    #[codec(index = 8)]
    RmsNorm {
        /// Keeps the root from zero.
        epsilon: u32,
    },
    /// As a layer norm, over groups of the channels of an image; weight and bias for each channel.
    ///
    /// # Source
    /// Wu and He, "Group normalization", 2018.
    #[codec(index = 9)]
    GroupNorm {
        /// Groups; divides the channels.
        groups: u32,
        /// Keeps the root from zero.
        epsilon: u32,
    },
    /// Attention over packed rows: queries, keys and values of all heads side by side.
    ///
    /// # Source
    /// Vaswani and others, "Attention is all you need", 2017.
    #[codec(index = 10)]
    Attention {
        /// Heads; divides a third of the input's width.
        heads: u32,
        /// What it does not look at.
        mask: AttentionMask,
    },
    /// A row of a table for every token; beyond the table it is no number.
    #[codec(index = 11)]
    Embedding {
        /// Rows of the table.
        vocabulary: u32,
        /// Numbers of a row.
        width: u32,
    },
    /// Adds a row of a table for every position.
    #[codec(index = 12)]
    PositionEmbedding {
        /// Rows of the table, at least as many as there are tokens.
        positions: u32,
    },
    /// Turns queries and keys of packed rows by their position, each half of a head against the other.
    ///
    /// # Source
    /// Su and others, "Enhanced transformer with rotary position embedding", 2021; the halves as in the models of the llama family.
    #[codec(index = 13)]
    Rope {
        /// Heads; divides a third of the input's width into even heads.
        heads: u32,
        /// The base of the angles.
        base: u32,
    },
    /// Drops values at random while training, and scales up the others.
    ///
    /// # Source
    /// Srivastava and others, "Dropout", 2014.
    #[codec(index = 14)]
    Dropout {
        /// The share that is dropped, at least 0 and below 1.
        rate: u32,
    },
    /// The sum of two values.
    #[codec(index = 15)]
    Add,
    /// The product of two values, number by number.
    #[codec(index = 16)]
    Multiply,
    /// Times a constant.
    #[codec(index = 17)]
    Scale {
        /// The factor.
        factor: u32,
    },
    /// One row out of all numbers.
    #[codec(index = 18)]
    Flatten,
    /// Squares of an image as tokens, row by row: channels, rows and columns of each.
    #[codec(index = 19)]
    Patches {
        /// Side of a square; divides the sides of the image.
        side: u32,
    },
    /// The mean of all tokens; where a second value says the tokens, of those that are no padding.
    #[codec(index = 20)]
    MeanTokens,
    /// The first token.
    #[codec(index = 21)]
    FirstToken,
}

/// A layer of a declared graph.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct GraphLayer {
    /// What it does.
    pub layer: Layer,
    /// The values that it reads: 0 is the data, `i + 1` what layer `i` makes. Empty: the value before it.
    pub inputs: BoundedVec<u16, LAYER_INPUTS_MAX>,
}

/// How a graph sees the features of an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum GraphInput {
    /// As a row of numbers.
    #[codec(index = 0)]
    Features,
    /// As an image.
    #[codec(index = 1)]
    Image(ImageShape),
    /// As tokens.
    #[codec(index = 2)]
    Tokens,
}

/// The form of a value for one example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueShape {
    /// One row.
    Features {
        /// Numbers of the row.
        width: u32,
    },
    /// Channels of rows and columns.
    Image(ImageShape),
    /// A row for each token.
    Tokens {
        /// Tokens.
        count: u32,
        /// Numbers of a row.
        width: u32,
    },
    /// Tokens as integers.
    Indices {
        /// Tokens.
        count: u32,
    },
}

/// Where a tensor of a layer is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TensorPlace {
    /// Its place among [`Network::tensors`], which are trained.
    Trained(usize),
    /// Its place among [`Network::base`], which stay as they are.
    Base(usize),
}

/// A layer in its network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it does.
    pub layer: Layer,
    /// The values that it reads.
    pub inputs: Vec<usize>,
    /// What it makes of one example.
    pub shape: ValueShape,
    /// Bias (where it has one), then weight.
    pub tensors: Vec<TensorPlace>,
}

/// The layers of an order's model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network {
    /// The form of the data.
    pub input: ValueShape,
    /// The layers; what the last one makes are the logits.
    pub nodes: Vec<Node>,
    /// What is trained, sorted by name.
    pub tensors: Vec<Tensor>,
    /// What stays as it is in the base file, sorted by name.
    pub base: Vec<Tensor>,
}

impl ValueShape {
    /// Numbers of one example.
    #[must_use]
    pub fn value_count(self) -> u64 {
        match self {
            Self::Features { width } => u64::from(width),
            Self::Image(image) => image.value_count(),
            Self::Tokens { count, width } => u64::from(count).saturating_mul(u64::from(width)),
            Self::Indices { count } => u64::from(count),
        }
    }

    /// Rows of one example and numbers of a row; an image is one row.
    #[must_use]
    pub fn rows(self) -> (u32, u32) {
        match self {
            Self::Features { width } => (1, width),
            Self::Image(image) => (1, u32::try_from(image.value_count()).unwrap_or(u32::MAX)),
            Self::Tokens { count, width } => (count, width),
            Self::Indices { count } => (1, count),
        }
    }

    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Features { .. } => "features",
            Self::Image(_) => "an image",
            Self::Tokens { .. } => "rows of tokens",
            Self::Indices { .. } => "tokens",
        }
    }
}

impl Network {
    /// The form of a value.
    #[must_use]
    pub fn shape(&self, value: usize) -> Option<ValueShape> {
        match value.checked_sub(1) {
            None => Some(self.input),
            Some(node) => self.nodes.get(node).map(|node| node.shape),
        }
    }

    /// For every value, the data first: whether its gradient is needed for one that is trained.
    #[must_use]
    pub fn needed_gradients(&self) -> Vec<bool> {
        let mut needed = Vec::with_capacity(self.nodes.len().saturating_add(1));
        needed.push(false);
        for node in &self.nodes {
            let is_trained =
                node.tensors.iter().any(|place| matches!(place, TensorPlace::Trained(_)));
            let is_behind =
                node.inputs.iter().any(|input| needed.get(*input).copied().unwrap_or(false));
            needed.push(is_trained || is_behind);
        }
        needed
    }
}

/// The layers of an order's model; `None` for the architectures that have programs of their own.
///
/// # Errors
/// [`NetworkError`] for the first layer that does not fit what it reads, or the data.
pub fn network(specification: &OrderSpecification) -> Result<Option<Network>, NetworkError> {
    let data = &specification.data;
    let (features, classes) = (data.feature_count, data.class_count);
    check_blocks(&specification.model.architecture)?;
    let sketch = match &specification.model.architecture {
        Architecture::Mlp { .. } | Architecture::Cnn { .. } | Architecture::Gpt { .. } => {
            return Ok(None);
        }
        Architecture::Graph { input, layers } => Sketch::declared(*input, layers)?,
        Architecture::Resnet(shape) => resnet::sketch(shape, classes),
        Architecture::Vit(shape) => vit::sketch(shape, classes),
        Architecture::Bert(shape) => bert::sketch(shape, classes),
        Architecture::Llama(shape) => llama::sketch(shape, classes),
        Architecture::Lora(shape) => lora::sketch(shape, classes)?,
    };
    sketch.resolve(features, (classes, data.format.is_running())).map(Some)
}

/// Refuses more blocks than any network has, before the first layer is written down.
fn check_blocks(architecture: &Architecture) -> Result<(), NetworkError> {
    let found = match architecture {
        Architecture::Resnet(shape) => shape.block_count,
        Architecture::Vit(shape) => shape.layer_count,
        Architecture::Bert(shape)
        | Architecture::Lora(LoraShape { base: LoraBase::Bert(shape), .. }) => shape.layer_count,
        Architecture::Llama(shape)
        | Architecture::Lora(LoraShape { base: LoraBase::Llama(shape), .. }) => shape.layer_count,
        Architecture::Mlp { .. }
        | Architecture::Cnn { .. }
        | Architecture::Gpt { .. }
        | Architecture::Graph { .. } => 0,
    };
    if found > BLOCKS_MAX {
        return Err(NetworkError::BlockCount { found, max: BLOCKS_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
