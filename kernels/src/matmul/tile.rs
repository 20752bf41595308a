//! The fast canonical product: register tiles over packed panels, parallel over output tiles.
//!
//! The right matrix is packed once into panels as wide as two vector registers. Each task owns a
//! rectangle of the output and goes through its rows of the left matrix block by block, computing
//! [`TILE_ROWS`] x panel-width elements at a time, each in its own register lane. Every lane runs
//! the chain that the definition prescribes.

mod memory;
mod pack;
mod register;

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::memory::PACKED_LEFT;
use self::pack::{PackedRight, pack_left};
use self::register::{LeftTile, Stage, add_tile};
use super::{Factors, K_BLOCK};
use crate::canonical::canonicalize;
use crate::matrix::Matrix;
use crate::row_span::Start;

/// Rows of a register tile: with two registers a row, 12 sums, 2 factors and 1 broadcast fit the
/// 16 registers of AVX2.
const TILE_ROWS: usize = 6;

/// Vector registers in one row of a register tile.
const TILE_REGISTERS: usize = 2;

/// Rows of one task: with a K-block of 512 their values fill 192 KiB of a level-2 cache.
const TASK_ROWS_MAX: usize = 16 * TILE_ROWS;

/// Fewer multiply-adds than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_PRODUCTS_MIN: usize = 1 << 20;

/// Tasks wanted for each thread, so that a late thread leaves little undone.
const TASKS_PER_THREAD: usize = 8;

/// Computes the product with the threads of the current pool. Shapes were checked by the caller.
pub(super) fn multiply(factors: Factors<'_>, output: &mut [f32]) {
    let Factors { left, right, .. } = factors;
    let products = left.rows().saturating_mul(right.columns()).saturating_mul(left.columns());
    let threads = if products < PARALLEL_PRODUCTS_MIN { 1 } else { rayon::current_num_threads() };
    multiply_with(Plan { arch: Arch::new(), threads }, factors, output);
}

/// Computes the product on the calling thread. Shapes were checked by the caller.
pub(super) fn multiply_alone(factors: Factors<'_>, output: &mut [f32]) {
    multiply_with(Plan { arch: Arch::new(), threads: 1 }, factors, output);
}

/// How to compute a product; nothing in it decides a bit of the result.
#[derive(Clone, Copy)]
struct Plan {
    /// Instruction set.
    arch: Arch,
    /// Threads to cut the work for.
    threads: usize,
}

/// Packs, cuts the output into tasks, and runs them.
fn multiply_with(Plan { arch, threads }: Plan, factors: Factors<'_>, output: &mut [f32]) {
    let Factors { left, right, .. } = factors;
    let (rows, columns) = (left.rows(), right.columns());
    if rows == 0 || columns == 0 {
        return;
    }
    if left.columns() == 0 {
        return finish_empty(factors, output);
    }
    let panel_width = arch.dispatch(PanelWidth);
    let packed = PackedRight::pack(right, panel_width, threads > 1);
    let (task_rows, task_columns) = task_shape((rows, columns), panel_width, threads);
    let run = |task: Task<'_>| arch.dispatch(RunTask { factors, packed: &packed, task });
    let run_band = |(index, band): (usize, &mut [f32])| {
        let tasks = cut(band, index * task_rows, columns, task_columns);
        if threads > 1 && tasks.len() > 1 {
            tasks.into_par_iter().for_each(run);
        } else {
            tasks.into_iter().for_each(run);
        }
    };
    if threads > 1 {
        output.par_chunks_mut(task_rows * columns).enumerate().for_each(run_band);
    } else {
        output.chunks_mut(task_rows * columns).enumerate().for_each(run_band);
    }
    packed.give_back();
}

/// The product of matrices without an inner dimension: no block's sum, only bias and NaN.
fn finish_empty(Factors { bias, start, .. }: Factors<'_>, output: &mut [f32]) {
    if start == Start::Nothing {
        output.fill(0.0);
    }
    if let Some(bias) = bias {
        for row in output.chunks_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
        }
    }
    canonicalize(output);
}

/// Rows and columns of a task: rows first, then whole panels, until there is enough to share.
fn task_shape(
    (rows, columns): (usize, usize),
    panel_width: usize,
    threads: usize,
) -> (usize, usize) {
    let tile_rows = rows.div_ceil(TILE_ROWS);
    let task_rows = tile_rows.div_ceil(threads).clamp(1, TASK_ROWS_MAX / TILE_ROWS) * TILE_ROWS;
    let row_tasks = rows.div_ceil(task_rows);
    let column_tasks =
        if threads == 1 { 1 } else { (threads * TASKS_PER_THREAD).div_ceil(row_tasks) };
    let panels = columns.div_ceil(panel_width);
    (task_rows, panels.div_ceil(column_tasks) * panel_width)
}

/// A rectangle of the output: a piece of each of its rows.
struct Task<'output> {
    first_row: usize,
    first_column: usize,
    rows: Vec<&'output mut [f32]>,
}

/// Cuts some whole rows of the output into rectangles.
fn cut(band: &mut [f32], first_row: usize, columns: usize, task_columns: usize) -> Vec<Task<'_>> {
    let mut tasks: Vec<Task<'_>> = (0..columns)
        .step_by(task_columns)
        .map(|first_column| Task {
            first_row,
            first_column,
            rows: Vec::with_capacity(band.len() / columns),
        })
        .collect();
    for row in band.chunks_mut(columns) {
        for (task, piece) in tasks.iter_mut().zip(row.chunks_mut(task_columns)) {
            task.rows.push(piece);
        }
    }
    tasks
}

/// Asks an instruction set how wide its panels are.
struct PanelWidth;

impl WithSimd for PanelWidth {
    type Output = usize;

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        TILE_REGISTERS * S::F32_LANES
    }
}

/// One task with all it reads.
struct RunTask<'call> {
    factors: Factors<'call>,
    packed: &'call PackedRight,
    task: Task<'call>,
}

impl WithSimd for RunTask<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { factors: Factors { left, bias, start, .. }, packed, mut task } = self;
        let depth = left.columns();
        let task_rows = task.first_row..task.first_row + task.rows.len();
        let mut packed_left = PACKED_LEFT.take();
        for (index, first_k) in (0..depth).step_by(K_BLOCK).enumerate() {
            let block = first_k..depth.min(first_k + K_BLOCK);
            let is_last = block.end == depth;
            let stage = Stage {
                start: if index == 0 { start } else { Start::Total },
                is_last,
                bias: bias.filter(|_| is_last),
            };
            let left = if left.has_dense_rows() {
                LeftBlock::Dense { left, first_row: task_rows.start, block }
            } else {
                pack_left(left, task_rows.clone(), block.clone(), &mut packed_left);
                LeftBlock::Packed { tiles: &packed_left, depth: block.len() }
            };
            add_block(simd, &left, &mut task, |column| packed.panel(index, column), stage);
        }
        PACKED_LEFT.set(packed_left);
    }
}

/// The rows that a task takes from the left matrix, within one K-block.
enum LeftBlock<'left> {
    /// As they lie.
    Dense {
        /// All of the matrix.
        left: Matrix<'left>,
        /// Where the task begins.
        first_row: usize,
        /// Positions of K.
        block: Range<usize>,
    },
    /// Packed tile by tile.
    Packed {
        /// All tiles, one after the other.
        tiles: &'left [[f32; TILE_ROWS]],
        /// Elements of K in a tile.
        depth: usize,
    },
}

impl<'left> LeftBlock<'left> {
    /// One tile: `index * TILE_ROWS` rows below the first.
    #[expect(clippy::inline_always, reason = "part of the loop over tiles")]
    #[inline(always)]
    fn tile(&self, index: usize) -> LeftTile<'left> {
        match self {
            Self::Dense { left, first_row, block } => LeftTile::Dense {
                left: *left,
                first_row: first_row + index * TILE_ROWS,
                first_k: block.start,
            },
            Self::Packed { tiles, depth } => {
                LeftTile::Packed(&tiles[index * depth..(index + 1) * depth])
            }
        }
    }
}

/// Adds the sums of one K-block to every element of a task.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add_block<'packed, S: Simd>(
    simd: S,
    left: &LeftBlock<'_>,
    task: &mut Task<'_>,
    panel: impl Fn(usize) -> &'packed [f32],
    stage: Stage<'_>,
) {
    let columns = task.rows.first().map_or(0, |row| row.len());
    for column in (0..columns).step_by(TILE_REGISTERS * S::F32_LANES) {
        let panel = S::as_simd_f32s(panel(task.first_column + column)).0.as_chunks().0;
        let stage = stage.at_column(task.first_column + column);
        for (index, rows) in task.rows.chunks_mut(TILE_ROWS).enumerate() {
            add_tile(simd, (left.tile(index), panel), (rows, column), stage);
        }
    }
}

#[cfg(test)]
mod tests;
