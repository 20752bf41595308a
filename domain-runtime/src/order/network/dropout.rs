//! What a rate of dropout means for words and values.

use crate::float::Float;

/// Bits of the fraction of an f32.
const FRACTION_BITS: u32 = 23;

/// The exponent of an f32 whose lowest bit is one 2^32nd: 127 + 23 - 32.
const UNIT_EXPONENT: u32 = 118;

/// Which values are left out, and how much the others grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DropoutConstants {
    /// A value whose random word is below it is left out.
    pub threshold: u32,
    /// What kept values are multiplied with, the bits of an f32: 1 / (1 - rate).
    pub factor: u32,
}

impl DropoutConstants {
    /// Those of a rate from 0 to below 1: the share of all words, cut off.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let exponent = rate >> FRACTION_BITS;
        let significand = rate & 0x007f_ffff | 1 << FRACTION_BITS;
        let threshold = match exponent.checked_sub(UNIT_EXPONENT) {
            Some(shift) => significand.checked_shl(shift),
            None => significand.checked_shr(UNIT_EXPONENT.saturating_sub(exponent)),
        };
        let factor = Float::ONE.divide(Float::ONE.subtract(Float(rate)));
        Self { threshold: threshold.unwrap_or(0), factor: factor.0 }
    }
}

#[cfg(test)]
mod tests {
    //! Thresholds are the shares of all words.

    use super::*;

    #[test]
    fn thresholds_are_shares_of_all_words() {
        let one = Float::ONE.0;
        let cases = [
            (0, 0, one),
            // One half, one quarter.
            (0x3f00_0000, 1 << 31, 0x4000_0000),
            (0x3e80_0000, 1 << 30, 0x3faa_aaab),
            // The nearest to one tenth: 13,421,773 / 2^27.
            (0x3dcc_cccd, 13_421_773 << 5, 0x3f8e_38e4),
            // The largest below one leaves out all but 2^8 words.
            (0x3f7f_ffff, 0xffff_ff00, 0x4b80_0000),
            // 2^-32 leaves out one word, 2^-33 none.
            (0x2f80_0000, 1, one),
            (0x2f00_0000, 0, one),
        ];
        for (rate, threshold, factor) in cases {
            assert_eq!(DropoutConstants::new(rate), DropoutConstants { threshold, factor });
        }
    }
}
