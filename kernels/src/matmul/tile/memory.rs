//! Memory for packed matrices, kept by each thread from one product to the next.
//!
//! Asking the system for it again costs more than a small product: it comes back as unmapped pages.

use std::cell::Cell;

use bytemuck::{Pod, Zeroable};

use super::TILE_ROWS;

/// Lines of a packed right matrix that a thread keeps: 16 MiB.
const KEPT_LINES_MAX: usize = 1 << 18;

/// As many values as the widest vector register holds, so that no load straddles a cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([f32; 16]);

thread_local! {
    static PACKED_RIGHT: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };

    /// The packed rows of the left matrix in the thread's current task.
    pub(super) static PACKED_LEFT: Cell<Vec<[f32; TILE_ROWS]>> = const { Cell::new(Vec::new()) };
}

/// Gives room for some values; they are whatever an earlier product left there.
///
/// A thread that takes another product while one of its own waits gets other memory.
pub(super) fn take_lines(value_count: usize) -> Vec<Line> {
    let mut lines = PACKED_RIGHT.take();
    lines.resize(value_count.div_ceil(16), Line::zeroed());
    lines
}

/// Keeps the memory for the thread's next product, unless it is too much.
pub(super) fn give_lines(lines: Vec<Line>) {
    if lines.capacity() <= KEPT_LINES_MAX {
        PACKED_RIGHT.set(lines);
    }
}
