//! Root mean square norm of rows.

use super::norm::Sides;
use super::{Gradients, Parameter};
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Reduction, SlotIndex};

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
    const fn sides(self) -> Sides {
        Sides { rows: self.rows, width: self.width }
    }

    /// # Shapes
    /// `input`: `[rows, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<RmsNormed, ProgramError> {
        let operands = [self.sides().all(input), self.sides().all(input)];
        let squares = self.sides().map(builder, "norm squares", Function::Multiply, &operands)?;
        let mean =
            builder.reduce("norm mean square", Reduction::Mean, squares, self.sides().shape())?;
        builder.release(squares);
        let function = Function::InverseDeviation { epsilon: self.epsilon };
        let inverse =
            builder.map("norm inverse root", &[self.rows], function, &[of(mean, &[1])])?;
        builder.release(mean);
        let operands = [self.sides().all(input), of(inverse, &[1])];
        let normal = self.sides().map(builder, "norm normal", Function::Multiply, &operands)?;
        let operands = [self.sides().all(normal), of(self.weight.slot, &[0, 1])];
        let output = self.sides().map(builder, "norm", Function::Multiply, &operands)?;
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
        let operands = [self.sides().all(gradient), of(self.weight.slot, &[0, 1])];
        let scaled =
            self.sides().map(builder, "norm scaled gradient", Function::Multiply, &operands)?;
        let operands = [self.sides().all(scaled), self.sides().all(normal)];
        let along =
            self.sides().map(builder, "norm gradient along", Function::Multiply, &operands)?;
        let share =
            builder.reduce("norm share along", Reduction::Mean, along, self.sides().shape())?;
        builder.release(along);
        let operands = [self.sides().all(normal), of(share, &[1]), self.sides().all(scaled)];
        let function = Function::NegativeMultiplyAdd;
        let across = self.sides().map(builder, "norm gradient across", function, &operands)?;
        builder.release(share);
        builder.release(scaled);
        let operands = [self.sides().all(across), of(inverse, &[1])];
        let result =
            self.sides().map(builder, "norm input gradient", Function::Multiply, &operands)?;
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
        let weight = self.sides().weight_gradient(builder, [gradient, normed.normal])?;
        gradients.insert(self.weight.place, weight);
        Ok(())
    }
}
