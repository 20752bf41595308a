//! Matching without a table of targets: for one left entry, the right entries of 64 rows are tested at once.
//!
//! A place of a bucket is (row, column) of a rectangle. A left entry at (c, d) matches a right entry at
//! (c + m, e), rows counted modulo 119, when e = (2m + parity)^2 + d modulo 127 and m < 64. With
//! u = 2(c + m) + parity that is: (e - u^2) + c 4u = d + 4c^2 modulo 127. So a right entry has an offset and
//! a slope of its own, a left entry a row and a target, and what remains is to find the sums that 127
//! divides: those that become small when they are multiplied by its inverse modulo 2^16.

use super::lanes::{Lanes, TESTED};
use crate::proof_of_space::parameters::{COLUMNS, ROWS, TARGETS};

/// The inverse of 127 modulo 2^16.
const INVERSE: u16 = 49_023;

const _: () = assert!(INVERSE.wrapping_mul(127) == 1);

/// Rows of the right bucket, with those that come again behind the last.
const UNROLLED_ROWS: usize = (ROWS + TARGETS - 1) as usize;

/// The largest quotient by 127 of a sum: no sum is larger than 127 times this.
const QUOTIENT_MAX: u16 = 128;

/// Added to every offset so that no sum is negative.
const OFFSET_BASE: u32 = 3 * COLUMNS;

/// The largest sum: offset, slope and row at their most.
const SUM_MAX: u32 = COLUMNS + OFFSET_BASE + (ROWS - 1) * (COLUMNS - 1);

const _: () = assert!(SUM_MAX <= 127 * QUOTIENT_MAX as u32 && SUM_MAX < 1 << 16);

/// What rows contribute, by parity of the left bucket, multiplied by [`INVERSE`].
struct RowNumbers {
    /// Offset of an entry of this row in column 0.
    offset: [u16; UNROLLED_ROWS],
    slope: [u16; UNROLLED_ROWS],
    /// Target of an entry of this row in column 0.
    target: [u16; ROWS as usize],
}

static ROW_NUMBERS: [RowNumbers; 2] = [row_numbers(0), row_numbers(1)];

#[expect(clippy::cast_possible_truncation, reason = "all numbers are below 2^16, and const")]
const fn row_numbers(parity: u32) -> RowNumbers {
    let mut numbers = RowNumbers {
        offset: [0; UNROLLED_ROWS],
        slope: [0; UNROLLED_ROWS],
        target: [0; ROWS as usize],
    };
    let mut row = 0;
    while row < UNROLLED_ROWS {
        let u = 2 * row as u32 + parity;
        let offset = OFFSET_BASE - u * u % COLUMNS;
        numbers.offset[row] = (offset as u16).wrapping_mul(INVERSE);
        numbers.slope[row] = ((4 * u % COLUMNS) as u16).wrapping_mul(INVERSE);
        if row < ROWS as usize {
            let square = 4 * (row * row) as u32 % COLUMNS;
            numbers.target[row] = (square as u16).wrapping_mul(INVERSE);
        }
        row += 1;
    }
    numbers
}

/// A right bucket made ready.
#[derive(Debug)]
pub(in super::super) struct RightBucket {
    offsets: Vec<u16>,
    slopes: Vec<u16>,
    /// Which entry of the bucket this is.
    entries: Vec<u16>,
    /// Where each row starts.
    starts: [u16; UNROLLED_ROWS + 1],
    parity: usize,
}

impl RightBucket {
    /// Room for buckets of `entries_max` entries.
    pub(in super::super) fn new(entries_max: usize) -> Self {
        // Whole blocks are tested, from any entry on.
        let room = 2 * entries_max + 6 * TESTED;
        Self {
            offsets: vec![0; room],
            slopes: vec![0; room],
            entries: vec![0; room],
            starts: [0; UNROLLED_ROWS + 1],
            parity: 0,
        }
    }

    /// Sorts the entries of a right bucket, given by their places, by row. `parity` is that of the left
    /// bucket's number.
    #[inline(always)]
    pub(in super::super) fn fill(&mut self, places: &[u16], parity: usize) {
        self.parity = parity;
        let rows = ROWS as usize;
        let mut cursors = [0; ROWS as usize];
        for place in places {
            cursors[usize::from(*place) / COLUMNS as usize] += 1;
        }
        let mut start = 0;
        for (cursor, row_start) in cursors.iter_mut().zip(&mut self.starts) {
            *row_start = start;
            (*cursor, start) = (start, start + *cursor);
        }
        for row in rows..=UNROLLED_ROWS {
            self.starts[row] = start + self.starts[row - rows];
        }
        let numbers = &ROW_NUMBERS[parity];
        for (entry, place) in (0..).zip(places) {
            let (row, column) = split_place(*place);
            let at = usize::from(cursors[row]);
            cursors[row] += 1;
            self.put(at, [entry, column], numbers.offset[row], numbers.slope[row]);
            if let (Some(offset), Some(slope)) =
                (numbers.offset.get(row + rows), numbers.slope.get(row + rows))
            {
                self.put(at + usize::from(start), [entry, column], *offset, *slope);
            }
        }
    }

    #[inline(always)]
    fn put(&mut self, at: usize, [entry, column]: [u16; 2], offset: u16, slope: u16) {
        self.offsets[at] = offset.wrapping_add(column.wrapping_mul(INVERSE));
        self.slopes[at] = slope;
        self.entries[at] = entry;
    }

    /// Gives every entry of the bucket that an entry of the left bucket at `place` matches, by row, then by
    /// order in the bucket.
    #[inline(always)]
    pub(in super::super) fn find<L: Lanes>(
        &self,
        lanes: L,
        place: u16,
        mut found: impl FnMut(u16),
    ) {
        let (row, column) = split_place(place);
        let target =
            ROW_NUMBERS[self.parity].target[row].wrapping_add(column.wrapping_mul(INVERSE));
        let start = usize::from(self.starts[row]);
        let end = usize::from(self.starts[row + TARGETS as usize]);
        // A row is below 119.
        let row = u16::try_from(row).unwrap_or(0);
        let mut first = start;
        while first < end {
            let mut bits = u64::from(self.test(lanes, first, [row, target]));
            bits |= u64::from(self.test(lanes, first + TESTED, [row, target])) << TESTED;
            bits &= low_bits(end - first);
            while bits != 0 {
                found(self.entries[first + bits.trailing_zeros() as usize]);
                bits &= bits - 1;
            }
            first += 2 * TESTED;
        }
    }

    #[inline(always)]
    fn test<L: Lanes>(&self, lanes: L, first: usize, left: [u16; 2]) -> u32 {
        let offsets = self.offsets[first..].first_chunk();
        let slopes = self.slopes[first..].first_chunk();
        let (Some(offsets), Some(slopes)) = (offsets, slopes) else { return 0 };
        lanes.small_quotients(offsets, slopes, left, QUOTIENT_MAX)
    }
}

/// Row and column of a place.
#[inline(always)]
fn split_place(place: u16) -> (usize, u16) {
    // 127, as a constant of this width.
    const WIDTH: u16 = 127;
    const _: () = assert!(WIDTH as u32 == COLUMNS);
    (usize::from(place / WIDTH), place % WIDTH)
}

/// The lowest `count` bits.
#[inline(always)]
fn low_bits(count: usize) -> u64 {
    if count < 64 { (1 << count) - 1 } else { u64::MAX }
}
