//! The cosine of a fraction of a full turn, for drawing normal numbers.

use super::polynomial;

/// P in sin(2 pi t) = t P(t^2) for |t| <= 1/8; relative error 2^-25.1.
const SINE_COEFFICIENTS: [f32; 4] = [
    f32::from_bits(0x40c9_0fdb), // 6.283_185_5
    f32::from_bits(0xc225_5e12), // -41.341_866
    f32::from_bits(0x42a3_4052), // 81.625_626
    f32::from_bits(0xc299_8cc7), // -76.774_956
];

/// P in cos(2 pi t) = 1 + t^2 P(t^2) for |t| <= 1/8; relative error 2^-31.1.
const COSINE_COEFFICIENTS: [f32; 4] = [
    f32::from_bits(0xc19d_e9e6), // -19.739_208
    f32::from_bits(0x4281_e0d8), // 64.939_15
    f32::from_bits(0xc2aa_d959), // -85.424_51
    f32::from_bits(0x426a_7a3c), // 58.619_37
];

/// One 2^32nd of a turn.
const UNIT: f32 = f32::from_bits(0x2f80_0000);

/// Half a quadrant, in units of 2^-32 turns.
const HALF_QUADRANT: u32 = 1 << 29;

/// The cosine of `turn` / 2^32 full turns, off by less than 2^-23.
///
/// # Units
/// `turn` counts 2^-32 of a full turn: 2^30 is a right angle.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn cosine_of_turn(turn: u32) -> f32 {
    let quadrant = turn.wrapping_add(HALF_QUADRANT) >> 30;
    let rest = signed_to_f32(turn.wrapping_sub(quadrant << 30).cast_signed()) * UNIT;
    let square = rest * rest;
    let sine = rest * polynomial(square, &SINE_COEFFICIENTS);
    let cosine = square.mul_add(polynomial(square, &COSINE_COEFFICIENTS), 1.0);
    match quadrant {
        0 => cosine,
        1 => -sine,
        2 => -cosine,
        _ => sine,
    }
}

/// The f32 nearest to an integer, ties to even.
#[expect(clippy::cast_precision_loss, reason = "IEEE rounding to nearest even is what is wanted")]
#[inline]
fn signed_to_f32(value: i32) -> f32 {
    value as f32
}
