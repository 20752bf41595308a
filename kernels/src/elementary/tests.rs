//! Golden bits, edge values, and errors against f64.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::chacha8::ChaChaStream;

/// Bits of inputs and of every function's results; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/elementary.txt");

/// One function of one number.
type Function = fn(f32) -> f32;

/// The same over a slice.
type OverSlice = fn(&mut [f32]);

/// A function, the same in f64, and the largest error allowed between them in ULP.
type Bound = (Function, fn(f64) -> f64, f64);

/// The functions in the order of the vectors.
const FUNCTIONS: [(Function, OverSlice); 5] = [
    (exp, exp_slice),
    (log, log_slice),
    (tanh, tanh_slice),
    (erf, erf_slice),
    (rsqrt, rsqrt_slice),
];

/// Inputs of each sweep: a prime stride visits every exponent and many significands.
const STRIDE: usize = 8191;

/// The error of `value` against `exact`, in units in the last place of the exact value's f32.
fn error_ulp(value: f32, exact: f64) -> f64 {
    let magnitude = exact.abs().max(f64::from(f32::MIN_POSITIVE));
    let exponent = i32::try_from((magnitude.to_bits() >> 52) & 0x7ff).unwrap() - 1023;
    (f64::from(value) - exact).abs() / 2_f64.powi(exponent - 23)
}

/// Checks a function against f64 on a sweep through all bit patterns.
fn check_error(function: Function, exact: fn(f64) -> f64, bound_ulp: f64) {
    check_error_at_stride(STRIDE, (function, exact, bound_ulp));
}

/// Checks a function against f64 on every `stride`th bit pattern.
fn check_error_at_stride(stride: usize, (function, exact, bound_ulp): Bound) {
    let mut worst = (0.0, 0.0);
    for bits in (0..=u32::MAX).step_by(stride) {
        let x = f32::from_bits(bits);
        let (value, exact) = (function(x), exact(f64::from(x)));
        if exact.is_nan() {
            assert_eq!(value.to_bits(), CANONICAL_NAN_BITS, "at {x:e}");
        } else if exact.abs() > f64::from(f32::MAX) {
            assert!(value.is_infinite() || error_ulp(value, exact) < 1.0, "at {x:e}: {value:e}");
        } else {
            let error = error_ulp(value, exact);
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    println!("worst error {} ULP at {:e}", worst.0, worst.1);
    assert!(worst.0 < bound_ulp, "{} ULP at {:e}, allowed {bound_ulp}", worst.0, worst.1);
}

/// The error function by its series of positive terms, good to about 1e-15.
///
/// # Source
/// Abramowitz and Stegun, 7.1.6.
fn exact_erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let mut term = x;
    let mut sum = 0.0;
    let mut odd = 1.0;
    while term.abs() > 1e-17 * x.abs() {
        sum += term;
        odd += 2.0;
        term *= 2.0 * x * x / odd;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[test]
fn exp_keeps_its_error_bound() {
    check_error(exp, f64::exp, 1.1);
}

#[test]
fn log_keeps_its_error_bound() {
    check_error(log, f64::ln, 0.9);
}

#[test]
fn tanh_keeps_its_error_bound() {
    check_error(tanh, f64::tanh, 1.5);
}

#[test]
fn erf_keeps_its_error_bound() {
    check_error(erf, exact_erf, 1.5);
}

#[test]
fn rsqrt_keeps_its_error_bound() {
    check_error(rsqrt, |x| 1.0 / x.sqrt(), 1.5);
}

#[test]
fn sqrt_is_correctly_rounded() {
    check_error(sqrt, f64::sqrt, 0.500_001);
}

/// The figures of the README: all 2^32 inputs of each function, minutes of work.
#[test]
#[ignore = "exhaustive, takes minutes; run with --run-ignored all --no-capture"]
fn every_input_keeps_its_error_bound() {
    let bounds: [Bound; 5] = [
        (exp, f64::exp, 1.1),
        (log, f64::ln, 0.9),
        (tanh, f64::tanh, 1.5),
        (erf, exact_erf, 1.5),
        (rsqrt, |x| 1.0 / x.sqrt(), 1.5),
    ];
    for bound in bounds {
        check_error_at_stride(1, bound);
    }
}

#[test]
fn the_cosine_of_a_turn_keeps_its_error_bound() {
    let full_turn = 2_f64.powi(32);
    let mut worst = 0.0_f64;
    for turn in (0..=u32::MAX).step_by(STRIDE) {
        let exact = (std::f64::consts::TAU * f64::from(turn) / full_turn).cos();
        worst = worst.max((f64::from(cosine_of_turn(turn)) - exact).abs());
    }
    println!("worst error {worst:e}");
    assert!(worst < 2_f64.powi(-23), "{worst:e}");
    assert_eq!(cosine_of_turn(0).to_bits(), 1.0_f32.to_bits());
    assert_eq!(cosine_of_turn(1 << 31).to_bits(), (-1.0_f32).to_bits());
}

#[test]
fn erf_agrees_with_published_values() {
    // Abramowitz and Stegun, table 7.1.
    let published = [
        (0.1, 0.112_462_916),
        (0.5, 0.520_499_877_8),
        (1.0, 0.842_700_792_9),
        (1.5, 0.966_105_146_5),
        (2.0, 0.995_322_265),
    ];
    for (x, value) in published {
        assert!((f64::from(erf(x)) - value).abs() < 6e-8, "erf({x})");
    }
}

#[test]
fn every_function_has_the_bits_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<u32> =
            line.split(' ').map(|word| u32::from_str_radix(word, 16).unwrap()).collect();
        for ((scalar, _), expected) in FUNCTIONS.iter().zip(&words[1..]) {
            let x = f32::from_bits(words[0]);
            assert_eq!(scalar(x).to_bits(), *expected, "at {x:e} of line {line}");
        }
        count += 1;
    }
    assert!(count > 100);
}

#[test]
fn slices_have_the_bits_of_the_scalar_functions() {
    let mut stream = ChaChaStream::derive(&[0; 32], "elementary slices", 0);
    let mut inputs: Vec<f32> = (0..10_007).map(|_| f32::from_bits(stream.next_u32())).collect();
    inputs.extend((0..10_007).map(|_| stream.normal_f32() * 4.0));
    for (scalar, slice) in FUNCTIONS {
        let mut outputs = inputs.clone();
        slice(&mut outputs);
        for (x, y) in inputs.iter().zip(&outputs) {
            assert_eq!(y.to_bits(), scalar(*x).to_bits(), "at {x:e}");
        }
    }
}

#[test]
fn special_values_are_exact() {
    let infinity = f32::INFINITY;
    let cases: [(Function, f32, f32); 16] = [
        (exp, 0.0, 1.0),
        (exp, -0.0, 1.0),
        (exp, infinity, infinity),
        (exp, -infinity, 0.0),
        (log, 0.0, -infinity),
        (log, -0.0, -infinity),
        (log, 1.0, 0.0),
        (log, infinity, infinity),
        (tanh, -0.0, -0.0),
        (tanh, -infinity, -1.0),
        (erf, -0.0, -0.0),
        (erf, -infinity, -1.0),
        (rsqrt, 0.0, infinity),
        (rsqrt, -0.0, -infinity),
        (rsqrt, infinity, 0.0),
        (sqrt, -0.0, -0.0),
    ];
    for (function, x, expected) in cases {
        assert_eq!(function(x).to_bits(), expected.to_bits(), "at {x}");
    }
}

#[test]
fn every_nan_is_canonical() {
    for function in [exp, log, tanh, erf, rsqrt, sqrt] {
        for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
            assert_eq!(function(f32::from_bits(bits)).to_bits(), CANONICAL_NAN_BITS);
        }
    }
    for function in [log, rsqrt, sqrt] {
        assert_eq!(function(-1.0).to_bits(), CANONICAL_NAN_BITS);
        assert_eq!(function(f32::NEG_INFINITY).to_bits(), CANONICAL_NAN_BITS);
    }
}

#[test]
fn odd_functions_are_odd_to_the_bit() {
    for bits in (0..0x7f80_0000).step_by(STRIDE) {
        let x = f32::from_bits(bits);
        assert_eq!(tanh(-x).to_bits(), (-tanh(x)).to_bits());
        assert_eq!(erf(-x).to_bits(), (-erf(x)).to_bits());
    }
}
