//! The order of additions is fixed, and fast equals portable.

use proptest::prelude::*;

use super::*;
use crate::chacha8::ChaChaStream;
use crate::matrix::Matrix;

/// Sums and means of normal numbers; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/reduction.txt");

/// Counts around the edges of lanes, chunks and threads.
const COUNTS: &[usize] =
    &[0, 1, 2, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 8192, 131_071, 131_072, 131_073];

fn normals(count: usize) -> Vec<f32> {
    let mut stream = ChaChaStream::derive(&[0; 32], "reduction", u64::try_from(count).unwrap());
    (0..count).map(|_| stream.normal_f32()).collect()
}

/// Checks any implementation against the portable one, on every case.
fn check(sum: impl Fn(&[f32]) -> f32) {
    for &count in COUNTS {
        let values = normals(count);
        assert_eq!(sum(&values).to_bits(), sum_portable(&values).to_bits(), "{count} values");
    }
}

#[test]
fn sums_and_means_are_those_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let values = normals(words[0].parse().unwrap());
        assert_eq!(format!("{:08x}", sum_portable(&values).to_bits()), words[1], "{line}");
        assert_eq!(format!("{:08x}", mean_portable(&values).to_bits()), words[2], "{line}");
        assert_eq!(mean(&values).to_bits(), mean_portable(&values).to_bits());
        count += 1;
    }
    assert_eq!(count, 9);
}

#[test]
fn the_fast_sum_equals_the_definition_on_every_edge() {
    check(sum);
}

#[test]
fn the_sum_has_the_same_bits_on_one_two_and_three_threads() {
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(sum));
    }
}

#[test]
fn no_values_sum_to_plus_zero_and_have_no_mean() {
    assert_eq!(sum(&[]).to_bits(), 0);
    assert_eq!(sum(&[-0.0]).to_bits(), 0);
    assert_eq!(mean(&[]).to_bits(), CANONICAL_NAN_BITS);
    assert_eq!(max(&[]).to_bits(), f32::NEG_INFINITY.to_bits());
}

#[test]
fn nan_and_infinity_pass_through_a_sum() {
    let infinity = f32::INFINITY;
    assert_eq!(sum(&[infinity, 1.0]).to_bits(), infinity.to_bits());
    for values in [[infinity, -infinity], [f32::from_bits(0xffc0_0001), 1.0]] {
        assert_eq!(sum(&values).to_bits(), CANONICAL_NAN_BITS);
        assert_eq!(sum_portable(&values).to_bits(), CANONICAL_NAN_BITS);
    }
}

#[test]
fn the_largest_value_is_found_with_zeros_ordered_and_nan_first() {
    assert_eq!(max(&[-3.0, -1.0, -2.0]).to_bits(), (-1.0_f32).to_bits());
    assert_eq!(max(&[-0.0, 0.0, -0.0]).to_bits(), 0);
    assert_eq!(max(&[-0.0, -1.0]).to_bits(), (-0.0_f32).to_bits());
    assert_eq!(max(&[f32::INFINITY, f32::from_bits(0xffc0_0001)]).to_bits(), CANONICAL_NAN_BITS);
    assert_eq!(max(&[f32::NEG_INFINITY]).to_bits(), f32::NEG_INFINITY.to_bits());
}

#[test]
fn values_that_are_no_whole_rows_are_refused() {
    assert!(sum_columns(&[1.0; 5], 2).is_err());
    assert!(sum_columns(&[1.0; 5], 0).is_err());
    assert!(sum_columns(&[], 0).unwrap().is_empty());
}

proptest! {
    /// Every length, every kind of float: both versions agree.
    #[test]
    fn fast_equals_portable(values in prop::collection::vec(any::<f32>(), 0..300)) {
        prop_assert_eq!(sum(&values).to_bits(), sum_portable(&values).to_bits());
    }

    #[test]
    fn the_largest_value_is_one_of_them_and_above_all(
        values in prop::collection::vec(-1e30_f32..1e30, 1..300),
    ) {
        let largest = max(&values);
        prop_assert!(values.iter().any(|value| value.to_bits() == largest.to_bits()));
        prop_assert!(values.iter().all(|value| *value <= largest));
    }

    #[test]
    fn column_sums_equal_their_definition(rows in 0_usize..20, columns in 1_usize..70) {
        let values = normals(rows * columns);
        let expected = sum_columns_portable(Matrix::new(&values, rows, columns).unwrap());
        let actual = sum_columns(&values, columns).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&expected), bits(&actual));
    }
}
