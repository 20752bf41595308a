//! Parameters from outside: each is checked here, and a wrong one is named in the answer.

use jsonrpsee::types::error::INVALID_PARAMS_CODE;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::Serialize;
use serde_json::Value;

use crate::chain::{BUNDLE_BYTES_MAX, BUNDLE_BYTES_MIN};

/// How much of a wrong value is repeated in the answer.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// What is wrong with a parameter.
#[derive(Debug, Serialize)]
struct WrongParameter<'text> {
    field: &'text str,
    value: &'text str,
    allowed: &'text str,
}

/// The answer to a wrong parameter.
pub(super) fn refused(field: &str, value: &str, allowed: &str) -> ErrorObjectOwned {
    let message = format!("{field} is {value}, allowed: {allowed}");
    let wrong = WrongParameter { field, value, allowed };
    ErrorObjectOwned::owned(INVALID_PARAMS_CODE, message, Some(wrong))
}

/// A block number or count of at least `min`.
pub(super) fn number_parameter(
    parameters: &Params<'_>,
    field: &str,
    min: u32,
) -> Result<u32, ErrorObjectOwned> {
    let value = only_parameter(parameters, field)?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let allowed = || format!("integers from {min} to {}", u32::MAX);
    let refusal = || refused(field, &shown(&value.to_string()), &allowed());
    number.filter(|number| *number >= min).ok_or_else(refusal)
}

/// A bundle as hexadecimal text.
pub(super) fn bundle_parameter(parameters: &Params<'_>) -> Result<Vec<u8>, ErrorObjectOwned> {
    const FIELD: &str = "bundle";
    let allowed = format!(
        "{BUNDLE_BYTES_MIN} to {BUNDLE_BYTES_MAX} bytes as hexadecimal text without prefix"
    );
    let value = only_parameter(parameters, FIELD)?;
    let Some(text) = value.as_str() else {
        return Err(refused(FIELD, &shown(&value.to_string()), &allowed));
    };
    // Before decoding, so that no memory is spent on what is refused anyway.
    if text.len() > 2 * BUNDLE_BYTES_MAX {
        return Err(refused(FIELD, &format!("{} digits", text.len()), &allowed));
    }
    hex::decode(text)
        .map_err(|error| refused(FIELD, &format!("{} ({error})", shown(text)), &allowed))
}

/// That nothing was given.
pub(super) fn no_parameters(parameters: &Params<'_>) -> Result<(), ErrorObjectOwned> {
    match parameters.as_str() {
        None | Some("" | "[]" | "{}" | "null") => Ok(()),
        Some(text) => Err(refused("parameters", &shown(text), "none")),
    }
}

fn only_parameter(parameters: &Params<'_>, field: &str) -> Result<Value, ErrorObjectOwned> {
    parameters.parse::<[Value; 1]>().map(|[value]| value).map_err(|_| {
        let given = parameters.as_str().unwrap_or("missing");
        refused("parameters", &shown(given), &format!("an array of one value, [{field}]"))
    })
}

/// The beginning of a text from outside.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
