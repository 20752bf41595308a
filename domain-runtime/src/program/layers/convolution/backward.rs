//! The gradients of a convolution.

use core::ops::Range;

use super::{Convolution, count};
use crate::float::Float;
use crate::order::ImageShape;
use crate::program::builder::{Builder, Product, blocks};
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::linear::transposed;
use crate::program::{Function, Operand, Operation, SlotIndex, View};

/// Sums over the images before.
#[derive(Default)]
struct Totals {
    weight: Option<SlotIndex>,
    bias: Option<SlotIndex>,
}

impl Convolution {
    /// The gradients of weight and bias.
    ///
    /// # Shapes
    /// `input`: `[batch, channel, row, column]`, `gradient`: `[batch, output, row, column]`.
    pub(in crate::program) fn parameter_gradients(
        self,
        builder: &mut Builder,
        (input, gradient): (SlotIndex, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let pixels = self.pixels();
        let image = self.outputs().saturating_mul(pixels);
        let row = self.depth().saturating_mul(pixels);
        let framed = self.frame(builder, input)?;
        let mut totals = Totals::default();
        for images in self.parts() {
            let columns = self.columns(builder, (framed, &images), true)?;
            for (place, example) in (0_u32..).zip(images) {
                let gradient = View::new(gradient, &[pixels, 0]);
                let left = gradient.shifted(example.saturating_mul(image));
                let right = View::new(columns, &[0, pixels]).shifted(place.saturating_mul(row));
                self.add_image(builder, (left, right), &mut totals)?;
            }
            builder.release(columns);
        }
        self.release_framed(builder, framed);
        gradients.extend(totals.weight.map(|slot| (self.weight.place, slot)));
        gradients.extend(self.bias.zip(totals.bias).map(|(bias, slot)| (bias.place, slot)));
        Ok(())
    }

    /// Adds what one image gives to the gradients of weight and bias.
    fn add_image(
        self,
        builder: &mut Builder,
        (gradient, columns): (View, View),
        totals: &mut Totals,
    ) -> Result<(), ProgramError> {
        let outputs = self.outputs();
        for (start, depth) in blocks(self.pixels()) {
            let (left, right) = (gradient.shifted(start), columns.shifted(start));
            let block = Operation::Product { left, right, depth };
            let sides = [outputs, self.depth()];
            let output = ("convolution weight gradient", sides.as_slice());
            totals.weight = Some(builder.accumulate(output, totals.weight, block)?);
            if self.bias.is_some() {
                let block = Operation::ChainSum { input: left, depth };
                let sides = [outputs];
                let output = ("convolution bias gradient", sides.as_slice());
                totals.bias = Some(builder.accumulate(output, totals.bias, block)?);
            }
        }
        Ok(())
    }

    /// The gradient of the input, `[batch, channel, row, column]`.
    ///
    /// # Shapes
    /// `gradient`: `[batch, output, row, column]`.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (depth, pixels, outputs) = (self.depth(), self.pixels(), self.outputs());
        let [image, plane, _] = self.output_strides();
        let ImageShape { channels, height, width } = self.input;
        let of_image = channels.saturating_mul(height).saturating_mul(width);
        self.joined(builder, ("convolution input gradient", of_image), |builder, images| {
            let first = images.start.saturating_mul(image);
            let by_pixel = builder.copy(
                "convolution gradient by pixel",
                &[count(images), pixels, outputs],
                View::new(gradient, &[image, 1, plane]).shifted(first),
            )?;
            let name = "convolution weight transposed";
            let weight = transposed(builder, name, self.weight.slot, [outputs, depth])?;
            let rows = count(images).saturating_mul(pixels);
            let columns = builder.product(&Product {
                name: "convolution columns gradient",
                shape: &[rows, depth],
                left: View::new(by_pixel, &[outputs, 0]),
                right: View::new(weight, &[0, outputs]),
                depth: outputs,
            })?;
            builder.release(by_pixel);
            builder.release(weight);
            let folded = self.fold(builder, (columns, images))?;
            builder.release(columns);
            self.cut(builder, (folded, images))
        })
    }

    /// Adds what belongs to each place under the kernel to the framed images that lay there.
    fn fold(
        self,
        builder: &mut Builder,
        (columns, images): (SlotIndex, &Range<u32>),
    ) -> Result<SlotIndex, ProgramError> {
        let (framed, output, kernel) = (self.framed(), self.output, self.kernel);
        let shape = [count(images), framed.channels, framed.height, framed.width];
        let zero = [Operand::Constant(Float::ZERO.0)];
        let folded = builder.map("convolution input gradient", &shape, Function::Copy, &zero)?;
        let (depth, area) = (self.depth(), kernel.saturating_mul(kernel));
        let row = output.width.saturating_mul(depth);
        let image = row.saturating_mul(output.height);
        for place in 0..area {
            let origin = [place.checked_div(kernel), place.checked_rem(kernel)];
            let operation = Operation::AddWindow {
                added: View::new(columns, &[image, area, row, depth]).shifted(place),
                origin: origin.map(Option::unwrap_or_default),
                size: [output.height, output.width],
                stride: self.stride,
            };
            builder.write("convolution input gradient", (folded, &shape), operation)?;
        }
        Ok(folded)
    }

    /// What lies within the frames of some images.
    fn cut(
        self,
        builder: &mut Builder,
        (folded, images): (SlotIndex, &Range<u32>),
    ) -> Result<SlotIndex, ProgramError> {
        if self.padding == 0 {
            return Ok(folded);
        }
        let (framed, input) = (self.framed(), self.input);
        let plane = framed.height.saturating_mul(framed.width);
        let strides = [plane.saturating_mul(framed.channels), plane, framed.width, 1];
        let first = self.padding.saturating_mul(framed.width).saturating_add(self.padding);
        let shape = [count(images), input.channels, input.height, input.width];
        let view = View::new(folded, &strides).shifted(first);
        let cut = builder.copy("convolution input gradient in its frame", &shape, view)?;
        builder.release(folded);
        Ok(cut)
    }
}
