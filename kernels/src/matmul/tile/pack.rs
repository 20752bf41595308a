//! Copies matrices into the order in which the register tiles read them.

use std::ops::Range;

use rayon::prelude::*;

use super::{K_BLOCK, TILE_ROWS};
use crate::matrix::Matrix;

/// The right matrix, K-block by K-block, in each panel by panel, in each k by k.
///
/// The last panel is filled up with zeros, whose products nobody stores.
pub(super) struct PackedRight {
    values: Vec<f32>,
    depth: usize,
    padded_columns: usize,
    panel_width: usize,
}

impl PackedRight {
    /// Packs a matrix, with the threads of the current pool if asked to.
    pub(super) fn pack(right: Matrix<'_>, panel_width: usize, is_parallel: bool) -> Self {
        let depth = right.rows();
        let padded_columns = right.columns().next_multiple_of(panel_width);
        let mut values = vec![0.0; depth * padded_columns];
        for (block, panels) in values.chunks_mut(K_BLOCK * padded_columns).enumerate() {
            let block_depth = panels.len() / padded_columns;
            let fill = |(panel, destination): (usize, &mut [f32])| {
                let first_column = panel * panel_width;
                pack_panel(right, block * K_BLOCK, first_column, destination, panel_width);
            };
            if is_parallel {
                panels.par_chunks_mut(block_depth * panel_width).enumerate().for_each(fill);
            } else {
                panels.chunks_mut(block_depth * panel_width).enumerate().for_each(fill);
            }
        }
        Self { values, depth, padded_columns, panel_width }
    }

    /// The panel that starts with `column`, within one K-block.
    pub(super) fn panel(&self, block: usize, column: usize) -> &[f32] {
        let first_k = block * K_BLOCK;
        let block_depth = K_BLOCK.min(self.depth - first_k);
        let start = first_k * self.padded_columns + column * block_depth;
        &self.values[start..start + block_depth * self.panel_width]
    }
}

/// Packs the part of one panel that lies in one K-block.
fn pack_panel(
    right: Matrix<'_>,
    first_k: usize,
    first_column: usize,
    destination: &mut [f32],
    panel_width: usize,
) {
    let width = panel_width.min(right.columns() - first_column);
    for (offset, row) in destination.chunks_exact_mut(panel_width).enumerate() {
        right.copy_row(first_k + offset, first_column, &mut row[..width]);
    }
}

/// Packs some rows and columns of the left matrix: tile by tile, k by k, [`TILE_ROWS`] values each.
pub(super) fn pack_left(
    left: Matrix<'_>,
    rows: Range<usize>,
    block: Range<usize>,
    packed: &mut Vec<[f32; TILE_ROWS]>,
) {
    packed.clear();
    let transposed = left.transposed();
    for first_row in rows.clone().step_by(TILE_ROWS) {
        let count = TILE_ROWS.min(rows.end - first_row);
        packed.extend(block.clone().map(|k| {
            let mut values = [0.0; TILE_ROWS];
            transposed.copy_row(k, first_row, &mut values[..count]);
            values
        }));
    }
}
