//! Bytes by rows, and how rows are halved.

use super::*;

const NEED: MemoryNeed = MemoryNeed { fixed_bytes: 100, row_bytes: 10, rows_max: 25 };

#[test]
fn a_batch_is_halved_down_to_one_row() {
    assert_eq!(NEED.halvings().collect::<Vec<_>>(), [25, 13, 7, 4, 2, 1]);
}

#[test]
fn the_largest_half_that_fits_is_taken() {
    assert_eq!(NEED.rows_within(350), Some(25));
    assert_eq!(NEED.rows_within(349), Some(13));
    assert_eq!(NEED.rows_within(110), Some(1));
    assert_eq!(NEED.rows_within(109), None);
}

#[test]
fn a_job_that_cannot_be_cut_fits_as_a_whole_or_not_at_all() {
    let whole = MemoryNeed::whole(7);
    assert_eq!((whole.rows_within(7), whole.rows_within(6)), (Some(1), None));
    assert_eq!(whole.halved(1), None);
}

#[test]
fn what_ran_out_of_memory_is_tried_with_half_the_rows() {
    assert_eq!(NEED.halved(13).map(|need| need.rows_max), Some(7));
    assert_eq!(NEED.halved(1), None);
}

#[test]
fn sizes_that_do_not_fit_into_64_bits_fit_nowhere() {
    let huge = MemoryNeed { fixed_bytes: 1, row_bytes: u64::MAX, rows_max: u32::MAX };
    assert_eq!(huge.bytes(2), u64::MAX);
}
