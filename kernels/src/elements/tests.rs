//! Products are those of single numbers, with the one NaN.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{EDGES, awkward, bits, on_one_two_and_three_threads};

#[test]
fn products_are_rounded_once_and_have_one_nan() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES.iter().chain(&[40_000]) {
            let factors = awkward("factors", count, count, 5);
            let values = awkward("values", count, count, 7);
            let pairs = values.iter().zip(&factors);
            let expected: Vec<f32> = pairs.map(|(a, b)| canonical(a * b)).collect();
            let mut product = values.clone();
            multiply(&factors, &mut product).unwrap();
            assert_eq!(bits(&product), bits(&expected), "{count} values");
            let expected: Vec<f32> = values.iter().map(|a| canonical(a * 0.3)).collect();
            let mut scaled = values;
            scale(0.3, &mut scaled);
            assert_eq!(bits(&scaled), bits(&expected), "{count} values");
        }
    });
    let mut nothing = [f32::INFINITY];
    scale(0.0, &mut nothing);
    assert_eq!(nothing[0].to_bits(), CANONICAL_NAN_BITS);
}

#[test]
fn other_lengths_are_refused() {
    assert!(multiply(&[1.0; 2], &mut [1.0; 3]).is_err());
}
