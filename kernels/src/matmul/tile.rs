//! The fast canonical product: register tiles over packed panels, parallel over output tiles.
//!
//! The right matrix is packed once into panels as wide as two vector registers. Each task owns a
//! rectangle of the output, packs its rows of the left matrix block by block, and computes
//! [`TILE_ROWS`] x panel-width elements at a time, each in its own register lane. Every lane runs
//! the chain that the definition prescribes.

mod pack;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use self::pack::{PackedRight, pack_left};
use super::K_BLOCK;
use crate::canonical::canonical;
use crate::matrix::Matrix;

/// Rows of a register tile: with two registers a row, 12 sums, 2 factors and 1 broadcast fit the
/// 16 registers of AVX2.
const TILE_ROWS: usize = 6;

/// Vector registers in one row of a register tile.
const TILE_REGISTERS: usize = 2;

/// Rows of one task: with a K-block of 512 their packed values fill 192 KiB of a level-2 cache.
const TASK_ROWS_MAX: usize = 16 * TILE_ROWS;

/// Fewer multiply-adds than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_PRODUCTS_MIN: usize = 1 << 18;

/// Tasks wanted for each thread, so that a late thread leaves little undone.
const TASKS_PER_THREAD: usize = 4;

/// Computes the product with the threads of the current pool. Shapes were checked by the caller.
pub(super) fn multiply(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let products = left.rows().saturating_mul(right.columns()).saturating_mul(left.columns());
    let threads = if products < PARALLEL_PRODUCTS_MIN { 1 } else { rayon::current_num_threads() };
    multiply_with(Plan { arch: Arch::new(), threads }, left, right, bias, output);
}

/// Computes the product on the calling thread. Shapes were checked by the caller.
pub(super) fn multiply_alone(left: Matrix<'_>, right: Matrix<'_>, output: &mut [f32]) {
    multiply_with(Plan { arch: Arch::new(), threads: 1 }, left, right, None, output);
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
fn multiply_with(
    Plan { arch, threads }: Plan,
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let (rows, columns) = (left.rows(), right.columns());
    if rows == 0 || columns == 0 {
        return;
    }
    let panel_width = arch.dispatch(PanelWidth);
    let packed = PackedRight::pack(right, panel_width, threads > 1);
    let (task_rows, task_columns) = task_shape((rows, columns), panel_width, threads);
    let tasks = cut(output, columns, (task_rows, task_columns));
    let run = |task: Task<'_>| arch.dispatch(RunTask { left, packed: &packed, bias, task });
    if threads > 1 {
        tasks.into_par_iter().for_each(run);
    } else {
        tasks.into_iter().for_each(run);
    }
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

/// Cuts the output into rectangles.
fn cut(
    output: &mut [f32],
    columns: usize,
    (task_rows, task_columns): (usize, usize),
) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    for (band_index, band) in output.chunks_mut(task_rows * columns).enumerate() {
        let mut band_tasks: Vec<Task<'_>> = (0..columns)
            .step_by(task_columns)
            .map(|first_column| Task {
                first_row: band_index * task_rows,
                first_column,
                rows: Vec::with_capacity(task_rows),
            })
            .collect();
        for row in band.chunks_mut(columns) {
            for (task, piece) in band_tasks.iter_mut().zip(row.chunks_mut(task_columns)) {
                task.rows.push(piece);
            }
        }
        tasks.append(&mut band_tasks);
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
    left: Matrix<'call>,
    packed: &'call PackedRight,
    bias: Option<&'call [f32]>,
    task: Task<'call>,
}

impl WithSimd for RunTask<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { left, packed, bias, mut task } = self;
        let mut packed_left = Vec::new();
        for row in &mut task.rows {
            row.fill(0.0);
        }
        for block in 0..left.columns().div_ceil(K_BLOCK) {
            let depth = K_BLOCK.min(left.columns() - block * K_BLOCK);
            let task_rows = task.first_row..task.first_row + task.rows.len();
            pack_left(left, task_rows, block * K_BLOCK..block * K_BLOCK + depth, &mut packed_left);
            let is_first = block == 0;
            add_block(
                simd,
                &packed_left,
                &mut task,
                |column| packed.panel(block, column),
                is_first,
            );
        }
        finish(&mut task, bias);
    }
}

/// Adds the bias and makes every NaN canonical.
fn finish(task: &mut Task<'_>, bias: Option<&[f32]>) {
    for row in &mut task.rows {
        if let Some(bias) = bias {
            for (value, bias) in row.iter_mut().zip(&bias[task.first_column..]) {
                *value += bias;
            }
        }
        for value in row.iter_mut() {
            *value = canonical(*value);
        }
    }
}

/// Adds the sums of one K-block to every element of a task.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add_block<'packed, S: Simd>(
    simd: S,
    packed_left: &[[f32; TILE_ROWS]],
    task: &mut Task<'_>,
    panel: impl Fn(usize) -> &'packed [f32],
    is_first: bool,
) {
    let panel_width = TILE_REGISTERS * S::F32_LANES;
    let columns = task.rows.first().map_or(0, |row| row.len());
    let tile_count = task.rows.len().div_ceil(TILE_ROWS);
    let depth = packed_left.len() / tile_count;
    for column in (0..columns).step_by(panel_width) {
        let panel = S::as_simd_f32s(panel(task.first_column + column)).0.as_chunks().0;
        let tiles = packed_left.chunks_exact(depth).zip(task.rows.chunks_mut(TILE_ROWS));
        for (left, rows) in tiles {
            match rows.len() {
                1 => store::<S, 1>(&chains(simd, left, panel), rows, column, is_first),
                2 => store::<S, 2>(&chains(simd, left, panel), rows, column, is_first),
                3 => store::<S, 3>(&chains(simd, left, panel), rows, column, is_first),
                4 => store::<S, 4>(&chains(simd, left, panel), rows, column, is_first),
                5 => store::<S, 5>(&chains(simd, left, panel), rows, column, is_first),
                _ => store::<S, 6>(&chains(simd, left, panel), rows, column, is_first),
            }
        }
    }
}

/// The chains of one K-block for a register tile: from +0, fused, k ascending.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn chains<S: Simd, const ROWS: usize>(
    simd: S,
    left: &[[f32; TILE_ROWS]],
    right: &[[S::f32s; TILE_REGISTERS]],
) -> [[S::f32s; TILE_REGISTERS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); TILE_REGISTERS]; ROWS];
    for (left, right) in left.iter().zip(right) {
        for (sums, &left) in sums.iter_mut().zip(left) {
            let left = simd.splat_f32s(left);
            sums[0] = simd.mul_add_f32s(left, right[0], sums[0]);
            sums[1] = simd.mul_add_f32s(left, right[1], sums[1]);
        }
    }
    sums
}

/// Puts a register tile into the output: as it is for the first K-block, added for the others.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn store<S: Simd, const ROWS: usize>(
    sums: &[[S::f32s; TILE_REGISTERS]; ROWS],
    rows: &mut [&mut [f32]],
    column: usize,
    is_first: bool,
) {
    for (row, sums) in rows.iter_mut().zip(sums) {
        let sums: &[f32] = bytemuck::cast_slice(sums);
        for (value, sum) in row[column..].iter_mut().zip(sums) {
            *value = if is_first { *sum } else { *value + sum };
        }
    }
}

#[cfg(test)]
mod tests;
