//! Sums, factors and averages by hand; threads and vectors change no bit.

use super::*;
use crate::fixtures::{EDGES, awkward, bits, on_one_two_and_three_threads};

#[test]
fn squares_are_summed_in_one_order_by_any_number_of_threads() {
    on_one_two_and_three_threads(|| {
        let mut sums = vec![7.0; 3];
        for &count in EDGES.iter().chain(&[PIECE_VALUES, PIECE_VALUES + 1, 70_000]) {
            let values = awkward("values", 0, count, 1_000_003);
            let expected = square_sum_portable(&values);
            assert_eq!(square_sum(&values, &mut sums).to_bits(), expected.to_bits(), "{count}");
        }
    });
    assert_eq!(square_sum(&[3.0, -4.0], &mut Vec::new()).to_bits(), 25.0_f32.to_bits());
}

#[test]
fn averages_move_by_the_share_that_is_not_kept() {
    let mut averages = [1.0, -1.0];
    average(&mut averages, &[2.0, 1.0], 0.75).unwrap();
    assert_eq!(bits(&averages), bits(&[1.25, -0.5]));
    assert!(average(&mut averages, &[2.0], 0.75).is_err());
}

#[test]
fn totals_grow_and_are_scaled() {
    let mut totals = [1.0, 2.0];
    add(&mut totals, &[3.0, -1.0]).unwrap();
    scale(&mut totals, 0.5);
    assert_eq!(bits(&totals), bits(&[2.0, 0.5]));
    assert!(add(&mut totals, &[1.0]).is_err());
}
