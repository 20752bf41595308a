//! Decimal numbers without floats: tokens with 18 places, shares with 6.

use aipot_domain_runtime::primitives::{Amount, TOKEN};
use thiserror::Error;

/// Decimal places of a token: 10^18 of the smallest unit are one.
const TOKEN_PLACES: u32 = 18;

const _: () = assert!(TOKEN == 10_u128.pow(TOKEN_PLACES));

/// Longest text that is read as a number: 39 digits of a u128, a point and all places.
const DECIMAL_BYTES_MAX: usize = 64;

/// A number of decimal places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    /// How many places stand behind the point.
    pub places: u32,
}

/// Why a text is not a decimal number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Something else than digits with at most one point between them.
    #[error("expected digits, and a point with digits on both sides at most")]
    Malformed,
    /// Digits behind the last place.
    #[error("at most {max} digits behind the point")]
    TooPrecise {
        /// Places that there are.
        max: u32,
    },
    /// Larger than can be held.
    #[error("the number is too large")]
    TooLarge,
}

impl Decimal {
    /// Reads `12.5` as a multiple of the last place.
    ///
    /// # Errors
    /// [`DecimalError`] for anything that is not exactly such a multiple.
    pub fn parse(self, text: &str) -> Result<u128, DecimalError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > DECIMAL_BYTES_MAX || !is_digits(whole) || !is_digits(fraction) {
            return Err(DecimalError::Malformed);
        }
        let fraction = fraction.trim_end_matches('0');
        let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        let missing = self.places.checked_sub(places);
        let missing = missing.ok_or(DecimalError::TooPrecise { max: self.places })?;
        let digits = format!("{whole}{fraction}");
        let number: u128 = digits.parse().map_err(|_| DecimalError::TooLarge)?;
        let unit = 10_u128.checked_pow(missing).ok_or(DecimalError::TooLarge)?;
        number.checked_mul(unit).ok_or(DecimalError::TooLarge)
    }

    /// Writes a multiple of the last place, without zeros that say nothing.
    pub fn format(self, number: u128) -> String {
        let unit = 10_u128.checked_pow(self.places).unwrap_or(u128::MAX);
        let (whole, fraction) = (number / unit, number % unit);
        if fraction == 0 {
            return whole.to_string();
        }
        let width = usize::try_from(self.places).unwrap_or(usize::MAX);
        let fraction = format!("{fraction:0width$}");
        format!("{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// Reads an amount written in tokens: `100` or `0.25`.
///
/// # Errors
/// [`DecimalError`] when it is no number of tokens with at most 18 places.
pub fn parse_tokens(text: &str) -> Result<Amount, DecimalError> {
    Decimal { places: TOKEN_PLACES }.parse(text).map(Amount)
}

/// Writes an amount in tokens, exactly.
pub fn format_tokens(amount: Amount) -> String {
    Decimal { places: TOKEN_PLACES }.format(amount.0)
}
