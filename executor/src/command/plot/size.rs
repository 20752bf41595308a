//! Sizes of plots as people write them: `4TiB`, `500 GB`, `1.5T`.

use super::super::CommandError;

/// Units, the longer names first; a bare letter means the binary unit, as farmers write it.
const UNITS: &[(&str, u64)] = &[
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("pb", 1_000_000_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("p", 1 << 50),
    ("b", 1),
    ("", 1),
];

/// The bytes that a text such as `4TiB` stands for.
///
/// # Errors
/// [`CommandError::Malformed`] when it is no positive number with a unit, or far above any disk.
pub(super) fn parse_size(field: &'static str, text: &str) -> Result<u64, CommandError> {
    let malformed = || CommandError::Malformed {
        field,
        value: text.chars().take(32).collect(),
        expected: "a size such as 4TiB or 500GB",
    };
    let lower = text.trim().to_ascii_lowercase();
    let unit_start = lower.find(|letter: char| letter.is_ascii_alphabetic());
    let (number, unit) = lower.split_at(unit_start.unwrap_or(lower.len()));
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    bytes(number.trim(), *factor).filter(|bytes| *bytes > 0).ok_or_else(malformed)
}

/// A decimal number times a factor, rounded down, without floating point.
fn bytes(number: &str, factor: u64) -> Option<u64> {
    const DECIMALS_MAX: usize = 9;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let is_number = [whole, decimals].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !is_number || whole.is_empty() || decimals.len() > DECIMALS_MAX {
        return None;
    }
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    let divisor = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    u64::try_from(digits.checked_mul(u128::from(factor))? / divisor).ok()
}

#[cfg(test)]
mod tests;
