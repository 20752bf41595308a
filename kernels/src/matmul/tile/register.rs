//! The register tile: the chains of some rows and one panel, and what is done with their sums.

use pulp::Simd;

use super::{TILE_REGISTERS, TILE_ROWS};
use crate::canonical::{CANONICAL_NAN_BITS, INFINITY_BITS, MAGNITUDE_MASK};
use crate::matrix::Matrix;
use crate::row_span::Start;

/// Some rows of the left matrix within one K-block.
#[derive(Clone, Copy)]
pub(super) enum LeftTile<'left> {
    /// Rows whose values lie side by side.
    Dense {
        /// All of the matrix.
        left: Matrix<'left>,
        /// First row of the tile.
        first_row: usize,
        /// First position of K.
        first_k: usize,
    },
    /// Rows packed k by k.
    Packed(&'left [[f32; TILE_ROWS]]),
}

/// What is to be done with the sums of a K-block.
#[derive(Clone, Copy)]
pub(super) struct Stage<'bias> {
    /// What the output holds already.
    pub(super) start: Start,
    /// Nothing will be added but the bias.
    pub(super) is_last: bool,
    /// To be added to the last total, from the tile's first column on.
    pub(super) bias: Option<&'bias [f32]>,
}

impl Stage<'_> {
    /// The same for the tile that begins with a column.
    pub(super) fn at_column(self, column: usize) -> Self {
        Self { bias: self.bias.map(|bias| &bias[column..]), ..self }
    }
}

/// Vectors of one row of a tile.
type TileRow<S> = [<S as Simd>::f32s; TILE_REGISTERS];

/// Adds the sums of one K-block to the elements of one tile.
///
/// # Shapes
/// `left`: up to [`TILE_ROWS`] rows; `panel`: `[depth, panel_width]`; `rows`: whole rows of the task,
/// of which the tile's part begins with `column`.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub(super) fn add_tile<S: Simd>(
    simd: S,
    (left, panel): (LeftTile<'_>, &[TileRow<S>]),
    (rows, column): (&mut [&mut [f32]], usize),
    stage: Stage<'_>,
) {
    match rows.len() {
        1 => add_rows::<S, 1>(simd, (left, panel), (rows, column), stage),
        2 => add_rows::<S, 2>(simd, (left, panel), (rows, column), stage),
        3 => add_rows::<S, 3>(simd, (left, panel), (rows, column), stage),
        4 => add_rows::<S, 4>(simd, (left, panel), (rows, column), stage),
        5 => add_rows::<S, 5>(simd, (left, panel), (rows, column), stage),
        _ => add_rows::<S, TILE_ROWS>(simd, (left, panel), (rows, column), stage),
    }
}

/// [`add_tile`] for a number of rows that the compiler knows, so that every sum has its register.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add_rows<S: Simd, const ROWS: usize>(
    simd: S,
    (left, panel): (LeftTile<'_>, &[TileRow<S>]),
    (rows, column): (&mut [&mut [f32]], usize),
    stage: Stage<'_>,
) {
    let Some(rows) = rows.first_chunk_mut::<ROWS>() else { return };
    let mut sums = [[simd.splat_f32s(0.0); TILE_REGISTERS]; ROWS];
    if stage.start == Start::Chain {
        for (sums, row) in sums.iter_mut().zip(rows.iter()) {
            *sums = load::<S>(simd, &row[column..]);
        }
    }
    let sums = go_on::<S, ROWS>(simd, (left, panel), sums);
    store(simd, sums, (rows, column), stage);
}

/// The chains of one K-block for a register tile, from where they stand, fused, k ascending.
///
/// Plain loops over places, once for each kind of rows: what an iterator hands over as an array passes
/// through memory, and the sums with it.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn go_on<S: Simd, const ROWS: usize>(
    simd: S,
    (left, panel): (LeftTile<'_>, &[TileRow<S>]),
    mut sums: [TileRow<S>; ROWS],
) -> [TileRow<S>; ROWS] {
    match left {
        LeftTile::Dense { left, first_row, first_k } => {
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            for (row, values) in rows.iter_mut().enumerate() {
                *values = left.dense_row(first_row + row, first_k, panel.len());
            }
            for (k, right) in panel.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(&rows) {
                    let left = simd.splat_f32s(row[k]);
                    sums[0] = simd.mul_add_f32s(left, right[0], sums[0]);
                    sums[1] = simd.mul_add_f32s(left, right[1], sums[1]);
                }
            }
        }
        LeftTile::Packed(groups) => {
            for (group, right) in groups.iter().zip(panel) {
                for (sums, left) in sums.iter_mut().zip(group) {
                    let left = simd.splat_f32s(*left);
                    sums[0] = simd.mul_add_f32s(left, right[0], sums[0]);
                    sums[1] = simd.mul_add_f32s(left, right[1], sums[1]);
                }
            }
        }
    }
    sums
}

/// Puts the sums of a K-block where they belong.
///
/// One short loop for each step, so that the compiler unrolls it and the sums stay in registers.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn store<S: Simd, const ROWS: usize>(
    simd: S,
    mut totals: [TileRow<S>; ROWS],
    (rows, column): (&mut [&mut [f32]; ROWS], usize),
    stage: Stage<'_>,
) {
    if stage.start == Start::Total {
        for (totals, row) in totals.iter_mut().zip(rows.iter()) {
            let before = load::<S>(simd, &row[column..]);
            totals[0] = simd.add_f32s(before[0], totals[0]);
            totals[1] = simd.add_f32s(before[1], totals[1]);
        }
    }
    if let Some(bias) = stage.bias {
        let bias = load::<S>(simd, bias);
        for totals in &mut totals {
            totals[0] = simd.add_f32s(totals[0], bias[0]);
            totals[1] = simd.add_f32s(totals[1], bias[1]);
        }
    }
    if stage.is_last {
        for totals in &mut totals {
            totals[0] = canonical(simd, totals[0]);
            totals[1] = canonical(simd, totals[1]);
        }
    }
    for (row, totals) in rows.iter_mut().zip(&totals) {
        let values = &mut row[column..];
        if let [first, second, ..] = S::as_mut_simd_f32s(values).0 {
            // Vector by vector: as one array they would be copied by a call.
            (*first, *second) = (totals[0], totals[1]);
        } else {
            let totals: &[f32] = bytemuck::cast_slice(totals);
            values.copy_from_slice(&totals[..values.len()]);
        }
    }
}

/// As many of the values as fit a row of a tile, and zeros behind them.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> TileRow<S> {
    if let [first, second, ..] = S::as_simd_f32s(values).0 {
        return [*first, *second];
    }
    let mut loaded = [simd.splat_f32s(0.0); TILE_REGISTERS];
    let lanes: &mut [f32] = bytemuck::cast_slice_mut(&mut loaded);
    lanes[..values.len()].copy_from_slice(values);
    loaded
}

/// [`crate::canonical::canonical`] in every lane.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn canonical<S: Simd>(simd: S, values: S::f32s) -> S::f32s {
    let bits = simd.transmute_u32s_f32s(values);
    let magnitudes = simd.and_u32s(bits, simd.splat_u32s(MAGNITUDE_MASK));
    let is_nan = simd.greater_than_u32s(magnitudes, simd.splat_u32s(INFINITY_BITS));
    let canonical = simd.splat_u32s(CANONICAL_NAN_BITS);
    simd.transmute_f32s_u32s(simd.select_u32s(is_nan, canonical, bits))
}
