//! Parameters from outside: taken by place or by name, each checked, and a wrong one named in the answer.

use std::fmt::Display;
use std::ops::RangeInclusive;

use jsonrpsee::types::error::INVALID_PARAMS_CODE;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::wire::WrongParameter;

/// How much of a wrong value is repeated in the answer.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// The parameters of one request, taken one by one.
#[derive(Debug)]
pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    /// Reads the parameters of a request, which may be those in `names` and no others.
    pub(super) fn read(params: &Params<'_>, names: &[&str]) -> Result<Self, ErrorObjectOwned> {
        let expected = || match names {
            [] => "none".to_owned(),
            names => {
                format!("at most {} in this order or by name: {}", names.len(), names.join(", "))
            }
        };
        if params.as_str().is_none() {
            return Ok(Self(Map::new()));
        }
        let values = match params.parse::<Value>() {
            Ok(Value::Array(values)) if values.len() <= names.len() => {
                let names = names.iter().map(|name| (*name).to_owned());
                return Ok(Self(names.zip(values).collect()));
            }
            Ok(Value::Object(values)) => values,
            Ok(other) => return Err(wrong("params", &other, &expected())),
            Err(_) => return Err(wrong("params", &"not JSON", &expected())),
        };
        match values.keys().find(|name| !names.contains(&name.as_str())) {
            Some(unknown) => Err(wrong("params", unknown, &expected())),
            None => Ok(Self(values)),
        }
    }

    /// Takes the value of `field`; null when it is left out.
    pub(super) fn take(&mut self, field: &str) -> Value {
        self.0.remove(field).unwrap_or_default()
    }

    /// An integer within `allowed`.
    pub(super) fn number(
        &mut self,
        field: &str,
        allowed: RangeInclusive<u64>,
    ) -> Result<u64, ErrorObjectOwned> {
        let value = self.take(field);
        let number = value.as_u64().filter(|number| allowed.contains(number));
        let range = || format!("integers from {} to {}", allowed.start(), allowed.end());
        number.ok_or_else(|| wrong(field, &value, &range()))
    }

    /// An integer that fits 32 bits, within `allowed`.
    pub(super) fn small_number(
        &mut self,
        field: &str,
        allowed: RangeInclusive<u32>,
    ) -> Result<u32, ErrorObjectOwned> {
        let number = self.number(field, u64::from(*allowed.start())..=u64::from(*allowed.end()))?;
        Ok(u32::try_from(number).unwrap_or(*allowed.end()))
    }

    /// Bytes as hexadecimal text, at most `bytes_max` of them; `0x` may stand before them.
    pub(super) fn bytes(
        &mut self,
        field: &str,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorObjectOwned> {
        let value = self.take(field);
        let allowed = || format!("hexadecimal text of at most {bytes_max} bytes");
        let digits = value.as_str().map(|text| text.strip_prefix("0x").unwrap_or(text));
        let digits = digits.filter(|digits| digits.len() / 2 <= bytes_max);
        let bytes = digits.and_then(|digits| hex::decode(digits).ok());
        bytes.ok_or_else(|| wrong(field, &value, &allowed()))
    }

    /// An account, order or hash: 64 hexadecimal digits.
    pub(super) fn digest<T: From<[u8; 32]>>(&mut self, field: &str) -> Result<T, ErrorObjectOwned> {
        let value = self.take(field);
        let digest = value.as_str().and_then(digest_of);
        digest.map(T::from).ok_or_else(|| wrong(field, &value, DIGEST))
    }

    /// A value of several fields, `None` for null.
    pub(super) fn place<T: DeserializeOwned>(
        &mut self,
        field: &str,
        allowed: &str,
    ) -> Result<Option<T>, ErrorObjectOwned> {
        let value = self.take(field);
        let place = serde_json::from_value(value.clone());
        place.map_err(|_| wrong(field, &value, allowed))
    }
}

/// What a digest must look like.
pub(super) const DIGEST: &str = "64 hexadecimal digits";

/// Reads 64 hexadecimal digits; `0x` may stand before them.
pub(super) fn digest_of(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

/// The answer to a wrong parameter.
pub(super) fn wrong(field: &str, value: &dyn Display, allowed: &str) -> ErrorObjectOwned {
    let text = value.to_string();
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    let message = format!("{field} is {shown}, allowed: {allowed}");
    let (field, allowed) = (field.to_owned(), allowed.to_owned());
    let wrong = WrongParameter { field, value: shown, allowed };
    ErrorObjectOwned::owned(INVALID_PARAMS_CODE, message, Some(wrong))
}

#[cfg(test)]
mod tests;
