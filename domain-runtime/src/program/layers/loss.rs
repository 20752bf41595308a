//! Softmax of rows, and the cross-entropy of their labels.

use crate::float::Float;
use crate::program::builder::{Builder, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Operation, ROW_ELEMENTS_MAX, Reduction, SlotIndex, View};

/// Rows of logits and their labels.
#[derive(Clone, Copy)]
pub(in crate::program) struct CrossEntropy {
    /// `[rows, classes]`.
    pub(in crate::program) logits: SlotIndex,
    /// `[rows]`, integers.
    pub(in crate::program) labels: SlotIndex,
    pub(in crate::program) rows: u32,
    pub(in crate::program) classes: u32,
}

/// The parts of a softmax of rows.
#[derive(Clone, Copy)]
pub(in crate::program) struct Exponentials {
    /// The largest of each row, `[rows]`.
    largest: SlotIndex,
    /// `exp(value - largest)`, `[rows, length]`.
    powers: SlotIndex,
    /// Sum of the powers of each row, `[rows]`.
    sums: SlotIndex,
}

impl Exponentials {
    /// # Shapes
    /// `values`: `[rows, length]`.
    pub(in crate::program) fn new(
        builder: &mut Builder,
        values: SlotIndex,
        shape: [u32; 2],
    ) -> Result<Self, ProgramError> {
        let [_, length] = shape;
        let largest = builder.reduce("softmax largest", Reduction::Maximum, values, shape)?;
        let operands = [of(values, &[length, 1]), of(largest, &[1])];
        let powers = builder.map("softmax powers", &shape, Function::Exponential, &operands)?;
        let sums = builder.reduce("softmax sums", Reduction::Sum, powers, shape)?;
        Ok(Self { largest, powers, sums })
    }

    /// The shares, `[rows, length]`; the parts are not needed any more.
    pub(in crate::program) fn softmax(
        self,
        builder: &mut Builder,
        shape: [u32; 2],
    ) -> Result<SlotIndex, ProgramError> {
        let [_, length] = shape;
        let operands = [of(self.powers, &[length, 1]), of(self.sums, &[1])];
        let shares = builder.map("softmax", &shape, Function::Divide, &operands)?;
        for slot in [self.largest, self.powers, self.sums] {
            builder.release(slot);
        }
        Ok(shares)
    }
}

impl CrossEntropy {
    const fn shape(self) -> [u32; 2] {
        [self.rows, self.classes]
    }

    /// The loss of every row, `[rows]`, and the parts of the softmax.
    pub(in crate::program) fn losses(
        self,
        builder: &mut Builder,
    ) -> Result<(SlotIndex, Exponentials), ProgramError> {
        let parts = Exponentials::new(builder, self.logits, self.shape())?;
        let table = View::new(self.logits, &[self.classes]);
        let gather = Operation::Gather { table, index: View::new(self.labels, &[1]), stride: 1 };
        let logit = builder.compute("label's logit", &[self.rows], gather)?;
        let operands = [of(logit, &[1]), of(parts.largest, &[1]), of(parts.sums, &[1])];
        let name = "label's log-probability";
        let probability = builder.map(name, &[self.rows], Function::LogProbability, &operands)?;
        let operands = [of(probability, &[1])];
        let losses = builder.map("losses", &[self.rows], Function::Negate, &operands)?;
        builder.release(logit);
        builder.release(probability);
        Ok((losses, parts))
    }

    /// The mean loss, one number, and the gradient of the logits, `[rows, classes]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
    ) -> Result<SlotIndex, ProgramError> {
        if self.rows > ROW_ELEMENTS_MAX {
            return Err(ProgramError::RowLength { name: "losses", length: self.rows });
        }
        let (losses, parts) = self.losses(builder)?;
        let loss = builder.fresh("loss", 1)?;
        let (reduction, input) = (Reduction::Mean, View::new(losses, &[]));
        let mean = Operation::Reduce { reduction, input, length: self.rows };
        builder.write("loss", (loss, &[1]), mean)?;
        builder.release(losses);
        let shares = parts.softmax(builder, self.shape())?;
        let operands = [of(self.labels, &[1]), index(&[0, 1])];
        let one_hot = builder.map("one-hot labels", &self.shape(), Function::IsEqual, &operands)?;
        let all = |slot| of(slot, &[self.classes, 1]);
        let operands = [all(shares), all(one_hot)];
        let name = "probabilities without label";
        let differences = builder.map(name, &self.shape(), Function::Subtract, &operands)?;
        builder.release(shares);
        builder.release(one_hot);
        let scale = Float::ONE.divide(Float::from_u32(self.rows));
        let operands = [all(differences), Operand::Constant(scale.0)];
        let gradient =
            builder.map("logits gradient", &self.shape(), Function::Multiply, &operands)?;
        builder.release(differences);
        Ok(gradient)
    }
}
