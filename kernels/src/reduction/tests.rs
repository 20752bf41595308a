//! The order of additions is fixed, and fast equals portable.

use proptest::prelude::*;

use super::*;
use crate::chacha8::ChaChaStream;
use crate::fixtures::{EDGES, awkward, bits, on_one_two_and_three_threads};
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
    let error = sum_columns_into(&[1.0; 5], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the matrix to sum has 5 values, not 4");
}

#[test]
fn column_sums_are_the_product_of_ones_with_the_matrix() {
    for rows in [1, 512, 513, 1024, 1500] {
        let values = awkward("columns", rows, rows * 3, 997);
        let matrix = Matrix::new(&values, rows, 3).unwrap();
        let ones = vec![1.0; rows];
        let ones = Matrix::new(&ones, 1, rows).unwrap();
        let product = crate::matmul::matmul_portable(ones, matrix, None).unwrap();
        assert_eq!(bits(&sum_columns_portable(matrix)), bits(&product), "{rows} rows");
    }
}

#[test]
fn fast_column_sums_equal_their_definition_on_every_edge() {
    on_one_two_and_three_threads(|| {
        for &rows in EDGES.iter().chain(&[1025]) {
            for columns in [1, 63, 64, 65, 300] {
                let values = awkward("columns", rows, rows * columns, 331);
                let matrix = Matrix::new(&values, rows, columns).unwrap();
                let expected = bits(&sum_columns_portable(matrix));
                let mut sums = vec![f32::NAN; columns];
                sum_columns_into(&values, &mut sums).unwrap();
                assert_eq!(bits(&sums), expected, "{rows} rows of {columns}");
                assert_eq!(bits(&sum_columns(&values, columns).unwrap()), expected);
            }
        }
    });
}

#[test]
fn sums_of_products_are_sums_of_rounded_products() {
    for (rows, columns) in [(0, 3), (1, 1), (513, 65), (1025, 7)] {
        let left = awkward("left", rows, rows * columns, 331);
        let right = awkward("right", rows, rows * columns, 337);
        let products: Vec<f32> = left.iter().zip(&right).map(|(x, y)| x * y).collect();
        let expected = sum_columns_portable(Matrix::new(&products, rows, columns).unwrap());
        let mut sums = vec![f32::NAN; columns];
        sum_columns_of_products(&left, &right, &mut sums).unwrap();
        assert_eq!(bits(&sums), bits(&expected), "{rows} rows of {columns}");
    }
    assert!(sum_columns_of_products(&[1.0; 4], &[1.0; 2], &mut [0.0; 2]).is_err());
}

#[test]
fn a_column_of_more_than_a_block_is_summed_block_by_block() {
    // 2^24 + 1 rounds back to 2^24, so ones are lost behind it but not in a block of their own.
    let mut values = vec![1.0; 514];
    values[0] = 16_777_216.0;
    assert_eq!(sum_columns(&values, 1).unwrap(), [16_777_218.0]);
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
}

#[test]
fn a_sum_in_pieces_sums_the_sums_of_1024_values() {
    for count in [0, 1, 33, 1023, 1024] {
        let values = normals(count);
        assert_eq!(sum_in_pieces(&values).to_bits(), sum_portable(&values).to_bits());
    }
    for count in [1025, 2048, 5000, 1024 * 1024, 1024 * 1024 + 1] {
        let values = normals(count);
        let mut sums = values.clone();
        while sums.len() > 1 {
            sums = sums.chunks(1024).map(sum_portable).collect();
        }
        assert_eq!(sum_in_pieces_portable(&values).to_bits(), sums[0].to_bits(), "{count}");
        assert_eq!(sum_in_pieces(&values).to_bits(), sums[0].to_bits(), "{count}");
        let mean = sums[0] / count_as_f32(count);
        assert_eq!(mean_in_pieces(&values).to_bits(), mean.to_bits(), "{count}");
        assert_eq!(mean_in_pieces_portable(&values).to_bits(), mean.to_bits(), "{count}");
    }
}

#[test]
fn pieces_have_other_bits_than_chunks() {
    // Lane 0 of a chunk takes the one after 2^24, where it is lost; a piece of its own keeps it, and
    // so does the pair of them.
    let mut values = vec![0.0; 2048];
    (values[0], values[1024], values[1056]) = (16_777_216.0, 1.0, 1.0);
    assert_eq!(sum_portable(&values).to_bits(), 16_777_216.0_f32.to_bits());
    assert_eq!(sum_in_pieces(&values).to_bits(), 16_777_218.0_f32.to_bits());
}
