//! Copies matrices into the order in which the register tiles read them.
//!
//! Both factors are packed alike: some lanes (rows of the left matrix, columns of the right one)
//! lie side by side, k by k.

use std::ops::Range;

use rayon::prelude::*;

use super::memory::{Line, give_lines, take_lines};
use super::{K_BLOCK, TILE_ROWS};
use crate::matrix::Matrix;

/// Fewer values than this are packed by one thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 16;

/// The right matrix, K-block by K-block, in each panel by panel, in each k by k.
///
/// The last panel is filled up with whatever was there before, whose products nobody stores.
pub(super) struct PackedRight {
    lines: Vec<Line>,
    depth: usize,
    padded_columns: usize,
    panel_width: usize,
}

impl PackedRight {
    /// Packs a matrix, with the threads of the current pool if asked to and if it is large.
    pub(super) fn pack(right: Matrix<'_>, panel_width: usize, is_parallel: bool) -> Self {
        let depth = right.rows();
        let padded_columns = right.columns().next_multiple_of(panel_width);
        let lanes = right.transposed();
        let mut lines = take_lines(depth * padded_columns);
        let values = &mut bytemuck::cast_slice_mut(&mut lines)[..depth * padded_columns];
        let is_parallel = is_parallel && values.len() >= PARALLEL_VALUES_MIN;
        for (block, panels) in values.chunks_mut(K_BLOCK * padded_columns).enumerate() {
            let panel_length = panels.len() / padded_columns * panel_width;
            let fill = |(panel, destination): (usize, &mut [f32])| {
                lanes.interleave(panel * panel_width, block * K_BLOCK, destination, panel_width);
            };
            if is_parallel {
                panels.par_chunks_mut(panel_length).enumerate().for_each(fill);
            } else {
                panels.chunks_mut(panel_length).enumerate().for_each(fill);
            }
        }
        Self { lines, depth, padded_columns, panel_width }
    }

    /// The panel that starts with `column`, within one K-block.
    pub(super) fn panel(&self, block: usize, column: usize) -> &[f32] {
        let first_k = block * K_BLOCK;
        let block_depth = K_BLOCK.min(self.depth - first_k);
        let start = first_k * self.padded_columns + column * block_depth;
        &bytemuck::cast_slice(&self.lines)[start..start + block_depth * self.panel_width]
    }

    /// Keeps the memory for the thread's next product.
    pub(super) fn give_back(self) {
        give_lines(self.lines);
    }
}

/// Packs some rows and columns of the left matrix: tile by tile, k by k, [`TILE_ROWS`] values each.
///
/// The last tile is filled up with whatever was there before; nobody stores its products.
pub(super) fn pack_left(
    left: Matrix<'_>,
    rows: Range<usize>,
    block: Range<usize>,
    packed: &mut Vec<[f32; TILE_ROWS]>,
) {
    let tile_count = rows.len().div_ceil(TILE_ROWS);
    packed.resize(tile_count * block.len(), [0.0; TILE_ROWS]);
    for (tile, destination) in packed.chunks_exact_mut(block.len()).enumerate() {
        let first_row = rows.start + tile * TILE_ROWS;
        left.interleave(first_row, block.start, destination.as_flattened_mut(), TILE_ROWS);
    }
}
