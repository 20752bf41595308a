//! A convolution with bias, rectifier and a maximum over 2 x 2.

use super::linear::{rectify, rectify_backward, transposed};
use super::{Gradients, Pair};
use crate::float::Float;
use crate::order::shape::ConvolutionStage;
use crate::program::builder::{Builder, Product, blocks, element_count, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Operation, SlotIndex, View};

/// One convolution over a batch of images.
#[derive(Clone, Copy)]
pub(in crate::program) struct Convolution {
    pub(in crate::program) pair: Pair,
    pub(in crate::program) batch: u32,
    pub(in crate::program) stage: ConvolutionStage,
}

/// What a convolution leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct Convolved {
    /// The input, `[batch, channel, row, column]`.
    input: SlotIndex,
    /// Behind the rectifier, `[batch, output, row, column]`.
    rectified: SlotIndex,
    /// Behind the maximum, `[batch, output, row / 2, column / 2]`.
    pub(in crate::program) output: SlotIndex,
}

impl Convolution {
    const fn outputs(self) -> u32 {
        self.stage.output.channels
    }

    /// Pixels of the output.
    const fn pixels(self) -> u32 {
        self.stage.output.height.saturating_mul(self.stage.output.width)
    }

    /// Values under the kernel.
    const fn depth(self) -> u32 {
        self.stage
            .kernel
            .saturating_mul(self.stage.kernel)
            .saturating_mul(self.stage.input.channels)
    }

    /// `[batch, output, pixel]`.
    const fn output_shape(self) -> [u32; 3] {
        [self.batch, self.outputs(), self.pixels()]
    }

    /// `[batch, output, pixel]` as it stands.
    const fn output_strides(self) -> [u32; 3] {
        [self.outputs().saturating_mul(self.pixels()), self.pixels(), 1]
    }

    /// What lies under the kernel at each pixel: `[batch, row, column, channel, kernel row, kernel column]`,
    /// or with the last three sides first.
    fn columns(
        self,
        builder: &mut Builder,
        input: SlotIndex,
        is_kernel_first: bool,
    ) -> Result<SlotIndex, ProgramError> {
        let (stage, kernel) = (self.stage, self.stage.kernel);
        let row = stage.input.width;
        let plane = stage.input.height.saturating_mul(row);
        let image = plane.saturating_mul(stage.input.channels);
        let (rows, columns) = (stage.output.height, stage.output.width);
        let channels = stage.input.channels;
        if is_kernel_first {
            let shape = [self.batch, channels, kernel, kernel, rows, columns];
            let view = View::new(input, &[image, plane, row, 1, row, 1]);
            return builder.copy("convolution columns by kernel", &shape, view);
        }
        let shape = [self.batch, rows, columns, channels, kernel, kernel];
        let view = View::new(input, &[image, row, 1, plane, row, 1]);
        builder.copy("convolution columns", &shape, view)
    }

    /// # Shapes
    /// `input`: `[batch, channel, row, column]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<Convolved, ProgramError> {
        let (depth, pixels) = (self.depth(), self.pixels());
        let shape = self.output_shape();
        let columns = self.columns(builder, input, false)?;
        let sums = builder.product(&Product {
            name: "convolution product",
            shape: &shape,
            left: View::new(columns, &[pixels.saturating_mul(depth), 0, depth]),
            right: View::new(self.pair.weight.slot, &[0, depth]),
            depth,
        })?;
        builder.release(columns);
        let operands = [of(sums, &self.output_strides()), of(self.pair.bias.slot, &[0, 1])];
        builder.update("convolution bias", (sums, &shape), Function::Add, &operands)?;
        rectify(builder, sums, element_count("rectifier", &shape)?)?;
        let output = self.pool(builder, ("pool", Function::PoolMaximum), sums)?;
        Ok(Convolved { input, rectified: sums, output })
    }

    /// A function of each 2 x 2: `[batch * output, row / 2, column / 2]`.
    fn pool(
        self,
        builder: &mut Builder,
        (name, function): (&'static str, Function),
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (output, pooled) = (self.stage.output, self.stage.pooled);
        let planes = self.batch.saturating_mul(self.outputs());
        let row = output.width;
        let strides = [self.pixels(), row.saturating_mul(2), 2];
        let window = [0, 1, row, row.saturating_add(1)];
        let operands = window.map(|place| Operand::Slot(View::new(input, &strides).shifted(place)));
        builder.map(name, &[planes, pooled.height, pooled.width], function, &operands)
    }

    /// The gradient before the maximum and the rectifier, `[batch, output, row, column]`.
    fn pool_backward(
        self,
        builder: &mut Builder,
        convolved: Convolved,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let pooled = self.stage.pooled;
        let function = ("pool positions", Function::PoolPosition);
        let positions = self.pool(builder, function, convolved.rectified)?;
        let planes = self.batch.saturating_mul(self.outputs());
        let shape = [planes, pooled.height, 2, pooled.width, 2];
        let strides = [pooled.height.saturating_mul(pooled.width), pooled.width, 0, 1, 0];
        let operands = [of(positions, &strides), index(&[0, 0, 2, 0, 1]), of(gradient, &strides)];
        let spread = builder.map("pool gradient", &shape, Function::Select, &operands)?;
        builder.release(positions);
        let count = element_count("rectifier", &shape)?;
        rectify_backward(builder, (convolved.rectified, spread), count)?;
        Ok(spread)
    }

    /// The gradient of what the convolution gave, from the gradient behind the maximum; and gradients of
    /// weight and bias.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (convolved, gradient): (Convolved, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<SlotIndex, ProgramError> {
        let gradient = self.pool_backward(builder, convolved, gradient)?;
        let columns = self.columns(builder, convolved.input, true)?;
        let (depth, pixels, outputs) = (self.depth(), self.pixels(), self.outputs());
        let (image, row) = (outputs.saturating_mul(pixels), depth.saturating_mul(pixels));
        let (mut weight, mut bias) = (None, None);
        for example in 0..self.batch {
            for (start, length) in blocks(pixels) {
                let shift = |elements: u32| example.saturating_mul(elements).saturating_add(start);
                let left = View::new(gradient, &[pixels, 0]).shifted(shift(image));
                let right = View::new(columns, &[0, pixels]).shifted(shift(row));
                let block = Operation::Product { left, right, depth: length };
                let output = ("convolution weight gradient", [outputs, depth]);
                weight = Some(builder.accumulate((output.0, &output.1), weight, block)?);
                let block = Operation::ChainSum { input: left, depth: length };
                let output = ("convolution bias gradient", [outputs]);
                bias = Some(builder.accumulate((output.0, &output.1), bias, block)?);
            }
        }
        builder.release(columns);
        gradients.extend(weight.map(|slot| (self.pair.weight.place, slot)));
        gradients.extend(bias.map(|slot| (self.pair.bias.place, slot)));
        Ok(gradient)
    }

    /// The gradient of the input, `[batch, channel, row, column]`, from what [`Self::backward`] gives.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (depth, pixels, outputs) = (self.depth(), self.pixels(), self.outputs());
        let [image, plane, _] = self.output_strides();
        let by_pixel = builder.copy(
            "convolution gradient by pixel",
            &[self.batch, pixels, outputs],
            View::new(gradient, &[image, 1, plane]),
        )?;
        let name = "convolution weight transposed";
        let weight = transposed(builder, name, self.pair.weight.slot, [outputs, depth])?;
        let rows = self.batch.saturating_mul(pixels);
        let columns = builder.product(&Product {
            name: "convolution columns gradient",
            shape: &[rows, depth],
            left: View::new(by_pixel, &[outputs, 0]),
            right: View::new(weight, &[0, outputs]),
            depth: outputs,
        })?;
        builder.release(by_pixel);
        builder.release(weight);
        let folded = self.fold(builder, columns)?;
        builder.release(columns);
        Ok(folded)
    }

    /// Adds what belongs to each place under the kernel to the input that lay there.
    fn fold(self, builder: &mut Builder, columns: SlotIndex) -> Result<SlotIndex, ProgramError> {
        let (input, output, kernel) = (self.stage.input, self.stage.output, self.stage.kernel);
        let shape = [self.batch, input.channels, input.height, input.width];
        let zero = [Operand::Constant(Float::ZERO.0)];
        let folded = builder.map("convolution input gradient", &shape, Function::Copy, &zero)?;
        let (depth, area) = (self.depth(), kernel.saturating_mul(kernel));
        let row = output.width.saturating_mul(depth);
        let image = row.saturating_mul(output.height);
        for place in 0..area {
            let origin = [place.checked_div(kernel), place.checked_rem(kernel)];
            let added = View::new(columns, &[image, area, row, depth]).shifted(place);
            let operation = Operation::AddWindow {
                added,
                origin: origin.map(Option::unwrap_or_default),
                size: [output.height, output.width],
                stride: 1,
            };
            builder.write("convolution input gradient", (folded, &shape), operation)?;
        }
        Ok(folded)
    }
}
