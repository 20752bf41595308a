//! Fast equals portable, rows are summed where they stand, and wrong tokens are named.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads};

fn tokens(count: usize, rows: u32) -> Vec<u32> {
    let mut stream = crate::chacha8::ChaChaStream::derive(&[0; 32], "tokens", 0);
    (0..count).map(|_| stream.next_u32() % rows).collect()
}

/// Compares the gradient with its definition.
fn check(tokens: &[u32], gradient: &[f32], (rows, width): (usize, usize)) {
    let expected = embed_gradient_portable(tokens, gradient, (rows, width)).unwrap();
    let mut actual = vec![f32::NAN; rows * width];
    embed_gradient(tokens, gradient, width, &mut actual).unwrap();
    assert_eq!(bits(&actual), bits(&expected), "{} tokens, {rows} rows of {width}", tokens.len());
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for count in [0, 1, 511, 512, 513, 1100] {
            for (rows, width) in [(1, 1), (15, 3), (16, 8), (33, 64)] {
                let tokens = tokens(count, rows);
                let rows = usize::try_from(rows).unwrap();
                check(&tokens, &normals("embedding", 0, count * width), (rows, width));
            }
        }
    });
}

#[test]
fn fast_equals_portable_with_awkward_numbers() {
    for every in [1, 2, 51, 1009] {
        check(&tokens(700, 9), &awkward("embedding", every, 700 * 5, every), (9, 5));
    }
}

#[test]
fn a_row_that_stands_nowhere_has_a_gradient_of_plus_zero() {
    let mut of_table = [7.0; 3];
    embed_gradient(&[1, 1], &[-0.0, -0.0], 1, &mut of_table).unwrap();
    assert_eq!(bits(&of_table), [0; 3]);
}

#[test]
fn what_is_not_finite_reaches_all_other_rows_as_in_a_product() {
    let mut of_table = [7.0; 6];
    embed_gradient(&[1, 0], &[f32::INFINITY, 2.0, 3.0, 4.0], 2, &mut of_table).unwrap();
    let nan = f32::NAN;
    assert_eq!(bits(&of_table), bits(&[nan, 4.0, f32::INFINITY, 2.0, nan, 0.0]));
}

#[test]
fn blocks_of_512_positions_are_summed_apart() {
    // 2^24 + 1 rounds back to 2^24; two ones in a block of their own count.
    let mut gradient = vec![0.0; 514];
    (gradient[0], gradient[512], gradient[513]) = (16_777_216.0, 1.0, 1.0);
    let mut of_table = [0.0];
    embed_gradient(&[0; 514], &gradient, 1, &mut of_table).unwrap();
    assert_eq!(bits(&of_table), bits(&[16_777_218.0]));
}

#[test]
fn each_token_gets_its_row() {
    let mut output = [0.0; 6];
    embed(&[1.0, 2.0, 3.0, 4.0], 2, &[1, 0, 1], &mut output).unwrap();
    assert_eq!(bits(&output), bits(&[3.0, 4.0, 1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn tokens_without_a_row_and_wrong_sizes_are_named() {
    let error = embed(&[1.0, 2.0], 1, &[0, 2], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error, EmbeddingError::TokenOutOfRange { position: 1, token: 2, rows: 2 });
    assert_eq!(error.to_string(), "the token at position 1 is 2, but the table has 2 rows");
    assert!(embed(&[1.0, 2.0], 1, &[0], &mut [0.0; 2]).is_err());
    assert!(embed(&[1.0, 2.0, 3.0], 2, &[0], &mut [0.0; 2]).is_err());
    assert!(embed_gradient(&[0], &[0.0; 2], 1, &mut [0.0]).is_err());
    assert!(embed(&[], 0, &[], &mut []).is_ok());
}
