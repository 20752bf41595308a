//! The numbers of the construction: what a bucket is, what matches, how wide everything is.
//!
//! # Source
//! Chia, "Proof of Space Construction" (2020), sections 4.1 (parameters), 5 (matching) and 6 (metadata).

/// Rows of the rectangle that a bucket is read as.
pub(super) const ROWS: u32 = 119;

/// Columns of the rectangle that a bucket is read as.
pub(super) const COLUMNS: u32 = 127;

/// Values of `y` in a bucket.
pub const BUCKET_VALUES: u32 = ROWS * COLUMNS;

/// Places in the right bucket that an entry of the left bucket matches.
pub(super) const TARGETS: u32 = 64;

/// Bits by which `y` is wider than `x`.
pub(super) const EXTRA_BITS: u8 = 6;

/// Bits of `y`.
pub(super) const fn y_bits(k: u8) -> u32 {
    (k + EXTRA_BITS) as u32
}

/// Buckets that the values of `y` fall into.
pub const fn bucket_count(k: u8) -> usize {
    (1_usize << y_bits(k)).div_ceil(BUCKET_VALUES as usize)
}

/// Bits of the metadata of an entry of table 1 to 7.
pub const fn metadata_bits(table: usize, k: u8) -> u32 {
    let values = match table {
        1 => 1,
        2 | 6 => 2,
        3 | 4 => 4,
        5 => 3,
        _ => 0,
    };
    values * k as u32
}

/// The place in the right bucket that `left_place` (`y` modulo [`BUCKET_VALUES`]) matches for `m` below 64,
/// where `parity` is that of the left bucket's number.
pub const fn left_target(parity: u32, left_place: u32, m: u32) -> u32 {
    let row = (left_place / COLUMNS + m) % ROWS;
    let column = ((2 * m + parity) * (2 * m + parity) + left_place) % COLUMNS;
    row * COLUMNS + column
}

/// Whether an entry with `left_y` matches one with `right_y`.
pub fn is_match(left_y: u32, right_y: u32) -> bool {
    let (left_bucket, left_place) = (left_y / BUCKET_VALUES, left_y % BUCKET_VALUES);
    let (right_bucket, right_place) = (right_y / BUCKET_VALUES, right_y % BUCKET_VALUES);
    if right_bucket != left_bucket + 1 {
        return false;
    }
    let m = (right_place / COLUMNS + ROWS - left_place / COLUMNS) % ROWS;
    m < TARGETS && left_target(left_bucket % 2, left_place, m) == right_place
}
