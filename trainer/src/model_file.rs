//! Model files: the one canonical safetensors form, in which bytes are a function of the weights.
//!
//! 8 bytes: length of the header. Header: JSON without spaces, tensors sorted by name, each
//! `{"dtype":"F32","shape":[..],"data_offsets":[..]}`, filled up with spaces to a multiple of 8. Then
//! the values, little-endian, without gaps. These are the bytes that the safetensors library writes
//! for the same tensors without metadata. The order fixes names and shapes, hence the whole header.

mod diagnosis;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::primitives::ModelRoot;
use aipot_kernels::blake3_tree;
use thiserror::Error;

use crate::architecture::{TensorLayout, layout};
use crate::parameters::{Parameters, ParametersError};

/// Bytes of the length before the header, and the alignment of what follows the header.
///
/// # Source
/// The safetensors format.
const LENGTH_BYTES: usize = 8;

/// Bytes of one f32.
const VALUE_BYTES: usize = 4;

/// How much longer than the canonical file a foreign one may be and still be read for a diagnosis.
pub const FOREIGN_BYTES_MAX: usize = 64 * 1024;

/// Why bytes are not a model of the order.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The order's own sizes do not fit this machine; this says nothing about the bytes.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The file is longer than any file of this model.
    #[error("the model file has {byte_count} bytes, allowed at most {max}")]
    TooLarge {
        /// Bytes given.
        byte_count: usize,
        /// The canonical length and [`FOREIGN_BYTES_MAX`].
        max: usize,
    },
    /// The file is not as long as the canonical one.
    #[error("the model file has {found} bytes, its canonical form has {expected}")]
    WrongLength {
        /// Canonical length.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The file ends before its header does.
    #[error("the header needs {needed} bytes, the file has {found}")]
    Truncated {
        /// Bytes of length and header.
        needed: u64,
        /// Bytes given.
        found: usize,
    },
    /// The header is longer than any header of this model.
    #[error("the header has {byte_count} bytes, allowed at most {max}")]
    HeaderTooLong {
        /// Length that the file states.
        byte_count: u64,
        /// The canonical length and [`FOREIGN_BYTES_MAX`].
        max: usize,
    },
    /// The header is not JSON.
    #[error("the header is not a JSON object of tensors")]
    Header {
        /// What the parser found.
        source: serde_json::Error,
    },
    /// The header holds metadata, which would make two files of one model.
    #[error("the header holds metadata, allowed are tensors only")]
    Metadata,
    /// A tensor of the model is not in the file.
    #[error("tensor {name} is missing")]
    MissingTensor {
        /// The tensor.
        name: String,
    },
    /// The file holds a tensor that the model does not have.
    #[error("tensor {name} is not of this model")]
    UnknownTensor {
        /// Its name, cut short.
        name: String,
    },
    /// A tensor holds something else than f32.
    #[error("tensor {name} is of type {found}, allowed is F32")]
    WrongType {
        /// The tensor.
        name: String,
        /// Its type, cut short.
        found: String,
    },
    /// A tensor has another shape.
    #[error("tensor {name} has the shape {found:?}, the order says {expected:?}")]
    WrongShape {
        /// The tensor.
        name: String,
        /// Shape in the order.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<u64>,
    },
    /// The right tensors in another order, at other offsets or written in another way.
    #[error("the header differs from the canonical one at byte {offset}")]
    NotCanonical {
        /// First byte that differs.
        offset: usize,
    },
    /// A weight is infinite or not a number.
    #[error("value {index} of tensor {name} is {value}, allowed are finite values")]
    NotFinite {
        /// The tensor.
        name: String,
        /// Index of the value in the tensor.
        index: usize,
        /// The value.
        value: f32,
    },
}

/// Writes a model in canonical form.
pub fn write_model(parameters: &Parameters) -> Vec<u8> {
    let layouts: Vec<_> =
        parameters.tensors().iter().map(|tensor| tensor.layout().clone()).collect();
    let mut bytes = header(&layouts);
    bytes.reserve(parameters.value_count() * VALUE_BYTES);
    for tensor in parameters.tensors() {
        for value in tensor.values() {
            bytes.extend(value.to_le_bytes());
        }
    }
    bytes
}

/// Reads a model of the order; nothing is allocated before the size is known to be right.
///
/// # Errors
/// [`ModelError`]: every other file than the canonical one of finite weights, with the reason.
pub fn read_model(
    bytes: &[u8],
    specification: &OrderSpecification,
) -> Result<Parameters, ModelError> {
    let layouts = layout(specification)?;
    let header = header(&layouts);
    let values: usize = layouts.iter().map(TensorLayout::value_count).sum();
    let expected = header.len().saturating_add(values.saturating_mul(VALUE_BYTES));
    let max = expected.saturating_add(FOREIGN_BYTES_MAX);
    if bytes.len() > max {
        return Err(ModelError::TooLarge { byte_count: bytes.len(), max });
    }
    if !bytes.starts_with(&header) {
        return Err(diagnosis::diagnose(bytes, &header, &layouts));
    }
    if bytes.len() != expected {
        return Err(ModelError::WrongLength { expected, found: bytes.len() });
    }
    read_values(&bytes[header.len()..], specification, &layouts)
}

/// The root that commits to a model: BLAKE3 of its file.
pub fn model_root(bytes: &[u8]) -> ModelRoot {
    ModelRoot(blake3_tree::root(bytes))
}

/// Bytes of the canonical file of an order's model.
///
/// # Errors
/// [`Overflow`] when the sizes do not fit this machine.
pub fn model_byte_count(specification: &OrderSpecification) -> Result<usize, Overflow> {
    let layouts = layout(specification)?;
    let values: usize = layouts.iter().map(TensorLayout::value_count).sum();
    Ok(header(&layouts).len().saturating_add(values.saturating_mul(VALUE_BYTES)))
}

/// Length and header of the canonical file.
fn header(layouts: &[TensorLayout]) -> Vec<u8> {
    let mut offset = 0;
    let entries: Vec<String> = layouts
        .iter()
        .map(|TensorLayout { name, shape, .. }| {
            let start = offset;
            offset += shape.iter().product::<usize>() * VALUE_BYTES;
            let sides: Vec<_> = shape.iter().map(ToString::to_string).collect();
            let shape = sides.join(",");
            format!(
                r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{offset}]}}"#
            )
        })
        .collect();
    let mut json = format!("{{{}}}", entries.join(","));
    while json.len() % LENGTH_BYTES > 0 {
        json.push(' ');
    }
    // usize has at most 64 bits on every platform of Rust.
    let length = u64::try_from(json.len()).unwrap_or(u64::MAX);
    [length.to_le_bytes().as_slice(), json.as_bytes()].concat()
}

fn read_values(
    bytes: &[u8],
    specification: &OrderSpecification,
    layouts: &[TensorLayout],
) -> Result<Parameters, ModelError> {
    let (words, _) = bytes.as_chunks::<VALUE_BYTES>();
    let mut values = words.iter().map(|word| f32::from_le_bytes(*word));
    let mut tensors = Vec::with_capacity(layouts.len());
    for layout in layouts {
        let tensor: Vec<f32> = values.by_ref().take(layout.value_count()).collect();
        if let Some(index) = tensor.iter().position(|value| !value.is_finite()) {
            let (name, value) = (layout.name.clone(), tensor[index]);
            return Err(ModelError::NotFinite { name, index, value });
        }
        tensors.push(tensor);
    }
    Parameters::new(specification, tensors).map_err(|source| match source {
        ParametersError::Overflow(overflow) => ModelError::Overflow(overflow),
        // The length was checked, so a count that differs can only be a length that differs.
        ParametersError::TensorCount { expected, found }
        | ParametersError::ValueCount { expected, found, .. } => {
            ModelError::WrongLength { expected, found }
        }
    })
}

#[cfg(test)]
mod tests;
