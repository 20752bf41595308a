//! What becomes of planes: the maximum of every 2 x 2, the mean of a plane, squares as tokens.

use super::rows::{count, mean_of_rows};
use crate::order::ImageShape;
use crate::program::builder::{Builder, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, SlotIndex, View};

/// The maximum of every 2 x 2 of some planes.
#[derive(Clone, Copy)]
pub(in crate::program) struct MaxPool {
    pub(in crate::program) planes: u32,
    /// Rows and columns of what comes out.
    pub(in crate::program) height: u32,
    pub(in crate::program) width: u32,
}

impl MaxPool {
    /// # Shapes
    /// `input`: `[planes, 2 * height, 2 * width]`, the result: `[planes, height, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        self.windows(builder, ("pool", Function::PoolMaximum), input)
    }

    /// A function of each 2 x 2.
    fn windows(
        self,
        builder: &mut Builder,
        (name, function): (&'static str, Function),
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let row = self.width.saturating_mul(2);
        let plane = row.saturating_mul(2).saturating_mul(self.height);
        let strides = [plane, row.saturating_mul(2), 2];
        let window = [0, 1, row, row.saturating_add(1)];
        let operands = window.map(|place| Operand::Slot(View::new(input, &strides).shifted(place)));
        builder.map(name, &[self.planes, self.height, self.width], function, &operands)
    }

    /// The gradient before the maximum, which goes to the first of the largest alone.
    ///
    /// # Shapes
    /// `input` and the result: `[planes, 2 * height, 2 * width]`, `gradient`: `[planes, height, width]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (input, gradient): (SlotIndex, SlotIndex),
    ) -> Result<SlotIndex, ProgramError> {
        let Self { planes, height, width } = self;
        let positions = self.windows(builder, ("pool positions", Function::PoolPosition), input)?;
        let shape = [planes, height, 2, width, 2];
        let strides = [height.saturating_mul(width), width, 0, 1, 0];
        let operands = [of(positions, &strides), index(&[0, 0, 2, 0, 1]), of(gradient, &strides)];
        let spread = builder.map("pool gradient", &shape, Function::Select, &operands)?;
        builder.release(positions);
        Ok(spread)
    }
}

/// The mean of every plane.
#[derive(Clone, Copy)]
pub(in crate::program) struct AveragePool {
    pub(in crate::program) planes: u32,
    pub(in crate::program) pixels: u32,
}

impl AveragePool {
    /// # Shapes
    /// `input`: `[planes, pixels]`, the result: `[planes]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        mean_of_rows(builder, "average", input, [self.planes, self.pixels])
    }

    /// # Shapes
    /// `gradient`: `[planes]`, the result: `[planes, pixels]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let operands = [of(gradient, &[1]), count(self.pixels)];
        let shape = [self.planes, self.pixels];
        builder.map("average gradient", &shape, Function::Divide, &operands)
    }
}

/// Squares of images as tokens.
#[derive(Clone, Copy)]
pub(in crate::program) struct Patches {
    pub(in crate::program) batch: u32,
    pub(in crate::program) image: ImageShape,
    pub(in crate::program) side: u32,
}

impl Patches {
    /// Squares along columns and along rows.
    fn squares(self) -> [u32; 2] {
        let ImageShape { height, width, .. } = self.image;
        [height, width].map(|length| length.checked_div(self.side).unwrap_or(0))
    }

    /// # Shapes
    /// `input`: `[batch, channel, row, column]`, the result: `[batch, token, channel * row * column]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (side, [down, across], ImageShape { channels, height, width }) =
            (self.side, self.squares(), self.image);
        let plane = height.saturating_mul(width);
        let image = plane.saturating_mul(channels);
        let shape = [self.batch, down, across, channels, side, side];
        let strides = [image, width.saturating_mul(side), side, plane, width, 1];
        builder.copy("patches", &shape, View::new(input, &strides))
    }

    /// The other way round.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let (side, [down, across], channels) = (self.side, self.squares(), self.image.channels);
        let area = side.saturating_mul(side);
        let token = area.saturating_mul(channels);
        let row = token.saturating_mul(across);
        let shape = [self.batch, channels, down, side, across, side];
        let strides = [row.saturating_mul(down), area, row, side, token, 1];
        builder.copy("patches gradient", &shape, View::new(gradient, &strides))
    }
}
