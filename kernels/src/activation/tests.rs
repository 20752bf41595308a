//! Fast equals portable, gradients are slopes, and the edges of ReLU and GELU.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{
    AWKWARD_BITS, EDGES, awkward, bits, error_ulp_of, normals, on_one_two_and_three_threads,
};

/// GELU and its slope at many places; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/activation.txt");

/// Inputs and gradients of every edge, and enough of them for several threads.
fn check(
    fast: impl Fn(&[f32], &mut [f32]) -> Result<(), LengthError>,
    portable: impl Fn(f32, f32) -> f32,
) {
    for &count in EDGES.iter().chain(&[CHUNK_VALUES + 1, 3 * CHUNK_VALUES]) {
        let input = awkward("activation input", count, count, 5);
        let gradient = awkward("activation gradient", count, count, 7);
        let pairs = input.iter().zip(&gradient);
        let expected: Vec<f32> = pairs.map(|(x, gradient)| portable(*x, *gradient)).collect();
        let mut actual = gradient;
        fast(&input, &mut actual).unwrap();
        assert_eq!(bits(&actual), bits(&expected), "{count} values");
    }
}

#[test]
fn gelu_and_its_slope_are_those_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<u32> =
            line.split(' ').map(|word| u32::from_str_radix(word, 16).unwrap()).collect();
        let x = f32::from_bits(words[0]);
        let actual = [gelu_portable(x), gelu_gradient_portable(x, 1.0)];
        assert_eq!(bits(&actual), words[1..], "{line}");
        count += 1;
    }
    assert!(count > 100, "{count} lines");
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        check(relu_gradient, relu_gradient_portable);
        check(gelu, |x, _| gelu_portable(x));
        check(gelu_gradient, gelu_gradient_portable);
        let in_place = |input: &[f32], output: &mut [f32]| {
            output.copy_from_slice(input);
            relu(output);
            Ok(())
        };
        check(in_place, |x, _| relu_portable(x));
    });
}

#[test]
fn relu_keeps_what_is_above_zero_and_makes_no_minus_zero() {
    let mut values =
        [1.5, -1.5, -0.0, f32::from_bits(0xffc0_0001), f32::INFINITY, f32::NEG_INFINITY];
    relu(&mut values);
    let nan = CANONICAL_NAN_BITS;
    let expected = [1.5_f32.to_bits(), 0, 0, nan, f32::INFINITY.to_bits(), 0];
    assert_eq!(values.map(f32::to_bits), expected);
}

#[test]
fn the_gradient_of_relu_at_zero_is_zero_and_a_nan_is_not_hidden() {
    let mut gradient = [7.0, 7.0, 7.0, -7.0, 7.0, f32::from_bits(0xffc0_0001)];
    relu_gradient(&[1.0, 0.0, -1.0, 2.0, f32::NAN, 1.0], &mut gradient).unwrap();
    let expected = [7.0, 0.0, 0.0, -7.0, f32::NAN, f32::NAN];
    assert_eq!(bits(&gradient), bits(&expected));
}

#[test]
fn gelu_is_nothing_far_below_zero_and_the_identity_far_above() {
    let values = [0.0, -0.0, 10.0, -10.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
    let mut output = [1.0; 7];
    gelu(&values, &mut output).unwrap();
    let expected = [0.0, -0.0, 10.0, -0.0, f32::INFINITY, f32::NAN, f32::MAX];
    assert_eq!(bits(&output), bits(&expected));
}

#[test]
fn the_gradient_of_gelu_is_its_slope() {
    let step = 1.0 / 1024.0;
    for x in normals("slope", 0, 500).into_iter().map(|x| 2.0 * x) {
        let rise = reference(f64::from(x + step)) - reference(f64::from(x - step));
        let run = f64::from(x + step) - f64::from(x - step);
        let slope = f64::from(gelu_gradient_portable(x, 1.0));
        assert!((slope - rise / run).abs() < 2e-6, "{x}: {slope} against {}", rise / run);
    }
}

/// Every `stride`th number and the awkward ones.
fn sweep(stride: usize) -> impl Iterator<Item = f32> {
    let spread = (0..=u32::MAX).step_by(stride).map(f32::from_bits);
    spread.chain(AWKWARD_BITS.iter().map(|bits| f32::from_bits(*bits)))
}

#[test]
fn gelu_and_its_slope_keep_their_error_bounds() {
    let (mut of_value, mut of_slope) = (0.0_f64, 0.0_f64);
    for x in sweep(4001).filter(|x| x.is_finite()) {
        let wide = f64::from(x);
        of_value = of_value.max(error_ulp_of(x, gelu_portable(x), reference(wide)));
        let slope = f64::from(gelu_gradient_portable(x, 1.0));
        of_slope = of_slope.max((slope - reference_slope(wide)).abs());
    }
    let of_slope = of_slope * 2_f64.powi(24);
    println!("GELU: {of_value} ULP of x; its slope: {of_slope} times 2^-24");
    assert!(of_value < 1.5, "{of_value} ULP of x");
    assert!(of_slope < 2.5, "{of_slope} times 2^-24");
}

/// GELU in f64.
fn reference(x: f64) -> f64 {
    0.5 * x * (1.0 + error_function(x * std::f64::consts::FRAC_1_SQRT_2))
}

/// The slope of GELU in f64.
fn reference_slope(x: f64) -> f64 {
    let density = (x * x * -0.5).exp() / std::f64::consts::TAU.sqrt();
    0.5 * (1.0 + error_function(x * std::f64::consts::FRAC_1_SQRT_2)) + x * density
}

/// erf by its series of positive terms.
///
/// # Source
/// DLMF 7.6.2.
fn error_function(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return 1_f64.copysign(x);
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term.abs() > sum.abs() * 1e-18 {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[test]
fn buffers_of_different_lengths_are_refused() {
    let error = gelu(&[1.0; 3], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the buffer to write has 2 values, not 3");
    assert!(gelu_gradient(&[1.0; 2], &mut [0.0; 3]).is_err());
    assert!(relu_gradient(&[1.0; 2], &mut [0.0; 3]).is_err());
}
