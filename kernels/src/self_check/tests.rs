//! This machine passes, and a wrong one would not.

use super::*;

#[test]
fn this_machine_computes_as_profile_p0_demands() {
    assert_eq!(self_check(), Ok(()));
}

#[test]
fn a_wrong_bit_is_reported_with_both_sides() {
    let error = compare("a sum", 1.0, 0x3f80_0001).unwrap_err();
    let told = "a sum gives bits 3f800000 instead of 3f800001: this machine cannot do P0";
    assert_eq!(error.to_string(), told);
}

#[test]
fn the_cases_tell_a_fused_from_an_unfused_or_twice_rounded_operation() {
    let numbers = |operands: [u32; 3]| operands.map(f32::from_bits);
    let [a, b, c] = numbers(FUSED[0].1);
    assert_ne!((a * b + c).to_bits(), FUSED[0].2);
    let [a, b, c] = numbers(FUSED[1].1).map(f64::from);
    #[expect(clippy::cast_possible_truncation, reason = "the second rounding is the point")]
    let rounded_twice = (a * b + c) as f32;
    assert_ne!(rounded_twice.to_bits(), FUSED[1].2);
}
