//! Queries and keys of packed rows turned by their positions.

use crate::program::builder::{Builder, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, SlotIndex, View};

/// Queries, keys and values.
const PARTS: u32 = 3;
/// Numbers of a pair.
const PAIR: u32 = 2;

/// A rotation over packed rows: `[token, query | key | value]`, each of them `[head, head width]`.
#[derive(Clone, Copy)]
pub(in crate::program) struct Rotation {
    pub(in crate::program) batch: u32,
    pub(in crate::program) context: u32,
    pub(in crate::program) heads: u32,
    pub(in crate::program) head_width: u32,
    /// What frequencies are powers of, the bits of an f32.
    pub(in crate::program) base: u32,
}

/// What a rotation leaves for the way back.
#[derive(Clone, Copy)]
pub(in crate::program) struct Rotated {
    /// As the packed rows.
    pub(in crate::program) output: SlotIndex,
    /// `[context, pair]`.
    cosines: SlotIndex,
    /// `[context, pair]`.
    sines: SlotIndex,
}

impl Rotation {
    /// Pairs of a head.
    fn pairs(self) -> u32 {
        self.head_width.checked_div(PAIR).unwrap_or(0)
    }

    /// # Shapes
    /// `packed`: `[batch, context, 3, head, head width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        packed: SlotIndex,
    ) -> Result<Rotated, ProgramError> {
        let Self { base, head_width: width, .. } = self;
        let shape = [self.context, self.pairs()];
        let places = [index(&[1]), index(&[0, 1])];
        let function = Function::RotationCosine { base, width };
        let cosines = builder.map("rotation cosines", &shape, function, &places)?;
        let function = Function::RotationSine { base, width };
        let sines = builder.map("rotation sines", &shape, function, &places)?;
        let output = self.turned(builder, "rotation", packed, [cosines, sines])?;
        Ok(Rotated { output, cosines, sines })
    }

    /// The rotation back.
    ///
    /// # Shapes
    /// `gradient` and the result: as the packed rows.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        rotated: Rotated,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let shape = [self.context.saturating_mul(self.pairs())];
        let operands = [of(rotated.sines, &[1])];
        let name = "rotation sines backward";
        let sines = builder.map(name, &shape, Function::Negate, &operands)?;
        let before =
            self.turned(builder, "rotation gradient", gradient, [rotated.cosines, sines])?;
        builder.release(sines);
        Ok(before)
    }

    fn turned(
        self,
        builder: &mut Builder,
        name: &'static str,
        packed: SlotIndex,
        [cosines, sines]: [SlotIndex; 2],
    ) -> Result<SlotIndex, ProgramError> {
        let (pairs, head) = (self.pairs(), self.head_width);
        let width = self.heads.saturating_mul(head);
        let row = width.saturating_mul(PARTS);
        let shape = [self.batch, self.context, PARTS, self.heads, PAIR, pairs];
        let first = View::new(packed, &[row.saturating_mul(self.context), row, width, head, 0, 1]);
        let angles = |slot| of(slot, &[0, pairs, 0, 0, 0, 1]);
        let operands = [
            index(&[0, 0, PAIR, 0, 1]),
            Operand::Slot(first),
            Operand::Slot(first.shifted(pairs)),
            angles(cosines),
            angles(sines),
        ];
        builder.map(name, &shape, Function::Rotate, &operands)
    }
}
