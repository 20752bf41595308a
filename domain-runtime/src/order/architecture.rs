//! The shapes of networks that an order may ask for.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use super::network::{GraphInput, GraphLayer, LAYERS_MAX};
use crate::bounded::BoundedVec;

/// Most hidden layers of an `mlp`; deeper ones do not train without normalisation.
pub const HIDDEN_LAYERS_MAX: usize = 16;
/// Most convolutions: each halves the image, and 8 halve the widest one down to 256.
pub const CONVOLUTIONS_MAX: usize = 8;
/// How much wider the hidden layer of a block's perceptron is than the block.
pub const PERCEPTRON_FACTOR: u32 = 4;

/// Shape of the network. Inputs and outputs come from the data specification.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Architecture {
    /// Linear layers with ReLU between them.
    #[codec(index = 0)]
    Mlp {
        /// Widths of the hidden layers, from the input side; may be empty.
        hidden_widths: BoundedVec<u32, HIDDEN_LAYERS_MAX>,
    },
    /// Convolutions, each with bias, ReLU and a maximum over 2 x 2; then an `mlp`.
    #[codec(index = 1)]
    Cnn {
        /// How the features of an example stand.
        image: ImageShape,
        /// The convolutions, from the input side; may be empty.
        convolutions: BoundedVec<ConvolutionSpecification, CONVOLUTIONS_MAX>,
        /// Widths of the hidden linear layers; may be empty.
        hidden_widths: BoundedVec<u32, HIDDEN_LAYERS_MAX>,
    },
    /// A decoder over bytes: embeddings of tokens and positions, blocks of causal attention and a
    /// perceptron with GELU, each behind a layer norm and added to its input; a last norm, and an
    /// output layer of its own.
    #[codec(index = 2)]
    Gpt {
        /// Numbers for each token.
        width: u32,
        /// Blocks.
        layer_count: u32,
        /// Heads of an attention; divides the width.
        head_count: u32,
        /// Tokens of an example.
        context: u32,
    },
    /// Layers as they are declared.
    #[codec(index = 3)]
    Graph {
        /// How the features of an example stand.
        input: GraphInput,
        /// The layers, from the input side.
        layers: BoundedVec<GraphLayer, LAYERS_MAX>,
    },
    /// A residual network over images.
    #[codec(index = 4)]
    Resnet(ResnetShape),
    /// A transformer over squares of an image.
    #[codec(index = 5)]
    Vit(VitShape),
    /// An encoder over tokens, which classifies.
    #[codec(index = 6)]
    Bert(BertShape),
    /// A decoder of the llama family over tokens.
    #[codec(index = 7)]
    Llama(LlamaShape),
    /// Adapters on a base that stays as it is.
    #[codec(index = 8)]
    Lora(LoraShape),
}

impl Architecture {
    /// Its name in specifications.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mlp { .. } => "mlp",
            Self::Cnn { .. } => "cnn",
            Self::Gpt { .. } => "gpt",
            Self::Graph { .. } => "graph",
            Self::Resnet(_) => "resnet",
            Self::Vit(_) => "vit",
            Self::Bert(_) => "bert",
            Self::Llama(_) => "llama",
            Self::Lora(_) => "lora",
        }
    }

    /// How the features of an example stand, where it reads images.
    #[must_use]
    pub const fn image(&self) -> Option<ImageShape> {
        match self {
            Self::Cnn { image, .. } | Self::Graph { input: GraphInput::Image(image), .. } => {
                Some(*image)
            }
            Self::Resnet(shape) => Some(shape.image),
            Self::Vit(shape) => Some(shape.image),
            Self::Mlp { .. }
            | Self::Gpt { .. }
            | Self::Graph { .. }
            | Self::Bert(_)
            | Self::Llama(_)
            | Self::Lora(_) => None,
        }
    }

    /// Whether it reads running text, `None` where the data decides.
    #[must_use]
    pub const fn reads_running(&self) -> Option<bool> {
        match self {
            Self::Mlp { .. }
            | Self::Cnn { .. }
            | Self::Resnet(_)
            | Self::Vit(_)
            | Self::Bert(_)
            | Self::Graph { input: GraphInput::Features | GraphInput::Image(_), .. } => Some(false),
            Self::Gpt { .. } | Self::Llama(_) => Some(true),
            Self::Graph { input: GraphInput::Tokens, .. } => None,
            Self::Lora(shape) => match shape.base {
                LoraBase::Bert(_) => Some(false),
                LoraBase::Llama(_) => Some(true),
            },
        }
    }
}

/// Most stages of a `resnet`: each halves the sides.
pub const STAGES_MAX: usize = 8;
/// Kinds of layers that adapters may stand beside.
pub const LORA_TARGETS_MAX: usize = 5;

/// Sides of a `resnet`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ResnetShape {
    /// How the features of an example stand.
    pub image: ImageShape,
    /// Channels of each stage.
    pub widths: BoundedVec<u32, STAGES_MAX>,
    /// Blocks of each stage.
    pub block_count: u32,
    /// Groups of a norm; divides all widths.
    pub groups: u32,
}

/// Sides of a `vit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct VitShape {
    /// How the features of an example stand.
    pub image: ImageShape,
    /// Side of a square; divides both sides of the image.
    pub patch: u32,
    /// Numbers for each square.
    pub width: u32,
    /// Blocks.
    pub layer_count: u32,
    /// Heads of an attention; divides the width.
    pub head_count: u32,
}

/// Sides of a `bert`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct BertShape {
    /// Tokens that there are.
    pub vocabulary: u32,
    /// Positions that there are, at least as many as an example has tokens.
    pub positions: u32,
    /// Numbers for each token.
    pub width: u32,
    /// Width of a perceptron's hidden layer.
    pub hidden_width: u32,
    /// Blocks.
    pub layer_count: u32,
    /// Heads of an attention; divides the width.
    pub head_count: u32,
}

/// Sides of a `llama`; its vocabulary is the classes of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct LlamaShape {
    /// Numbers for each token.
    pub width: u32,
    /// Width of a perceptron's hidden layer.
    pub hidden_width: u32,
    /// Blocks.
    pub layer_count: u32,
    /// Heads of an attention; divides the width into even parts.
    pub head_count: u32,
    /// Base of the angles, the bits of an f32.
    pub rope_base: u32,
}

/// The base of a `lora`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum LoraBase {
    /// An encoder.
    #[codec(index = 0)]
    Bert(BertShape),
    /// A decoder.
    #[codec(index = 1)]
    Llama(LlamaShape),
}

/// Layers that adapters stand beside, in every block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum LoraTarget {
    /// Packed queries, keys and values.
    #[codec(index = 0)]
    AttentionInput,
    /// What mixes the heads.
    #[codec(index = 1)]
    AttentionOutput,
    /// The gate of a gated perceptron.
    #[codec(index = 2)]
    PerceptronGate,
    /// The wide layer of a perceptron.
    #[codec(index = 3)]
    PerceptronInput,
    /// The layer behind it.
    #[codec(index = 4)]
    PerceptronOutput,
}

/// Adapters on a base.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct LoraShape {
    /// What is frozen.
    pub base: LoraBase,
    /// Numbers between the two layers of an adapter.
    pub rank: u32,
    /// An adapter is scaled by this over its rank; the bits of an f32.
    pub alpha: u32,
    /// Where adapters stand; none: an encoder gets a new head and nothing else.
    pub targets: BoundedVec<LoraTarget, LORA_TARGETS_MAX>,
}

/// Sides of an image; features stand channel by channel and row by row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ImageShape {
    /// Values for each pixel.
    pub channels: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

/// A convolution without padding and with a stride of 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ConvolutionSpecification {
    /// Channels of the output.
    pub outputs: u32,
    /// Rows and columns of the kernel.
    pub kernel: u32,
}
