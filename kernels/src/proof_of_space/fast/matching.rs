//! Matching without a table of targets: for one left entry, the right entries of 64 rows are tested at once.
//!
//! A place of a bucket is (row, column) of a rectangle. A left entry at (c, d) matches a right entry at
//! (c + m, e), rows counted modulo 119, when e = (2m + parity)^2 + d modulo 127 and m < 64. With
//! u = 2(c + m) + parity that is: (e - u^2) + c 4u = d + 4c^2 modulo 127. So a right entry has an offset and
//! a slope of its own, a left entry a row and a target, and what remains is to find the sums that 127
//! divides: those that become small when they are multiplied by its inverse modulo 2^16.

use super::lanes::{Lanes, TESTED};
use super::stage::BUCKET_ENTRIES_MAX;
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

/// Blocks of right entries that are tested for every left entry: 64 rows have 127 entries with a standard
/// deviation of 11, and more than 160 hardly ever.
const BLOCKS: usize = 5;

/// Words with a bit for each tested entry.
const WORDS: usize = BLOCKS.div_ceil(2);

/// The lowest bits of all words together, by their number.
static LOW_BITS: [[u64; WORDS]; BLOCKS * TESTED + 1] = low_bits();

const fn low_bits() -> [[u64; WORDS]; BLOCKS * TESTED + 1] {
    let mut masks = [[0; WORDS]; BLOCKS * TESTED + 1];
    let mut count = 1;
    while count < masks.len() {
        masks[count] = masks[count - 1];
        masks[count][(count - 1) / 64] |= 1 << ((count - 1) % 64);
        count += 1;
    }
    masks
}

/// Room for the right entries, a power of two: twice as many as a bucket may have, and blocks behind.
const RIGHT_ROOM: usize = 2048;

const _: () = assert!(2 * BUCKET_ENTRIES_MAX + BLOCKS * TESTED <= RIGHT_ROOM);

/// Room for matches, a power of two: those that wait, those of a pair of buckets, and those of the left
/// entry that passes the limit of a pair.
pub(in super::super) const MATCHES_ROOM: usize = 2048;

/// Matches by position of both entries.
#[derive(Debug)]
pub(in super::super) struct Matches {
    pub(in super::super) lefts: Box<[u16; MATCHES_ROOM]>,
    pub(in super::super) rights: Box<[u16; MATCHES_ROOM]>,
    pub(in super::super) count: usize,
}

impl Matches {
    /// No matches.
    pub(in super::super) fn new() -> Self {
        let room = || Box::new([0; MATCHES_ROOM]);
        Self { lefts: room(), rights: room(), count: 0 }
    }

    /// Writes a match where the next one belongs, and says whether it is one. So there is no branch to be
    /// guessed.
    #[inline(always)]
    fn push(&mut self, left: u16, right: u16, is_match: bool) {
        // There is room for all that the callers push; the remainder spares a test.
        let at = self.count % MATCHES_ROOM;
        self.lefts[at] = left;
        self.rights[at] = right;
        self.count += usize::from(is_match);
    }
}

/// A right bucket made ready.
#[derive(Debug)]
pub(in super::super) struct RightBucket {
    offsets: Box<[u16; RIGHT_ROOM]>,
    slopes: Box<[u16; RIGHT_ROOM]>,
    /// Which entry this is, by position.
    entries: Box<[u16; RIGHT_ROOM]>,
    /// Where each row starts.
    starts: [u16; UNROLLED_ROWS + 1],
    parity: usize,
}

impl RightBucket {
    /// An empty bucket.
    pub(in super::super) fn new() -> Self {
        let room = || Box::new([0; RIGHT_ROOM]);
        Self {
            offsets: room(),
            slopes: room(),
            entries: room(),
            starts: [0; UNROLLED_ROWS + 1],
            parity: 0,
        }
    }

    /// Sorts the entries of a right bucket by row; they are given by their places and have positions from
    /// `first_position` on. `parity` is that of the left bucket's number.
    #[inline(always)]
    pub(in super::super) fn fill(&mut self, places: &[u16], first_position: u16, parity: usize) {
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
        for (entry, place) in (first_position..).zip(places) {
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
        let at = at % RIGHT_ROOM;
        self.offsets[at] = offset.wrapping_add(column.wrapping_mul(INVERSE));
        self.slopes[at] = slope;
        self.entries[at] = entry;
    }

    /// Adds every match of the left entry at `place`, by row, then by order in the bucket.
    #[inline(always)]
    pub(in super::super) fn find<L: Lanes>(
        &self,
        lanes: L,
        left: u16,
        place: u16,
        matches: &mut Matches,
    ) {
        let (row, column) = split_place(place);
        let target =
            ROW_NUMBERS[self.parity].target[row].wrapping_add(column.wrapping_mul(INVERSE));
        let first = usize::from(self.starts[row]);
        let count = usize::from(self.starts[row + TARGETS as usize]) - first;
        // A row is below 119.
        let numbers = [u16::try_from(row).unwrap_or(0), target];
        if count > BLOCKS * TESTED {
            self.find_far(lanes, left, ([first, count], numbers), matches);
            return;
        }
        let [first_word, second_word, third_word] = self.test(lanes, first, count, numbers);
        let several =
            behind_lowest(first_word) | behind_lowest(second_word) | behind_lowest(third_word);
        if several == 0 {
            matches.push(left, self.entry(first, first_word), first_word != 0);
            matches.push(left, self.entry(first + 64, second_word), second_word != 0);
            matches.push(left, self.entry(first + 128, third_word), third_word != 0);
            return;
        }
        self.push_all(left, first, first_word, matches);
        self.push_all(left, first + 64, second_word, matches);
        self.push_all(left, first + 128, third_word, matches);
    }

    /// Adds a match for every bit of a word.
    #[inline(always)]
    fn push_all(&self, left: u16, first: usize, word: u64, matches: &mut Matches) {
        let mut word = word;
        while word != 0 {
            matches.push(left, self.entry(first, word), true);
            word = behind_lowest(word);
        }
    }

    /// The entry that belongs to the lowest bit of a word.
    #[inline(always)]
    fn entry(&self, first: usize, word: u64) -> u16 {
        self.entries[(first + word.trailing_zeros() as usize) % RIGHT_ROOM]
    }

    /// Tests the first entries of `count` from `first` on: a bit for each that matches.
    #[inline(always)]
    fn test<L: Lanes>(
        &self,
        lanes: L,
        first: usize,
        count: usize,
        numbers: [u16; 2],
    ) -> [u64; WORDS] {
        let offsets = self.offsets[first..].first_chunk::<{ BLOCKS * TESTED }>();
        let slopes = self.slopes[first..].first_chunk::<{ BLOCKS * TESTED }>();
        let (Some(offsets), Some(slopes)) = (offsets, slopes) else { return [0; WORDS] };
        let blocks = offsets.as_chunks::<TESTED>().0.iter().zip(slopes.as_chunks::<TESTED>().0);
        let mut words = LOW_BITS[count.min(BLOCKS * TESTED)];
        let mut bits = [0; WORDS];
        for (block, (offsets, slopes)) in blocks.enumerate() {
            let tested = lanes.small_quotients(offsets, slopes, numbers, QUOTIENT_MAX);
            bits[block / 2] |= u64::from(tested) << (TESTED * (block % 2));
        }
        for (word, bits) in words.iter_mut().zip(bits) {
            *word &= bits;
        }
        words
    }

    /// The same as [`Self::find`] for more entries than are tested at once.
    #[cold]
    fn find_far<L: Lanes>(
        &self,
        lanes: L,
        left: u16,
        ([first, count], numbers): ([usize; 2], [u16; 2]),
        matches: &mut Matches,
    ) {
        for tested in (0..count).step_by(BLOCKS * TESTED) {
            let words = self.test(lanes, first + tested, count - tested, numbers);
            for (word, first) in words.into_iter().zip((first + tested..).step_by(64)) {
                self.push_all(left, first, word, matches);
            }
        }
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

/// All bits but the lowest that is set.
#[inline(always)]
fn behind_lowest(word: u64) -> u64 {
    word & word.wrapping_sub(1)
}
