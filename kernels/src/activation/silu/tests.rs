//! Fast equals portable, the bits of the vectors, gradients are slopes, and the edges.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{EDGES, awkward, bits, error_ulp_of, normals, on_one_two_and_three_threads};

/// `SiLU` and its slope at many places; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/silu.txt");

#[test]
fn silu_and_its_slope_are_those_of_the_vectors() {
    let lines: Vec<&str> = VECTORS.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 100, "{} lines", lines.len());
    for line in lines {
        let words: Vec<u32> =
            line.split(' ').map(|word| u32::from_str_radix(word, 16).unwrap()).collect();
        let x = f32::from_bits(words[0]);
        let actual = [silu_portable(x), silu_gradient_portable(x, 1.0)];
        assert_eq!(bits(&actual), words[1..], "{line}");
    }
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES.iter().chain(&[50_000]) {
            let input = awkward("silu input", count, count, 5);
            let gradient = awkward("silu gradient", count, count, 7);
            let mut output = vec![0.0; count];
            silu(&input, &mut output).unwrap();
            let expected: Vec<f32> = input.iter().map(|x| silu_portable(*x)).collect();
            assert_eq!(bits(&output), bits(&expected), "{count} values");
            let mut before = gradient.clone();
            silu_gradient(&input, &mut before).unwrap();
            let pairs = input.iter().zip(&gradient);
            let expected: Vec<f32> = pairs.map(|(x, g)| silu_gradient_portable(*x, *g)).collect();
            assert_eq!(bits(&before), bits(&expected), "{count} values");
        }
    });
}

#[test]
fn silu_is_nothing_far_below_zero_and_the_identity_far_above() {
    let values = [0.0, -0.0, 100.0, -100.0, f32::INFINITY, f32::NEG_INFINITY];
    let mut output = [1.0; 6];
    silu(&values, &mut output).unwrap();
    let expected = [0.0, -0.0, 100.0, -0.0, f32::INFINITY, f32::from_bits(CANONICAL_NAN_BITS)];
    assert_eq!(bits(&output), bits(&expected));
}

/// `SiLU` in f64.
fn reference(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

#[test]
fn the_gradient_of_silu_is_its_slope_and_its_errors_are_small() {
    let (step, mut worst) = (1.0 / 1024.0, 0.0_f64);
    for x in normals("silu slope", 0, 2_000).into_iter().map(|x| 4.0 * x) {
        let rise = reference(f64::from(x) + step) - reference(f64::from(x) - step);
        let slope = f64::from(silu_gradient_portable(x, 1.0));
        assert!((slope - rise / (2.0 * step)).abs() < 2e-6, "{x}: {slope}");
        worst = worst.max(error_ulp_of(x, silu_portable(x), reference(f64::from(x))));
    }
    println!("SiLU: {worst} ULP of x");
    assert!(worst < 2.0, "{worst} ULP of x");
}

#[test]
fn buffers_of_different_lengths_are_refused() {
    let error = silu(&[1.0; 3], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the buffer to write has 2 values, not 3");
    assert!(silu_gradient(&[1.0; 2], &mut [0.0; 3]).is_err());
}
