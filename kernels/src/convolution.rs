//! Convolution of images in a frame of zeros, pooling, patches, and their gradients.
//!
//! A frame of `padding` zeros may lie around an image; then its values have +0 added, so that there is
//! no -0. The kernel moves by `stride`. A pixel is a place of the kernel: p = oy * output width + ox. A
//! column is what a kernel sees from there: k = (c, ky, kx), channel by channel, row by row. Then
//! - the output is the canonical product of weight and column, plus the bias;
//! - the gradient of the weight sums over the pixels of all images, image after image: blocks of at
//!   most [`K_BLOCK`] pixels of one image, each a chain from +0 with p ascending; total = total + next
//!   block's sum. That of the bias sums the same blocks with ones in place of the columns;
//! - the gradient of a column is the canonical product over the output channels. That of the input
//!   starts at +0 and takes what the columns hold for it, (ky, kx) ascending.

mod average;
mod backward;
mod bias;
mod columns;
mod forward;
mod patches;
mod places;
mod pool;
mod portable;

pub use average::{
    average_pool, average_pool_gradient, average_pool_gradient_portable, average_pool_portable,
};
pub use backward::{input_gradient, weight_gradient, weight_gradient_rows};
pub use bias::{bias_gradient, bias_gradient_rows};
pub use forward::forward;
pub use patches::{PatchGrid, patches, patches_gradient};
pub use pool::{Plane, max_pool, max_pool_gradient, max_pool_gradient_portable, max_pool_portable};
pub use portable::{
    bias_gradient_portable, columns_portable, fold_portable, forward_portable,
    input_gradient_portable, weight_gradient_portable,
};

use thiserror::Error;

use crate::length::{self, LengthError};
use crate::matmul::{K_BLOCK, matmul_into};
use crate::matrix::Matrix;

/// Why images cannot be convolved or pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConvolutionError {
    /// The kernel is larger than the image in its frame, or nothing at all.
    #[error("a kernel of {kernel} x {kernel} does not fit into an image of {height} x {width}")]
    Kernel {
        /// Side of the kernel.
        kernel: usize,
        /// Rows of the image, with its frame.
        height: usize,
        /// Columns of the image, with its frame.
        width: usize,
    },
    /// The kernel does not move.
    #[error("a stride of 0 leads nowhere")]
    NoStride,
    /// There is nothing to convolve, or nothing to convolve it to.
    #[error("a convolution from {channels} channels to {outputs} is none")]
    NoChannels {
        /// Channels of the input.
        channels: usize,
        /// Channels of the output.
        outputs: usize,
    },
    /// An image has no pixels, so it has no average.
    #[error("an image of {height} x {width} has no average")]
    NoPixels {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// Patches leave a part of the image over.
    #[error("patches of {side} x {side} do not cover an image of {height} x {width}")]
    Patch {
        /// Side of a patch.
        side: usize,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// The windows of a pool leave a row or a column over.
    #[error("windows of 2 x 2 do not cover an image of {height} x {width}")]
    OddSide {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// A buffer has another length than the sizes say.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Channels of an input image.
    pub channels: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Channels of an output image.
    pub outputs: usize,
    /// Rows or columns from one place of the kernel to the next.
    pub stride: usize,
    /// Zeros around an input image, on each side.
    pub padding: usize,
}

impl Geometry {
    /// Rows of an output image.
    pub fn output_height(&self) -> usize {
        self.places(self.height)
    }

    /// Columns of an output image.
    pub fn output_width(&self) -> usize {
        self.places(self.width)
    }

    /// Places of the kernel, which are the pixels of an output image.
    pub fn pixels(&self) -> usize {
        length::product(&[self.output_height(), self.output_width()])
    }

    /// Values that a kernel sees from one place.
    pub fn depth(&self) -> usize {
        length::product(&[self.channels, self.kernel, self.kernel])
    }

    /// Values of one input image.
    pub fn input_values(&self) -> usize {
        length::product(&[self.channels, self.height, self.width])
    }

    /// Values of one output image.
    pub fn output_values(&self) -> usize {
        length::product(&[self.outputs, self.pixels()])
    }

    /// Refuses sizes that make no convolution; otherwise everything but the batch is above zero.
    fn check(&self) -> Result<(), ConvolutionError> {
        let Self { channels, kernel, outputs, .. } = *self;
        let [height, width] = [self.height, self.width].map(|side| self.framed(side));
        if self.stride == 0 {
            return Err(ConvolutionError::NoStride);
        }
        if kernel == 0 || kernel > height.min(width) || self.height.min(self.width) == 0 {
            return Err(ConvolutionError::Kernel { kernel, height, width });
        }
        if channels == 0 || outputs == 0 {
            return Err(ConvolutionError::NoChannels { channels, outputs });
        }
        Ok(())
    }

    /// Compares the length of all input images with what it must be.
    fn check_input(&self, actual: usize) -> Result<(), LengthError> {
        length::check("the input", actual, length::product(&[self.batch, self.input_values()]))
    }

    /// Compares the length of all output images with what it must be.
    fn check_output(&self, name: &'static str, actual: usize) -> Result<(), LengthError> {
        length::check(name, actual, length::product(&[self.batch, self.output_values()]))
    }

    /// Compares the length of the weight with what it must be.
    fn check_weight(&self, name: &'static str, actual: usize) -> Result<(), LengthError> {
        length::check(name, actual, length::product(&[self.outputs, self.depth()]))
    }

    /// Compares the length of the bias with what it must be, where there is one.
    fn check_bias(&self, bias: Option<&[f32]>) -> Result<(), LengthError> {
        bias.map_or(Ok(()), |bias| length::check("the bias", bias.len(), self.outputs))
    }

    /// The channel and the place in the kernel that stand at `k` in a column.
    fn place(&self, k: usize) -> (usize, usize, usize) {
        let in_kernel = k % (self.kernel * self.kernel);
        (k / (self.kernel * self.kernel), in_kernel / self.kernel, in_kernel % self.kernel)
    }
}

/// Sees dense values as a matrix of a shape that follows from a checked geometry.
fn dense(values: &[f32], rows: usize, columns: usize) -> Matrix<'_> {
    Matrix::new(values, rows, columns).expect("the geometry gave both shape and length")
}

/// The canonical product of matrices whose shapes follow from a checked geometry.
fn multiply(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32]) {
    matmul_into(left, right, None, product).expect("the geometry gave all shapes");
}

#[cfg(test)]
mod tests;
