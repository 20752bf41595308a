//! The cosine of a fraction of a full turn, for normal numbers and schedules.

use super::polynomial;
use crate::float::Float;

/// P in sin(2 pi t) = t P(t^2) for |t| <= 1/8.
const SINE_COEFFICIENTS: [Float; 4] =
    [Float(0x40c9_0fdb), Float(0xc225_5e12), Float(0x42a3_4052), Float(0xc299_8cc7)];

/// P in cos(2 pi t) = 1 + t^2 P(t^2) for |t| <= 1/8.
const COSINE_COEFFICIENTS: [Float; 4] =
    [Float(0xc19d_e9e6), Float(0x4281_e0d8), Float(0xc2aa_d959), Float(0x426a_7a3c)];

/// One 2^32nd of a turn.
const UNIT: Float = Float(0x2f80_0000);

/// Half a quadrant, in units of 2^-32 turns.
const HALF_QUADRANT: u32 = 1 << 29;

/// The cosine of `turn` / 2^32 full turns.
///
/// # Units
/// `turn` counts 2^-32 of a full turn: 2^30 is a right angle.
pub fn cosine_of_turn(turn: u32) -> Float {
    let quadrant = turn.wrapping_add(HALF_QUADRANT) >> 30;
    let rest = Float::from_i32(turn.wrapping_sub(quadrant << 30).cast_signed()).multiply(UNIT);
    let square = rest.multiply(rest);
    let sine = rest.multiply(polynomial(square, &SINE_COEFFICIENTS));
    let cosine = square.multiply_add(polynomial(square, &COSINE_COEFFICIENTS), Float::ONE);
    match quadrant {
        0 => cosine,
        1 => sine.negate(),
        2 => cosine.negate(),
        _ => sine,
    }
}
