//! Queries and keys turned by their positions.

use aipot_kernels::rotation::{Angles, Direction, PackedRows, rotate};

use super::{Behind, Layer, Seen, Site, size};
use crate::engine::EngineError;

/// Queries, keys and values.
const PARTS: u32 = 3;

/// A rotation with the angles of all positions.
#[derive(Debug)]
pub(super) struct Rope {
    rows: PackedRows,
    angles: Angles,
}

impl Rope {
    /// `base`: the bits of an f32.
    pub(super) fn new(site: &Site<'_>, heads: u32, base: u32) -> Result<Self, EngineError> {
        let (positions, packed) = site.node.shape.rows();
        let width = packed.checked_div(heads.saturating_mul(PARTS)).unwrap_or(0);
        let rows =
            PackedRows { tokens: size(positions)?, heads: size(heads)?, head_width: size(width)? };
        Ok(Self { rows, angles: Angles::new(base, width, positions) })
    }
}

impl Layer for Rope {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        output.copy_from_slice(seen.first());
        rotate(self.rows, &self.angles, Direction::Forth, output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        _: (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(of_input) = behind.copied() else { return Ok(()) };
        rotate(self.rows, &self.angles, Direction::Back, of_input).map_err(EngineError::kernel)
    }
}
