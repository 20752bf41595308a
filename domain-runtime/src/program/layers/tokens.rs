//! One row for a whole text: the mean of its tokens or the first of them.

use crate::float::Float;
use crate::program::builder::{Builder, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Reduction, SlotIndex, View};

/// Texts of tokens.
#[derive(Clone, Copy)]
pub(in crate::program) struct Texts {
    pub(in crate::program) batch: u32,
    pub(in crate::program) context: u32,
    pub(in crate::program) width: u32,
}

/// What a mean leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct Averaged {
    /// `[batch, width]`.
    pub(in crate::program) output: SlotIndex,
    /// Ids of the tokens, `[batch, context]`, and how many of each text are no padding, `[batch]`.
    present: Option<(SlotIndex, SlotIndex)>,
}

/// How many ids of each text are no padding, as floats: `[batch]`.
///
/// # Shapes
/// `ids`: `[batch, context]`, integers.
pub(in crate::program) fn present_counts(
    builder: &mut Builder,
    ids: SlotIndex,
    shape: [u32; 2],
) -> Result<SlotIndex, ProgramError> {
    let [_, context] = shape;
    let [zero, one] = [Float::ZERO, Float::ONE].map(|value| Operand::Constant(value.0));
    let operands = [of(ids, &[context, 1]), zero, one, one];
    let present = builder.map("tokens that are there", &shape, Function::Choose, &operands)?;
    let counts = builder.reduce("tokens of a text", Reduction::Sum, present, shape)?;
    builder.release(present);
    Ok(counts)
}

impl Texts {
    /// The elements of a text.
    const fn text(self) -> u32 {
        self.context.saturating_mul(self.width)
    }

    /// The mean of the tokens that are no padding; of all tokens without ids.
    ///
    /// # Shapes
    /// `input`: `[batch, context, width]`, `ids`: `[batch, context]`.
    pub(in crate::program) fn mean(
        self,
        builder: &mut Builder,
        (input, ids): (SlotIndex, Option<SlotIndex>),
    ) -> Result<Averaged, ProgramError> {
        let Self { batch, context, width } = self;
        let shape = [batch, width, context];
        let rows = [batch.saturating_mul(width), context];
        let view = View::new(input, &[self.text(), 1, width]);
        let Some(ids) = ids else {
            let columns = builder.copy("tokens by column", &shape, view)?;
            let output = builder.reduce("mean of tokens", Reduction::Mean, columns, rows)?;
            builder.release(columns);
            return Ok(Averaged { output, present: None });
        };
        let (zero, value) = (Operand::Constant(Float::ZERO.0), Operand::Slot(view));
        let operands = [of(ids, &[context, 0, 1]), zero, value, value];
        let columns = builder.map("tokens by column", &shape, Function::Choose, &operands)?;
        let sums = builder.reduce("sum of tokens", Reduction::Sum, columns, rows)?;
        builder.release(columns);
        let found = present_counts(builder, ids, [batch, context])?;
        // The word of +0 is the integer 0; every other count is its own divisor.
        let one = Operand::Constant(Float::ONE.0);
        let operands = [of(found, &[1]), one, one, of(found, &[1])];
        let name = "divisor of a text";
        let counts = builder.map(name, &[batch], Function::Choose, &operands)?;
        builder.release(found);
        let operands = [of(sums, &[width, 1]), of(counts, &[1])];
        let name = "mean of tokens";
        let output = builder.map(name, &[batch, width], Function::Divide, &operands)?;
        builder.release(sums);
        Ok(Averaged { output, present: Some((ids, counts)) })
    }

    /// The gradient of the tokens.
    ///
    /// # Shapes
    /// `gradient`: `[batch, width]`; the result: `[batch, context, width]`.
    pub(in crate::program) fn mean_gradient(
        self,
        builder: &mut Builder,
        averaged: Averaged,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { batch, context, width } = self;
        let count = match averaged.present {
            Some((_, counts)) => of(counts, &[1]),
            None => Operand::Constant(Float::from_u32(context).0),
        };
        let operands = [of(gradient, &[width, 1]), count];
        let name = "share of a token";
        let shares = builder.map(name, &[batch, width], Function::Divide, &operands)?;
        let view = View::new(shares, &[width, 0, 1]);
        let shape = [batch, context, width];
        let name = "gradient of tokens";
        let before = if let Some((ids, _)) = averaged.present {
            let (zero, share) = (Operand::Constant(Float::ZERO.0), Operand::Slot(view));
            let operands = [of(ids, &[context, 1]), zero, share, share];
            builder.map(name, &shape, Function::Choose, &operands)?
        } else {
            builder.copy(name, &shape, view)?
        };
        builder.release(shares);
        Ok(before)
    }

    /// # Shapes
    /// `input`: `[batch, context, width]`; the result: `[batch, width]`.
    pub(in crate::program) fn first(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let view = View::new(input, &[self.text(), 1]);
        builder.copy("first token", &[self.batch, self.width], view)
    }

    /// # Shapes
    /// `gradient`: `[batch, width]`; the result: `[batch, context, width]`.
    pub(in crate::program) fn first_gradient(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let zero = Operand::Constant(Float::ZERO.0);
        let operands = [index(&[0, 1]), of(gradient, &[self.width, 0, 1]), zero, zero];
        let shape = [self.batch, self.context, self.width];
        builder.map("gradient of the first token", &shape, Function::Choose, &operands)
    }
}
