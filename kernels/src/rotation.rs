//! Rotary positions: pairs of numbers of queries and keys turned by an angle that grows with the position.
//!
//! Pair i of a head of d numbers is numbers i and i + d/2. At position p it is turned by
//! p base^(-2i/d) radians: first' = fma(-second, sin, first cos), second' = fma(first, sin, second cos).
//! Values are not turned. The gradient is turned back: the same with -sin.
//!
//! Angles are integers, so that no position is too far: a pair's frequency, in 2^-32 of a turn for each
//! position, times the position, wrapping at a full turn. See [`frequency`] and
//! [`crate::elementary::cosine_of_turn`].
//!
//! # Source
//! Su and others, "`RoFormer`", 2021, equation 34, with halves for neighbors as in Llama.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::elementary::cosine_of_turn;
use crate::length::{self, LengthError};

/// Fraction bits of a logarithm to the base 2.
const LOGARITHM_BITS: u32 = 40;

/// Fraction bits of a power between 1/2 and 1.
const POWER_BITS: u32 = 62;

/// ln 2 with [`POWER_BITS`].
const LN_2: u128 = 3_196_577_161_300_663_915;

/// 2^32 / (2 pi) with 30 bits of fraction: what one radian is, in 2^-32 of a turn.
const PER_RADIAN: u128 = 733_972_625_820_500_307;

/// Fraction bits of [`PER_RADIAN`].
const PER_RADIAN_BITS: u32 = 30;

/// Terms of the series of exp: the last is below 2^-62.
const TERMS: u128 = 20;

/// Bits of the fraction of an f32.
const FRACTION_BITS: u32 = 23;

/// The fraction of an f32.
const FRACTION_MASK: u32 = (1 << FRACTION_BITS) - 1;

/// What the exponent of an f32 is stored with.
const EXPONENT_BIAS: u32 = 127;

/// A right angle.
const QUARTER: u32 = 1 << 30;

/// How fast pair `pair` of a head of `width` numbers turns: base^(-2 pair / width) radians for each
/// position, off by less than 2^-32 of a turn. Integers only. The base is the bits of an f32 above 1.
///
/// # Units
/// 2^-32 of a turn for each position.
pub fn frequency(base: u32, width: u32, pair: u32) -> u32 {
    let exponent = u128::from(pair) * 2 * u128::from(logarithm(base));
    let exponent = exponent / u128::from(width.max(1));
    let (whole, fraction) = (exponent >> LOGARITHM_BITS, exponent & ((1 << LOGARITHM_BITS) - 1));
    let shift = u128::from(PER_RADIAN_BITS + POWER_BITS) + whole;
    let Some(shift) = u32::try_from(shift).ok().filter(|shift| *shift < u128::BITS) else {
        return 0;
    };
    let product = PER_RADIAN * negative_power(fraction);
    u32::try_from((product + (1 << (shift - 1))) >> shift).unwrap_or(u32::MAX)
}

/// log2 of a number above 1 with [`LOGARITHM_BITS`], cut off; a bit for each square.
fn logarithm(number: u32) -> u64 {
    let mut mantissa = u128::from(number & FRACTION_MASK | 1 << FRACTION_BITS) << 40;
    let mut bits = u64::from((number >> FRACTION_BITS).saturating_sub(EXPONENT_BIAS));
    for _ in 0..LOGARITHM_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let is_above = mantissa >> 64;
        mantissa >>= is_above;
        bits = bits << 1 | u64::from(is_above == 1);
    }
    bits
}

/// 2 to the power of minus a fraction, with [`POWER_BITS`]: exp's series by Horner's rule.
fn negative_power(fraction: u128) -> u128 {
    let x = (fraction * LN_2) >> LOGARITHM_BITS;
    let one = 1 << POWER_BITS;
    (1..=TERMS).rev().fold(one, |series, term| one - ((x * series) >> POWER_BITS) / term)
}

/// Cosines and sines of the first positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Angles {
    /// `[positions, width / 2]`.
    cosines: Vec<f32>,
    /// `[positions, width / 2]`.
    sines: Vec<f32>,
}

impl Angles {
    /// The angles of the first positions for heads of `width` numbers.
    pub fn new(base: u32, width: u32, positions: u32) -> Self {
        let frequencies: Vec<u32> =
            (0..width / 2).map(|pair| frequency(base, width, pair)).collect();
        let turns = (0..positions).flat_map(|position| {
            frequencies.iter().map(move |frequency| position.wrapping_mul(*frequency))
        });
        let (cosines, sines) = turns.map(|turn| (cosine(turn), sine(turn))).unzip();
        Self { cosines, sines }
    }
}

/// The cosine of an angle in 2^-32 of a turn.
pub fn cosine(turn: u32) -> f32 {
    canonical(cosine_of_turn(turn))
}

/// The sine of an angle in 2^-32 of a turn.
pub fn sine(turn: u32) -> f32 {
    canonical(cosine_of_turn(turn.wrapping_sub(QUARTER)))
}

/// Which way to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// By the angle.
    Forth,
    /// By minus the angle, as gradients are.
    Back,
}

/// Sizes of packed rows: queries, keys and values, each `[heads, head width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRows {
    /// Tokens of an example; row r has position r modulo this.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// Numbers of a query, a key or a value of one head; even.
    pub head_width: usize,
}

impl PackedRows {
    /// Numbers of a row.
    fn row_values(&self) -> usize {
        length::product(&[self.heads, self.head_width, 3])
    }

    fn check(&self, angles: &Angles, values: usize) -> Result<(), LengthError> {
        let half = self.head_width / 2;
        length::check("a head", self.head_width, 2 * half)?;
        length::check("the angles", angles.cosines.len(), length::product(&[self.tokens, half]))?;
        let rows = values.checked_div(self.row_values()).unwrap_or(0);
        length::check("the packed rows", values, rows * self.row_values())
    }
}

/// A pair turned by an angle. The definition.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn rotate_portable([first, second]: [f32; 2], cosine: f32, sine: f32) -> [f32; 2] {
    let turned_first = (-second).mul_add(sine, first * cosine);
    let turned_second = first.mul_add(sine, second * cosine);
    [canonical(turned_first), canonical(turned_second)]
}

/// Turns queries and keys of packed rows, in place: [`rotate_portable`] of each pair, with vectors and
/// threads.
///
/// # Shapes
/// `packed`: `[examples, tokens, 3, heads, head width]`; the angles: those of `tokens` positions.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rotate(
    rows: PackedRows,
    angles: &Angles,
    direction: Direction,
    packed: &mut [f32],
) -> Result<(), LengthError> {
    rows.check(angles, packed.len())?;
    if packed.is_empty() {
        return Ok(());
    }
    packed.par_chunks_mut(rows.row_values()).enumerate().for_each(|(row, packed)| {
        let half = rows.head_width / 2;
        let place = (row % rows.tokens) * half;
        let cosines = &angles.cosines[place..][..half];
        let sines = &angles.sines[place..][..half];
        let (turned, _) = packed.split_at_mut(rows.row_values() / 3 * 2);
        for head in turned.chunks_exact_mut(rows.head_width) {
            Arch::new().dispatch(RotateHead { head, cosines, sines, direction });
        }
    });
    Ok(())
}

/// Turns the pairs of one head.
struct RotateHead<'values> {
    head: &'values mut [f32],
    cosines: &'values [f32],
    sines: &'values [f32],
    direction: Direction,
}

impl WithSimd for RotateHead<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { head, cosines, sines, direction } = self;
        let sign = match direction {
            Direction::Forth => 1.0,
            Direction::Back => -1.0,
        };
        let (first, second) = head.split_at_mut(cosines.len());
        let angles = cosines.iter().zip(sines);
        for ((first, second), (cosine, sine)) in first.iter_mut().zip(second).zip(angles) {
            // Times 1 or -1 is exact.
            [*first, *second] = rotate_portable([*first, *second], *cosine, sine * sign);
        }
    }
}

#[cfg(test)]
mod tests;
