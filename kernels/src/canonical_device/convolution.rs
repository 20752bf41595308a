//! Convolution (valid, stride 1) and pooling on a device, through columns and the canonical product.

use aipot_shaders::canonical;

use super::{
    Bias, Columns, Layout, Operand, OperatorError, Operators, ProductShape, Tensor, WORKGROUP,
    kernel, volume,
};
use crate::device::{ComputeDevice, Kernel};

const PATCHES: Kernel = kernel("canonical_patches", canonical::PATCHES);
const FOLD: Kernel = kernel("canonical_fold", canonical::FOLD);

/// A convolution over a batch of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Images.
    pub batch: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Rows of a channel.
    pub height: u32,
    /// Columns of a channel.
    pub width: u32,
    /// Rows and columns of a window.
    pub kernel: u32,
    /// Channels of the output.
    pub outputs: u32,
}

/// The lengths that follow from a [`ConvolutionShape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionLengths {
    /// Pixels of a channel of the output.
    pub pixels: u32,
    /// Values of a window over all channels: K of the product.
    pub window: u32,
    /// Values of the input, `[batch, channels, height, width]`.
    pub input: u32,
    /// Values of the columns, `[batch, pixels, window]`.
    pub columns: u32,
    /// Values of the weight, `[outputs, window]`.
    pub weight: u32,
    /// Values of the output, `[batch, outputs, pixels]`.
    pub output: u32,
}

impl ConvolutionShape {
    /// The lengths of everything that takes part.
    ///
    /// # Errors
    /// [`OperatorError::Indivisible`] when the window is empty or larger than the image,
    /// [`OperatorError::TooLarge`] beyond 2^32 values.
    pub fn lengths(&self) -> Result<ConvolutionLengths, OperatorError> {
        let Self { batch, channels, height, width, kernel, outputs } = *self;
        let operator = "convolution";
        let size = height.min(width);
        if kernel == 0 || kernel > size {
            return Err(OperatorError::Indivisible { operator, size, part: kernel });
        }
        let (down, over) = (height - kernel + 1, width - kernel + 1);
        let window = volume(operator, &[channels, kernel, kernel])?;
        Ok(ConvolutionLengths {
            pixels: volume(operator, &[down, over])?,
            window,
            input: volume(operator, &[batch, channels, height, width])?,
            columns: volume(operator, &[batch, down, over, window])?,
            weight: volume(operator, &[outputs, window])?,
            output: volume(operator, &[batch, outputs, down, over])?,
        })
    }

    fn sizes(&self) -> [u32; 5] {
        [self.batch, self.channels, self.height, self.width, self.kernel]
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// The columns of all images, which the way back needs, too.
    ///
    /// # Shapes
    /// See [`ConvolutionLengths`].
    ///
    /// # Errors
    /// As [`ConvolutionShape::lengths`]; [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn patches(
        &self,
        shape: ConvolutionShape,
        images: &Tensor<D>,
        columns: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let lengths = shape.lengths()?;
        images.check(PATCHES.name, "images", lengths.input)?;
        columns.check(PATCHES.name, "columns", lengths.columns)?;
        let workgroup_count = lengths.columns.div_ceil(WORKGROUP);
        self.run_over(&PATCHES, &shape.sizes(), &[&images.words, &columns.words], workgroup_count)
    }

    /// The convolution of images whose columns are there.
    ///
    /// # Shapes
    /// See [`ConvolutionLengths`]; `bias`: `[outputs]`.
    ///
    /// # Errors
    /// As [`Self::patches`] and [`Self::product`].
    pub fn convolution(
        &self,
        shape: ConvolutionShape,
        columns: &Tensor<D>,
        [weight, bias]: [&Tensor<D>; 2],
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let lengths = shape.lengths()?;
        check_all(&lengths, [columns, weight, output])?;
        let (pixels, window) = (lengths.pixels, lengths.window);
        let product = ProductShape {
            batch: [shape.batch, 1],
            ..ProductShape::single(pixels, window, shape.outputs)
        };
        let columns = Operand::new(columns, of_columns(&lengths));
        let weight = Operand::new(weight, Layout::dense(window).transposed());
        let output = Operand::new(output, of_output(shape, &lengths).transposed());
        self.product(product, [columns, weight], Bias::OfColumns(bias), output)
    }

    /// The gradients of weight and bias, from the one behind the convolution.
    ///
    /// # Shapes
    /// See [`ConvolutionLengths`]: `gradient` is shaped as the output; bias: `[outputs]`.
    ///
    /// # Errors
    /// As [`Self::convolution`].
    pub fn convolution_gradient(
        &self,
        shape: ConvolutionShape,
        columns: &Tensor<D>,
        gradient: &Tensor<D>,
        [of_weight, of_bias]: [&Tensor<D>; 2],
    ) -> Result<(), OperatorError> {
        let lengths = shape.lengths()?;
        check_all(&lengths, [columns, of_weight, gradient])?;
        let (pixels, window) = (lengths.pixels, lengths.window);
        let product = ProductShape {
            groups: shape.batch,
            ..ProductShape::single(shape.outputs, pixels, window)
        };
        let by_image = |layout: Layout| Layout { group_stride: layout.outer_stride, ..layout };
        let left = Operand::new(gradient, by_image(of_output(shape, &lengths)));
        let right = Operand::new(columns, by_image(of_columns(&lengths)));
        let place = Operand::new(of_weight, Layout::dense(window));
        self.product(product, [left, right], Bias::None, place)?;
        let (groups, rows, columns) = (shape.batch, pixels, shape.outputs);
        self.sum_columns(Columns { groups, rows, columns, is_transposed: true }, gradient, of_bias)
    }

    /// The gradient of the images, by way of that of their columns.
    ///
    /// # Shapes
    /// See [`ConvolutionLengths`]: `gradient` is shaped as the output; room for the gradients of the columns
    /// and of the images.
    ///
    /// # Errors
    /// As [`Self::convolution`].
    pub fn convolution_input_gradient(
        &self,
        shape: ConvolutionShape,
        weight: &Tensor<D>,
        gradient: &Tensor<D>,
        [of_columns_values, of_images]: [&Tensor<D>; 2],
    ) -> Result<(), OperatorError> {
        let lengths = shape.lengths()?;
        check_all(&lengths, [of_columns_values, weight, gradient])?;
        of_images.check(FOLD.name, "images", lengths.input)?;
        let product = ProductShape {
            batch: [shape.batch, 1],
            ..ProductShape::single(lengths.pixels, shape.outputs, lengths.window)
        };
        let left = Operand::new(gradient, of_output(shape, &lengths).transposed());
        let right = Operand::new(weight, Layout::dense(lengths.window));
        let place = Operand::new(of_columns_values, of_columns(&lengths));
        self.product(product, [left, right], Bias::None, place)?;
        let operands = [&of_columns_values.words, &of_images.words];
        self.run_over(&FOLD, &shape.sizes(), &operands, lengths.input.div_ceil(WORKGROUP))
    }
}

/// `[pixels, window]` of each image.
fn of_columns(lengths: &ConvolutionLengths) -> Layout {
    let outer_stride = lengths.pixels.saturating_mul(lengths.window);
    Layout { outer_stride, ..Layout::dense(lengths.window) }
}

/// `[outputs, pixels]` of each image.
fn of_output(shape: ConvolutionShape, lengths: &ConvolutionLengths) -> Layout {
    let outer_stride = shape.outputs.saturating_mul(lengths.pixels);
    Layout { outer_stride, ..Layout::dense(lengths.pixels) }
}

/// Refuses columns, weight and output of other lengths.
fn check_all<D: ComputeDevice>(
    lengths: &ConvolutionLengths,
    [columns, weight, output]: [&Tensor<D>; 3],
) -> Result<(), OperatorError> {
    columns.check("convolution", "columns", lengths.columns)?;
    weight.check("convolution", "weight", lengths.weight)?;
    output.check("convolution", "output", lengths.output)
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
