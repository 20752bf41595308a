//! What people write on the command line of `aipot plot`, as values.

use std::time::Duration;

use aipot_kernels::plotting::{ProtocolInformation, PublicKey, SectorPlan};
use aipot_kernels::proof_of_space::{SBucket, Seed, Variant};

use super::super::CommandError;
use crate::backend::DeviceChoice;

/// Bytes of encoded protocol information.
const PROTOCOL_INFORMATION_BYTES: usize = 42;

/// Exactly `N` bytes from hexadecimal digits, with or without `0x`.
pub(super) fn bytes<const N: usize>(
    field: &'static str,
    text: &str,
) -> Result<[u8; N], CommandError> {
    let bytes = any_bytes(field, text)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| CommandError::WrongLength { field, found, expected: N })
}

/// Bytes from hexadecimal digits, with or without `0x`.
fn any_bytes(field: &'static str, text: &str) -> Result<Vec<u8>, CommandError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).map_err(|_| CommandError::Malformed {
        field,
        value: shortened(text),
        expected: "hexadecimal digits, two for each byte",
    })
}

/// The seed of a table.
pub(super) fn seed(text: &str) -> Result<Seed, CommandError> {
    Ok(Seed::new(bytes("--seed", text)?))
}

/// Which proofs are found.
pub(super) fn variant(text: &str) -> Result<Variant, CommandError> {
    text.parse().map_err(|_| CommandError::Malformed {
        field: "--variant",
        value: shortened(text),
        expected: "v1 or v2",
    })
}

/// What computes.
pub(in crate::command) fn device(text: &str) -> Result<DeviceChoice, CommandError> {
    text.parse().map_err(|_| CommandError::Malformed {
        field: "--backend",
        value: shortened(text),
        expected: DeviceChoice::ALLOWED,
    })
}

/// An s-bucket.
pub(super) fn s_bucket(number: u64) -> Result<SBucket, CommandError> {
    let number = in_range("--s-bucket", number, 0, u64::from(u16::MAX))?;
    Ok(SBucket::new(u16::try_from(number).unwrap_or(u16::MAX)))
}

/// Which sector, and of which pieces.
pub(super) fn plan(
    public_key: &str,
    sector_index: u64,
    protocol_info: &str,
    pieces_in_sector: u64,
) -> Result<SectorPlan, CommandError> {
    let short = |field, number| {
        let number = in_range(field, number, 0, u64::from(u16::MAX))?;
        Ok::<_, CommandError>(u16::try_from(number).unwrap_or(u16::MAX))
    };
    let public_key = PublicKey(bytes("--public-key", public_key)?);
    let sector_index = short("--sector-index", sector_index)?;
    let pieces_in_sector = short("--pieces-in-sector", pieces_in_sector)?;
    let information = bytes::<PROTOCOL_INFORMATION_BYTES>("--protocol-info", protocol_info)?;
    let information = ProtocolInformation::decode_bounded(&information)?;
    Ok(SectorPlan::new(&public_key, sector_index, &information, pieces_in_sector)?)
}

/// A number that must not leave a range.
pub(super) fn in_range(
    field: &'static str,
    value: u64,
    min: u64,
    max: u64,
) -> Result<u64, CommandError> {
    if value < min || value > max {
        return Err(CommandError::OutOfRange { field, value, min, max });
    }
    Ok(value)
}

/// Milliseconds with three decimals, as they are printed.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Enough of a text to recognise it by.
fn shortened(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 40;
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
