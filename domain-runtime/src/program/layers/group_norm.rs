//! Group norm of images.

use super::rows::mean_of_rows;
use super::{Gradients, Pair};
use crate::float::Float;
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::{BLOCK_ELEMENTS, Function, Operand, Operation, SlotIndex, View};

/// A group norm over a batch of images.
#[derive(Clone, Copy)]
pub(in crate::program) struct GroupNorm {
    pub(in crate::program) pair: Pair,
    pub(in crate::program) batch: u32,
    pub(in crate::program) groups: u32,
    pub(in crate::program) channels: u32,
    pub(in crate::program) pixels: u32,
    /// Keeps the root of the variance from zero.
    pub(in crate::program) epsilon: u32,
}

/// What a group norm leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct GroupNormed {
    /// `[batch, channel, pixel]`.
    pub(in crate::program) output: SlotIndex,
    /// The input without mean and with a variance of one, `[batch, channel, pixel]`.
    normal: SlotIndex,
    /// One over the deviation, `[batch, group]`.
    inverse: SlotIndex,
}

impl GroupNorm {
    /// Channels of a group.
    fn group_channels(self) -> u32 {
        self.channels.checked_div(self.groups).unwrap_or(0)
    }

    /// Rows that are normalized, and their length.
    fn rows(self) -> [u32; 2] {
        let length = self.group_channels().saturating_mul(self.pixels);
        [self.batch.saturating_mul(self.groups), length]
    }

    /// `[batch, group, channel, pixel]`.
    fn shape(self) -> [u32; 4] {
        [self.batch, self.groups, self.group_channels(), self.pixels]
    }

    /// Everything as it is.
    fn all(self, slot: SlotIndex) -> Operand {
        let [row, group] = [self.channels, self.group_channels()];
        let pixels = self.pixels;
        of(slot, &[row.saturating_mul(pixels), group.saturating_mul(pixels), pixels, 1])
    }

    /// A number for each group of each image.
    fn of_row(self, slot: SlotIndex) -> Operand {
        of(slot, &[self.groups, 1])
    }

    /// A number for each channel.
    fn of_channel(self, slot: SlotIndex) -> Operand {
        of(slot, &[0, self.group_channels(), 1])
    }

    fn map(
        self,
        builder: &mut Builder,
        name: &'static str,
        function: Function,
        operands: &[Operand],
    ) -> Result<SlotIndex, ProgramError> {
        builder.map(name, &self.shape(), function, operands)
    }

    /// # Shapes
    /// `input`: `[batch, channel, pixel]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<GroupNormed, ProgramError> {
        let mean = mean_of_rows(builder, "group norm mean", input, self.rows())?;
        let operands = [self.all(input), self.of_row(mean)];
        let centred = self.map(builder, "group norm centred", Function::Subtract, &operands)?;
        builder.release(mean);
        let operands = [self.all(centred), self.all(centred)];
        let squares = self.map(builder, "group norm squares", Function::Multiply, &operands)?;
        let variance = mean_of_rows(builder, "group norm variance", squares, self.rows())?;
        builder.release(squares);
        let function = Function::InverseDeviation { epsilon: self.epsilon };
        let (name, [rows, _]) = ("group norm inverse deviation", self.rows());
        let inverse = builder.map(name, &[rows], function, &[of(variance, &[1])])?;
        builder.release(variance);
        let operands = [self.all(centred), self.of_row(inverse)];
        let normal = self.map(builder, "group norm normal", Function::Multiply, &operands)?;
        builder.release(centred);
        let (weight, bias) = (self.pair.weight.slot, self.pair.bias.slot);
        let operands = [self.all(normal), self.of_channel(weight), self.of_channel(bias)];
        let output = self.map(builder, "group norm", Function::MultiplyAdd, &operands)?;
        Ok(GroupNormed { output, normal, inverse })
    }

    /// The gradient of the input.
    ///
    /// # Shapes
    /// `gradient` and the result: `[batch, channel, pixel]`.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        GroupNormed { normal, inverse, .. }: GroupNormed,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let operands = [self.all(gradient), self.of_channel(self.pair.weight.slot)];
        let name = "group norm scaled gradient";
        let scaled = self.map(builder, name, Function::Multiply, &operands)?;
        let mean = mean_of_rows(builder, "group norm mean gradient", scaled, self.rows())?;
        let operands = [self.all(scaled), self.all(normal)];
        let name = "group norm gradient along";
        let along = self.map(builder, name, Function::Multiply, &operands)?;
        let share = mean_of_rows(builder, "group norm share along", along, self.rows())?;
        builder.release(along);
        let operands = [self.all(scaled), self.of_row(mean)];
        let name = "group norm centred gradient";
        let centred = self.map(builder, name, Function::Subtract, &operands)?;
        builder.release(scaled);
        builder.release(mean);
        let operands = [self.all(normal), self.of_row(share), self.all(centred)];
        let name = "group norm gradient across";
        let across = self.map(builder, name, Function::NegativeMultiplyAdd, &operands)?;
        builder.release(share);
        builder.release(centred);
        let operands = [self.all(across), self.of_row(inverse)];
        let name = "group norm input gradient";
        let result = self.map(builder, name, Function::Multiply, &operands)?;
        builder.release(across);
        Ok(result)
    }

    /// The gradients of weight and bias.
    ///
    /// # Shapes
    /// `gradient`: `[batch, channel, pixel]`.
    pub(in crate::program) fn parameter_gradients(
        self,
        builder: &mut Builder,
        (normed, gradient): (GroupNormed, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let operands = [self.all(gradient), self.all(normed.normal)];
        let name = "group norm weight products";
        let products = self.map(builder, name, Function::Multiply, &operands)?;
        let weight = self.channel_sums(builder, "group norm weight gradient", products)?;
        builder.release(products);
        let bias = self.channel_sums(builder, "group norm bias gradient", gradient)?;
        gradients.insert(self.pair.weight.place, weight);
        gradients.insert(self.pair.bias.place, bias);
        Ok(())
    }

    /// The sum of each channel: blocks of the pixels of one image after the other, added one by one.
    fn channel_sums(
        self,
        builder: &mut Builder,
        name: &'static str,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let blocks = self.pixels.div_ceil(BLOCK_ELEMENTS);
        let sums = self.block_sums(builder, name, input)?;
        let all = self.batch.saturating_mul(blocks);
        let channels = self.channels;
        // No sum of a block is minus zero, so a chain that begins at zero adds them as they are.
        let input = View::new(sums, &[all]);
        let chain = Operation::ChainSum { input, depth: all.min(BLOCK_ELEMENTS) };
        let total = builder.compute(name, &[channels], chain)?;
        for block in BLOCK_ELEMENTS..all {
            let operands = [of(total, &[1]), Operand::Slot(input.shifted(block))];
            builder.update(name, (total, &[channels]), Function::Add, &operands)?;
        }
        builder.release(sums);
        Ok(total)
    }

    /// The sums of all blocks: `[channel, image, block]`.
    fn block_sums(
        self,
        builder: &mut Builder,
        name: &'static str,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { batch, channels, pixels, .. } = self;
        let full = pixels.checked_div(BLOCK_ELEMENTS).unwrap_or(0);
        let whole = full.saturating_mul(BLOCK_ELEMENTS);
        let rest = pixels.saturating_sub(whole);
        let image = pixels.saturating_mul(channels);
        let view = |strides: &[u32]| View::new(input, strides);
        let last =
            Operation::ChainSum { input: view(&[pixels, image]).shifted(whole), depth: rest };
        if full == 0 {
            return builder.compute(name, &[channels, batch], last);
        }
        let first = view(&[pixels, image, BLOCK_ELEMENTS]);
        let first = Operation::ChainSum { input: first, depth: BLOCK_ELEMENTS };
        let first = builder.compute(name, &[channels, batch, full], first)?;
        if rest == 0 {
            return Ok(first);
        }
        let last = builder.compute(name, &[channels, batch], last)?;
        let shape = [channels, 1, batch, full.saturating_add(1)];
        let zero = [Operand::Constant(Float::ZERO.0)];
        let joined = builder.map(name, &shape, Function::Copy, &zero)?;
        for (sums, at, columns) in [(first, 0, full), (last, full, 1)] {
            let operation = Operation::AddWindow {
                added: View::new(sums, &[batch.saturating_mul(columns), 0, columns, 1]),
                origin: [0, at],
                size: [batch, columns],
                stride: 1,
            };
            builder.write(name, (joined, &shape), operation)?;
            builder.release(sums);
        }
        Ok(joined)
    }
}
