//! A convolution over images in a frame of zeros, with or without a bias.
//!
//! What lies under the kernel is laid out in columns. Where those of all images are more than one slot
//! holds, some images are taken at a time, which changes no bit: every sum is of one image, but for the
//! gradients of weight and bias, and those go on image after image.

mod backward;

use core::ops::Range;

use super::Parameter;
use crate::float::Float;
use crate::order::ImageShape;
use crate::program::builder::{Builder, Product, of};
use crate::program::error::ProgramError;
use crate::program::{ELEMENTS_MAX, Function, Operand, Operation, SlotIndex, View};

/// Nothing that a sum can tell from what it is added to: minus zero.
const NOTHING: Operand = Operand::Constant(Float::ZERO.0 | 1 << 31);

/// One convolution over a batch of images.
#[derive(Clone, Copy)]
pub(in crate::program) struct Convolution {
    /// `[output, channel * row * column]`.
    pub(in crate::program) weight: Parameter,
    /// `[output]`.
    pub(in crate::program) bias: Option<Parameter>,
    pub(in crate::program) batch: u32,
    pub(in crate::program) input: ImageShape,
    pub(in crate::program) output: ImageShape,
    /// Rows and columns of the kernel.
    pub(in crate::program) kernel: u32,
    /// Rows or columns from one place of the kernel to the next.
    pub(in crate::program) stride: u32,
    /// Zeros on every side of an image.
    pub(in crate::program) padding: u32,
}

impl Convolution {
    const fn outputs(self) -> u32 {
        self.output.channels
    }

    /// Pixels of the output.
    const fn pixels(self) -> u32 {
        self.output.height.saturating_mul(self.output.width)
    }

    /// Values under the kernel.
    const fn depth(self) -> u32 {
        self.kernel.saturating_mul(self.kernel).saturating_mul(self.input.channels)
    }

    /// An image in its frame.
    const fn framed(self) -> ImageShape {
        let frame = self.padding.saturating_mul(2);
        let ImageShape { channels, height, width } = self.input;
        let (height, width) = (height.saturating_add(frame), width.saturating_add(frame));
        ImageShape { channels, height, width }
    }

    /// `[batch, output, pixel]` as it stands.
    const fn output_strides(self) -> [u32; 3] {
        [self.outputs().saturating_mul(self.pixels()), self.pixels(), 1]
    }

    /// The images whose columns fill one slot at most, part after part.
    fn parts(self) -> impl Iterator<Item = Range<u32>> {
        let of_image = self.pixels().saturating_mul(self.depth());
        let images = ELEMENTS_MAX.checked_div(of_image).unwrap_or(0).clamp(1, self.batch.max(1));
        let firsts = (0..self.batch.div_ceil(images)).map(move |part| part.saturating_mul(images));
        firsts.map(move |first| first..first.saturating_add(images).min(self.batch))
    }

    /// The images in their frames; the slot itself where there are none.
    fn frame(self, builder: &mut Builder, input: SlotIndex) -> Result<SlotIndex, ProgramError> {
        if self.padding == 0 {
            return Ok(input);
        }
        let ImageShape { channels, height, width } = self.input;
        let framed = self.framed();
        let shape = [self.batch, channels, framed.height, framed.width];
        let zero = [Operand::Constant(Float::ZERO.0)];
        let output = builder.map("framed images", &shape, Function::Copy, &zero)?;
        let plane = height.saturating_mul(width);
        let operation = Operation::AddWindow {
            added: View::new(input, &[plane.saturating_mul(channels), plane, width, 1]),
            origin: [self.padding; 2],
            size: [height, width],
            stride: 1,
        };
        builder.write("framed images", (output, &shape), operation)?;
        Ok(output)
    }

    /// Says that nobody reads framed images any more; the input is others' to release.
    fn release_framed(self, builder: &mut Builder, framed: SlotIndex) {
        if self.padding > 0 {
            builder.release(framed);
        }
    }

    /// What lies under the kernel at each pixel of some images:
    /// `[image, row, column, channel, kernel row, kernel column]`, or with the last three sides first.
    fn columns(
        self,
        builder: &mut Builder,
        (framed, images): (SlotIndex, &Range<u32>),
        is_kernel_first: bool,
    ) -> Result<SlotIndex, ProgramError> {
        let (kernel, step, ImageShape { channels, height, width }) =
            (self.kernel, self.stride, self.framed());
        let (plane, down) = (height.saturating_mul(width), width.saturating_mul(step));
        let image = plane.saturating_mul(channels);
        let (rows, columns) = (self.output.height, self.output.width);
        let first = images.start.saturating_mul(image);
        if is_kernel_first {
            let shape = [count(images), channels, kernel, kernel, rows, columns];
            let view = View::new(framed, &[image, plane, width, 1, down, step]).shifted(first);
            return builder.copy("convolution columns by kernel", &shape, view);
        }
        let shape = [count(images), rows, columns, channels, kernel, kernel];
        let view = View::new(framed, &[image, down, step, plane, width, 1]).shifted(first);
        builder.copy("convolution columns", &shape, view)
    }

    /// # Shapes
    /// `input`: `[batch, channel, row, column]`; the result: `[batch, output, row, column]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (depth, pixels, outputs) = (self.depth(), self.pixels(), self.outputs());
        let framed = self.frame(builder, input)?;
        let of_image = outputs.saturating_mul(pixels);
        let sums = self.joined(builder, ("convolution product", of_image), |builder, images| {
            let columns = self.columns(builder, (framed, images), false)?;
            let sums = builder.product(&Product {
                name: "convolution product",
                shape: &[count(images), outputs, pixels],
                left: View::new(columns, &[pixels.saturating_mul(depth), 0, depth]),
                right: View::new(self.weight.slot, &[0, depth]),
                depth,
            })?;
            builder.release(columns);
            Ok(sums)
        })?;
        self.release_framed(builder, framed);
        if let Some(bias) = self.bias {
            let shape = [self.batch, outputs, pixels];
            let operands = [of(sums, &self.output_strides()), of(bias.slot, &[0, 1])];
            builder.update("convolution bias", (sums, &shape), Function::Add, &operands)?;
        }
        Ok(sums)
    }

    /// Makes a tensor of `of_image` elements for each image part by part and puts it together.
    fn joined(
        self,
        builder: &mut Builder,
        (name, of_image): (&'static str, u32),
        part: impl Fn(&mut Builder, &Range<u32>) -> Result<SlotIndex, ProgramError>,
    ) -> Result<SlotIndex, ProgramError> {
        let whole = 0..self.batch;
        if self.parts().eq(core::iter::once(whole.clone())) {
            return part(builder, &whole);
        }
        let shape = [1, 1, self.batch, 1, of_image];
        let joined = builder.map(name, &shape, Function::Copy, &[NOTHING])?;
        for images in self.parts() {
            let added = part(builder, &images)?;
            let operation = Operation::AddWindow {
                added: View::new(added, &[0, 0, of_image, 0, 1]),
                origin: [images.start, 0],
                size: [count(&images), 1],
                stride: 1,
            };
            builder.write(name, (joined, &shape), operation)?;
            builder.release(added);
        }
        Ok(joined)
    }
}

/// How many images a part has.
fn count(images: &Range<u32>) -> u32 {
    images.end.saturating_sub(images.start)
}
