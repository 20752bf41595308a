//! The shapes of networks that an order may ask for.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

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
