//! Root mean square norm of rows.

use super::linear::transposed;
use super::{Gradients, Parameter};
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Reduction, SlotIndex};

/// A root mean square norm over rows.
#[derive(Clone, Copy)]
pub(in crate::program) struct RmsNorm {
    pub(in crate::program) weight: Parameter,
    pub(in crate::program) rows: u32,
    pub(in crate::program) width: u32,
    /// Keeps the root from zero, the bits of an f32.
    pub(in crate::program) epsilon: u32,
}

/// What a norm leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct RmsNormed {
    /// `[rows, width]`.
    pub(in crate::program) output: SlotIndex,
    /// The input with a mean square of one, `[rows, width]`.
    normal: SlotIndex,
    /// One over the root, `[rows]`.
    inverse: SlotIndex,
}

impl RmsNorm {
    const fn shape(self) -> [u32; 2] {
        [self.rows, self.width]
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

    /// `[rows, width]` as it is.
    fn all(self, slot: SlotIndex) -> Operand {
        of(slot, &[self.width, 1])
    }

    /// # Shapes
    /// `input`: `[rows, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<RmsNormed, ProgramError> {
        let operands = [self.all(input), self.all(input)];
        let squares = self.map(builder, "norm squares", Function::Multiply, &operands)?;
        let mean = builder.reduce("norm mean square", Reduction::Mean, squares, self.shape())?;
        builder.release(squares);
        let function = Function::InverseDeviation { epsilon: self.epsilon };
        let inverse =
            builder.map("norm inverse root", &[self.rows], function, &[of(mean, &[1])])?;
        builder.release(mean);
        let operands = [self.all(input), of(inverse, &[1])];
        let normal = self.map(builder, "norm normal", Function::Multiply, &operands)?;
        let operands = [self.all(normal), of(self.weight.slot, &[0, 1])];
        let output = self.map(builder, "norm", Function::Multiply, &operands)?;
        Ok(RmsNormed { output, normal, inverse })
    }

    /// The gradient of the input.
    ///
    /// # Shapes
    /// `gradient` and the result: `[rows, width]`.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        normed: RmsNormed,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let RmsNormed { normal, inverse, .. } = normed;
        let operands = [self.all(gradient), of(self.weight.slot, &[0, 1])];
        let scaled = self.map(builder, "norm scaled gradient", Function::Multiply, &operands)?;
        let operands = [self.all(scaled), self.all(normal)];
        let along = self.map(builder, "norm gradient along", Function::Multiply, &operands)?;
        let share = builder.reduce("norm share along", Reduction::Mean, along, self.shape())?;
        builder.release(along);
        let operands = [self.all(normal), of(share, &[1]), self.all(scaled)];
        let function = Function::NegativeMultiplyAdd;
        let across = self.map(builder, "norm gradient across", function, &operands)?;
        builder.release(share);
        builder.release(scaled);
        let operands = [self.all(across), of(inverse, &[1])];
        let result = self.map(builder, "norm input gradient", Function::Multiply, &operands)?;
        builder.release(across);
        Ok(result)
    }

    /// The gradient of the weight.
    ///
    /// # Shapes
    /// `gradient`: `[rows, width]`.
    pub(in crate::program) fn parameter_gradient(
        self,
        builder: &mut Builder,
        (normed, gradient): (RmsNormed, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let operands = [self.all(gradient), self.all(normed.normal)];
        let products = self.map(builder, "norm weight products", Function::Multiply, &operands)?;
        let name = "norm weight products transposed";
        let columns = transposed(builder, name, products, self.shape())?;
        let sides = [self.width, self.rows];
        let weight = builder.column_sums("norm weight gradient", columns, sides)?;
        builder.release(products);
        builder.release(columns);
        gradients.insert(self.weight.place, weight);
        Ok(())
    }
}
