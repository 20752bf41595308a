//! Files that a person names on the command line, read with a bound.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aipot_domain_runtime::order::check::DATA_BYTES_MAX;
use aipot_trainer::specification::{
    OrderDraft, SPECIFICATION_BYTES_MAX, parse_order_json, parse_order_toml,
};

use super::CommandError;

/// Largest model file that a command reads: the weights of the largest order and some header.
const MODEL_BYTES_MAX: u64 = 1 << 36;

/// Reads a data file.
pub(super) fn read_data(path: &Path) -> Result<Vec<u8>, CommandError> {
    read(path, DATA_BYTES_MAX)
}

/// Reads a model file.
pub(super) fn read_model_file(path: &Path) -> Result<Vec<u8>, CommandError> {
    read(path, MODEL_BYTES_MAX)
}

/// Reads an order: JSON when the name ends so, TOML otherwise.
pub(super) fn read_order(path: &Path) -> Result<OrderDraft, CommandError> {
    let max = u64::try_from(SPECIFICATION_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read(path, max)?;
    let text = String::from_utf8(bytes)
        .map_err(|source| CommandError::NotText { path: path.to_owned(), source })?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let draft = if is_json { parse_order_json(&text) } else { parse_order_toml(&text) };
    Ok(draft?)
}

/// Reads a file of at most `max` bytes.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, CommandError> {
    let failed = |source| CommandError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more tells a file that is too long from one that just fits.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if byte_count > max {
        return Err(CommandError::FileTooLarge { path: path.to_owned(), max });
    }
    Ok(bytes)
}
