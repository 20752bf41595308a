//! Says why a file whose header is not the canonical one is refused.

use serde_json::{Map, Value};

use super::{FOREIGN_BYTES_MAX, LENGTH_BYTES, ModelError};
use crate::architecture::TensorLayout;

/// Longest piece of a foreign name that is repeated in an error.
const QUOTED_CHARACTERS_MAX: usize = 64;

/// Key of the free-form part of a safetensors header.
///
/// # Source
/// The safetensors format.
const METADATA_KEY: &str = "__metadata__";

/// Why `bytes`, which do not start with `canonical`, are not a model with these tensors.
///
/// The caller has bounded the length of `bytes`, and the parser bounds the nesting.
pub(super) fn diagnose(bytes: &[u8], canonical: &[u8], layouts: &[TensorLayout]) -> ModelError {
    let entries = match entries(bytes, canonical.len().saturating_add(FOREIGN_BYTES_MAX)) {
        Ok(entries) => entries,
        Err(error) => return error,
    };
    if entries.contains_key(METADATA_KEY) {
        return ModelError::Metadata;
    }
    let wrong = layouts.iter().find_map(|layout| wrong_tensor(layout, &entries));
    let unknown = || {
        let name = entries.keys().find(|key| layouts.iter().all(|layout| layout.name != **key))?;
        Some(ModelError::UnknownTensor { name: quoted(name) })
    };
    wrong.or_else(unknown).unwrap_or_else(|| {
        let same = bytes.iter().zip(canonical).take_while(|(found, wanted)| found == wanted);
        ModelError::NotCanonical { offset: same.count() }
    })
}

/// The header as JSON, which takes some thirty times its bytes, hence its own bound.
fn entries(bytes: &[u8], max: usize) -> Result<Map<String, Value>, ModelError> {
    let found = bytes.len();
    let least = u64::try_from(LENGTH_BYTES).unwrap_or(u64::MAX);
    let (length, rest) = bytes
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(ModelError::Truncated { needed: least, found })?;
    let length = u64::from_le_bytes(*length);
    if u64::try_from(max).is_ok_and(|max| length > max) {
        return Err(ModelError::HeaderTooLong { byte_count: length, max });
    }
    let json = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let needed = length.saturating_add(least);
    let json = json.ok_or(ModelError::Truncated { needed, found })?;
    serde_json::from_slice(json).map_err(|source| ModelError::Header { source })
}

fn wrong_tensor(layout: &TensorLayout, entries: &Map<String, Value>) -> Option<ModelError> {
    let name = layout.name.clone();
    let Some(entry) = entries.get(&name) else {
        return Some(ModelError::MissingTensor { name });
    };
    let found = entry.get("dtype").and_then(Value::as_str).unwrap_or("none");
    if found != "F32" {
        return Some(ModelError::WrongType { name, found: quoted(found) });
    }
    let shape = entry.get("shape").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // One side more than the model's tensor shows that the shape is another.
    let sides = shape.iter().take(layout.shape.len().saturating_add(1));
    let found: Vec<u64> = sides.map(|side| side.as_u64().unwrap_or(u64::MAX)).collect();
    let is_equal = found.len() == layout.shape.len()
        && found.iter().zip(&layout.shape).all(|(found, side)| u64::try_from(*side) == Ok(*found));
    (!is_equal).then(|| ModelError::WrongShape { name, expected: layout.shape.clone(), found })
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
