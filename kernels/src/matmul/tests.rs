//! Every plan of a product gives the bits of the definition, on any number of threads.

use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::chacha8::ChaChaStream;
use crate::matrix::Matrix;

/// Products of matrices of normal numbers; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/matmul.txt");

/// Inner lengths around the edges of a K-block.
const DEPTHS: &[usize] = &[0, 1, 2, 511, 512, 513, 1024, 1025];

/// Rows and columns around the edges of register tiles of 1, 4, 8 and 16 lanes.
const SHAPES: &[(usize, usize)] =
    &[(1, 1), (5, 15), (6, 16), (7, 17), (12, 32), (13, 33), (97, 7), (0, 3), (3, 0)];

fn normals(stream: &mut ChaChaStream, count: usize) -> Vec<f32> {
    (0..count).map(|_| stream.normal_f32()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Checks any implementation against the portable one, on every case.
fn check(product: impl Fn(Matrix<'_>, Matrix<'_>, Option<&[f32]>) -> Vec<f32>) {
    let mut stream = ChaChaStream::derive(&[3; 32], "matmul cases", 0);
    for &depth in DEPTHS {
        for &(rows, columns) in SHAPES {
            let left = normals(&mut stream, rows * depth);
            let right = normals(&mut stream, depth * columns);
            let bias = normals(&mut stream, columns);
            let left = Matrix::new(&left, rows, depth).unwrap();
            let right = Matrix::new(&right, depth, columns).unwrap();
            for bias in [None, Some(bias.as_slice())] {
                let expected = matmul_portable(left, right, bias).unwrap();
                let actual = product(left, right, bias);
                assert_eq!(bits(&expected), bits(&actual), "{rows} x {depth} x {columns}");
            }
        }
    }
}

#[test]
fn products_have_the_bits_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let shape: Vec<usize> = words[..3].iter().map(|word| word.parse().unwrap()).collect();
        let (rows, depth, columns) = (shape[0], shape[1], shape[2]);
        let counter = u64::try_from(depth).unwrap();
        let mut stream = ChaChaStream::derive(&[0; 32], "matmul", counter);
        let left = normals(&mut stream, rows * depth);
        let right = normals(&mut stream, depth * columns);
        let bias = normals(&mut stream, columns);
        let left = Matrix::new(&left, rows, depth).unwrap();
        let right = Matrix::new(&right, depth, columns).unwrap();
        let product = matmul_portable(left, right, Some(&bias)).unwrap();
        let shown: Vec<String> = bits(&product).iter().map(|bits| format!("{bits:08x}")).collect();
        assert_eq!(shown, words[3..]);
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn the_fast_product_equals_the_definition_on_every_edge() {
    check(|left, right, bias| matmul(left, right, bias).unwrap());
}

#[test]
fn the_product_has_the_same_bits_on_one_two_and_three_threads() {
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check(|left, right, bias| matmul(left, right, bias).unwrap()));
    }
}

#[test]
fn large_products_are_shared_without_changing_a_bit() {
    let mut stream = ChaChaStream::derive(&[3; 32], "matmul large", 0);
    let (left, right) = (normals(&mut stream, 211 * 700), normals(&mut stream, 700 * 131));
    let left = Matrix::new(&left, 211, 700).unwrap();
    let right = Matrix::new(&right, 700, 131).unwrap();
    let expected = bits(&matmul_portable(left, right, None).unwrap());
    for threads in 1..=5 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let actual = pool.install(|| matmul(left, right, None).unwrap());
        assert_eq!(bits(&actual), expected, "{threads} threads");
    }
}

#[test]
fn blocks_are_summed_apart_and_added_in_order() {
    // One chain would keep 2^24 + 1 + 1 + ... at 2^24; a second block counts its ones first.
    let mut left = vec![1.0_f32; K_BLOCK + 2];
    left[0] = 16_777_216.0;
    let right = vec![1.0_f32; K_BLOCK + 2];
    let left = Matrix::new(&left, 1, K_BLOCK + 2).unwrap();
    let right = Matrix::new(&right, K_BLOCK + 2, 1).unwrap();
    let product = matmul_portable(left, right, None).unwrap();
    assert_eq!(bits(&product), bits(&[16_777_218.0]));
}

#[test]
fn products_are_fused_into_the_sum() {
    // (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24 exactly; an unfused product would round it away.
    let side = 1.0 + f32::from_bits(0x3980_0000);
    let left = [1.0, side];
    let right = [-(1.0 + f32::from_bits(0x3a00_0000)), side];
    let left = Matrix::new(&left, 1, 2).unwrap();
    let right = Matrix::new(&right, 2, 1).unwrap();
    let expected = bits(&[f32::from_bits(0x3380_0000)]);
    assert_eq!(bits(&matmul_portable(left, right, None).unwrap()), expected);
    assert_eq!(bits(&matmul(left, right, None).unwrap()), expected);
}

#[test]
fn no_terms_give_plus_zero_and_minus_zero_is_lost() {
    let empty = matmul(Matrix::new(&[], 2, 0).unwrap(), Matrix::new(&[], 0, 1).unwrap(), None);
    assert_eq!(bits(&empty.unwrap()), [0, 0]);
    let zero = [-0.0_f32];
    let one = [1.0_f32];
    let left = Matrix::new(&zero, 1, 1).unwrap();
    let right = Matrix::new(&one, 1, 1).unwrap();
    assert_eq!(bits(&matmul(left, right, None).unwrap()), [0]);
    assert_eq!(bits(&matmul_portable(left, right, None).unwrap()), [0]);
}

#[test]
fn every_nan_that_comes_out_is_canonical_and_infinities_survive() {
    let left = [f32::INFINITY, f32::from_bits(0xffc0_1234), f32::INFINITY, f32::MAX];
    let right = [0.0_f32, 1.0, 1.0, f32::MAX];
    let expected =
        [CANONICAL_NAN_BITS, CANONICAL_NAN_BITS, CANONICAL_NAN_BITS, f32::INFINITY.to_bits()];
    let left = Matrix::new(&left, 2, 2).unwrap();
    let right = Matrix::new(&right, 2, 2).unwrap();
    let fast = matmul(left, right, None).unwrap();
    let portable = matmul_portable(left, right, None).unwrap();
    assert_eq!(bits(&fast), bits(&portable));
    assert_eq!(bits(&fast)[..3], expected[..3]);
    assert_eq!(bits(&fast)[3], expected[3]);
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_both_sides() {
    let values = [0.0_f32; 6];
    let wide = Matrix::new(&values, 2, 3).unwrap();
    let error = matmul(wide, wide, None).unwrap_err();
    assert_eq!(error, MatmulError::InnerDimension { left_columns: 3, right_rows: 2 });
    let error = matmul(wide, wide.transposed(), Some(&[0.0])).unwrap_err();
    assert_eq!(error, MatmulError::BiasLength { bias: 1, columns: 2 });
    let error = matmul_into(wide, wide.transposed(), None, &mut [0.0; 3]).unwrap_err();
    assert_eq!(error, MatmulError::OutputLength { rows: 2, columns: 2, output: 3 });
}

#[test]
fn a_batch_is_its_products_one_after_the_other() {
    let mut stream = ChaChaStream::derive(&[3; 32], "matmul batch", 0);
    let values = normals(&mut stream, 3 * 5 * 4);
    let lefts: Vec<_> = values.chunks(20).map(|left| Matrix::new(left, 5, 4).unwrap()).collect();
    let rights: Vec<_> = lefts.iter().map(|left| left.transposed()).collect();
    let batch = matmul_batch(&lefts, &rights).unwrap();
    let single = lefts.iter().zip(&rights);
    let single: Vec<f32> =
        single.flat_map(|(left, right)| matmul_portable(*left, *right, None).unwrap()).collect();
    assert_eq!(bits(&batch), bits(&single));
}

/// Pieces of an inner dimension, added one after the other on top of the first.
fn accumulated(
    first: impl Fn(Matrix<'_>, Matrix<'_>) -> Vec<f32>,
    next: impl Fn(Matrix<'_>, Matrix<'_>, &mut [f32]),
) -> Vec<u32> {
    let mut stream = ChaChaStream::derive(&[3; 32], "matmul pieces", 0);
    let mut totals = Vec::new();
    for depth in [700, 512, 0, 1, 513] {
        let (left, right) = (normals(&mut stream, 7 * depth), normals(&mut stream, depth * 33));
        let left = Matrix::new(&left, depth, 7).unwrap().transposed();
        let right = Matrix::new(&right, depth, 33).unwrap();
        if totals.is_empty() {
            totals = first(left, right);
        } else {
            next(left, right, &mut totals);
        }
    }
    bits(&totals)
}

#[test]
fn totals_go_on_with_the_bits_of_the_definition() {
    let portable = accumulated(
        |left, right| matmul_portable(left, right, None).unwrap(),
        |left, right, totals| matmul_accumulate_portable(left, right, totals).unwrap(),
    );
    let fast = accumulated(
        |left, right| matmul(left, right, None).unwrap(),
        |left, right, totals| matmul_accumulate(left, right, totals).unwrap(),
    );
    assert_eq!(fast, portable);
}

#[test]
fn every_block_is_added_to_the_total_by_itself() {
    // 2^24 + 1 is 2^24 again; blocks of one that were summed first would give 2^24 + 2.
    let one = [1.0_f32];
    let one = Matrix::new(&one, 1, 1).unwrap();
    let ones = vec![1.0_f32; K_BLOCK + 1];
    let left = Matrix::new(&ones, 1, K_BLOCK + 1).unwrap();
    for accumulate in [matmul_accumulate, matmul_accumulate_portable] {
        let mut totals = [16_777_216.0_f32];
        accumulate(one, one, &mut totals).unwrap();
        accumulate(one, one, &mut totals).unwrap();
        assert_eq!(bits(&totals), bits(&[16_777_216.0]));
        accumulate(left, left.transposed(), &mut totals).unwrap();
        assert_eq!(bits(&totals), bits(&[16_777_728.0]));
    }
}

#[test]
fn totals_of_another_shape_are_refused_and_a_nan_among_them_becomes_canonical() {
    let values = [1.0_f32; 4];
    let square = Matrix::new(&values, 2, 2).unwrap();
    for accumulate in [matmul_accumulate, matmul_accumulate_portable] {
        let error = accumulate(square, square, &mut [0.0; 3]).unwrap_err();
        assert_eq!(error, MatmulError::OutputLength { rows: 2, columns: 2, output: 3 });
        let mut totals = [f32::from_bits(0xffc0_1234), 0.0, 0.0, 0.0];
        accumulate(square, square, &mut totals).unwrap();
        assert_eq!(totals[0].to_bits(), CANONICAL_NAN_BITS);
        let empty = Matrix::new(&[], 1, 0).unwrap();
        let mut totals = [f32::from_bits(0xffc0_1234)];
        accumulate(empty, Matrix::new(&[], 0, 1).unwrap(), &mut totals).unwrap();
        assert_eq!(totals[0].to_bits(), CANONICAL_NAN_BITS);
    }
}

#[test]
fn an_uneven_batch_is_refused() {
    let values = [0.0_f32; 4];
    let square = Matrix::new(&values, 2, 2).unwrap();
    let row = Matrix::new(&values, 1, 4).unwrap();
    let error = matmul_batch(&[square, square], &[square]).unwrap_err();
    assert_eq!(error, MatmulError::UnevenBatch { index: 1 });
    let error = matmul_batch(&[square, row], &[square, square]).unwrap_err();
    assert_eq!(error, MatmulError::UnevenBatch { index: 1 });
    assert!(matmul_batch(&[], &[]).unwrap().is_empty());
}

proptest! {
    /// Any shape, any transposition: the fast product has the bits of the definition.
    #[test]
    fn fast_equals_portable(
        rows in 0_usize..40,
        depth in 0_usize..600,
        columns in 0_usize..40,
        is_transposed in any::<(bool, bool)>(),
        seed in any::<[u8; 32]>(),
    ) {
        let mut stream = ChaChaStream::from_seed(seed);
        let left = normals(&mut stream, rows * depth);
        let right = normals(&mut stream, depth * columns);
        let bias = normals(&mut stream, columns);
        let left = if is_transposed.0 { Matrix::new(&left, depth, rows).unwrap().transposed() } else { Matrix::new(&left, rows, depth).unwrap() };
        let right = if is_transposed.1 { Matrix::new(&right, columns, depth).unwrap().transposed() } else { Matrix::new(&right, depth, columns).unwrap() };
        let bias = stream.below(NonZeroU64::new(2).unwrap()).eq(&0).then_some(bias.as_slice());
        let expected = matmul_portable(left, right, bias).unwrap();
        let actual = matmul(left, right, bias).unwrap();
        prop_assert_eq!(bits(&expected), bits(&actual));
    }
}
