//! Layer norm of rows.

use super::linear::transposed;
use super::{Gradients, Pair};
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Reduction, SlotIndex};

/// Rows that a norm looks at.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    pub(super) rows: u32,
    pub(super) width: u32,
}

impl Sides {
    pub(super) const fn shape(self) -> [u32; 2] {
        [self.rows, self.width]
    }

    pub(super) fn map(
        self,
        builder: &mut Builder,
        name: &'static str,
        function: Function,
        operands: &[Operand],
    ) -> Result<SlotIndex, ProgramError> {
        builder.map(name, &self.shape(), function, operands)
    }

    /// `[rows, width]` as it is.
    pub(super) fn all(self, slot: SlotIndex) -> Operand {
        of(slot, &[self.width, 1])
    }

    /// The gradient of the weight behind the normal rows, `[width]`.
    pub(super) fn weight_gradient(
        self,
        builder: &mut Builder,
        [gradient, normal]: [SlotIndex; 2],
    ) -> Result<SlotIndex, ProgramError> {
        let operands = [self.all(gradient), self.all(normal)];
        let products = self.map(builder, "norm weight products", Function::Multiply, &operands)?;
        let name = "norm weight products transposed";
        let columns = transposed(builder, name, products, self.shape())?;
        let sides = [self.width, self.rows];
        let weight = builder.column_sums("norm weight gradient", columns, sides)?;
        builder.release(products);
        builder.release(columns);
        Ok(weight)
    }
}

/// A layer norm over rows.
#[derive(Clone, Copy)]
pub(in crate::program) struct Norm {
    pub(in crate::program) pair: Pair,
    pub(in crate::program) rows: u32,
    pub(in crate::program) width: u32,
    /// Keeps the root of the variance from zero, the bits of an f32.
    pub(in crate::program) epsilon: u32,
}

/// What a norm leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct Normed {
    /// `[rows, width]`.
    pub(in crate::program) output: SlotIndex,
    /// The input without mean and with a variance of one, `[rows, width]`.
    normal: SlotIndex,
    /// One over the deviation, `[rows]`.
    inverse: SlotIndex,
}

impl Norm {
    const fn sides(self) -> Sides {
        Sides { rows: self.rows, width: self.width }
    }

    /// # Shapes
    /// `input`: `[rows, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<Normed, ProgramError> {
        let mean = builder.reduce("norm mean", Reduction::Mean, input, self.sides().shape())?;
        let operands = [self.sides().all(input), of(mean, &[1])];
        let centred = self.sides().map(builder, "norm centred", Function::Subtract, &operands)?;
        let operands = [self.sides().all(centred), self.sides().all(centred)];
        let squares = self.sides().map(builder, "norm squares", Function::Multiply, &operands)?;
        let variance =
            builder.reduce("norm variance", Reduction::Mean, squares, self.sides().shape())?;
        builder.release(mean);
        builder.release(squares);
        let function = Function::InverseDeviation { epsilon: self.epsilon };
        let inverse =
            builder.map("norm inverse deviation", &[self.rows], function, &[of(variance, &[1])])?;
        builder.release(variance);
        let operands = [self.sides().all(centred), of(inverse, &[1])];
        let normal = self.sides().map(builder, "norm normal", Function::Multiply, &operands)?;
        builder.release(centred);
        let (weight, bias) = (self.pair.weight.slot, self.pair.bias.slot);
        let operands = [self.sides().all(normal), of(weight, &[0, 1]), of(bias, &[0, 1])];
        let output = self.sides().map(builder, "norm", Function::MultiplyAdd, &operands)?;
        Ok(Normed { output, normal, inverse })
    }

    /// The gradient of the input, and those of weight and bias.
    ///
    /// # Shapes
    /// `gradient` and the result: `[rows, width]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (normed, gradient): (Normed, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<SlotIndex, ProgramError> {
        self.parameter_gradients(builder, (normed, gradient), gradients)?;
        self.input_gradient(builder, normed, gradient)
    }

    /// The gradient of the input alone.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        normed: Normed,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Normed { normal, inverse, .. } = normed;
        let operands = [self.sides().all(gradient), of(self.pair.weight.slot, &[0, 1])];
        let scaled =
            self.sides().map(builder, "norm scaled gradient", Function::Multiply, &operands)?;
        let mean =
            builder.reduce("norm mean gradient", Reduction::Mean, scaled, self.sides().shape())?;
        let operands = [self.sides().all(scaled), self.sides().all(normal)];
        let along =
            self.sides().map(builder, "norm gradient along", Function::Multiply, &operands)?;
        let share =
            builder.reduce("norm share along", Reduction::Mean, along, self.sides().shape())?;
        builder.release(along);
        let operands = [self.sides().all(scaled), of(mean, &[1])];
        let centred =
            self.sides().map(builder, "norm centred gradient", Function::Subtract, &operands)?;
        builder.release(scaled);
        builder.release(mean);
        let operands = [self.sides().all(normal), of(share, &[1]), self.sides().all(centred)];
        let function = Function::NegativeMultiplyAdd;
        let across = self.sides().map(builder, "norm gradient across", function, &operands)?;
        builder.release(share);
        builder.release(centred);
        let operands = [self.sides().all(across), of(inverse, &[1])];
        let result =
            self.sides().map(builder, "norm input gradient", Function::Multiply, &operands)?;
        builder.release(across);
        Ok(result)
    }

    /// Those of weight and bias alone.
    pub(in crate::program) fn parameter_gradients(
        self,
        builder: &mut Builder,
        (normed, gradient): (Normed, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let normal = normed.normal;
        let weight = self.sides().weight_gradient(builder, [gradient, normal])?;
        let name = "norm gradient transposed";
        let columns = transposed(builder, name, gradient, self.sides().shape())?;
        let bias = builder.column_sums("norm bias gradient", columns, [self.width, self.rows])?;
        builder.release(columns);
        gradients.insert(self.pair.weight.place, weight);
        gradients.insert(self.pair.bias.place, bias);
        Ok(())
    }
}
