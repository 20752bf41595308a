use super::*;
use crate::canonical::CANONICAL_NAN_BITS;

/// Inputs of each sweep: a prime stride visits every exponent and many significands.
const STRIDE: usize = 8191;

/// The error of `value` against `exact`, in units in the last place of the exact value's f32.
fn error_ulp(value: f32, exact: f64) -> f64 {
    let magnitude = exact.abs().max(f64::from(f32::MIN_POSITIVE));
    let exponent = i32::try_from((magnitude.to_bits() >> 52) & 0x7ff).unwrap() - 1023;
    (f64::from(value) - exact).abs() / 2_f64.powi(exponent - 23)
}

/// Checks a function against f64 on a sweep through all bit patterns.
fn check_error(function: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, bound_ulp: f64) {
    let mut worst = (0.0, 0.0);
    for bits in (0..=u32::MAX).step_by(STRIDE) {
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

#[test]
fn exp_keeps_its_error_bound() {
    check_error(exp, f64::exp, 1.0);
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
fn rsqrt_keeps_its_error_bound() {
    check_error(rsqrt, |x| 1.0 / x.sqrt(), 1.5);
}

#[test]
fn sqrt_is_correctly_rounded() {
    check_error(sqrt, f64::sqrt, 0.500_001);
}
