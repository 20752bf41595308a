//! The header of a model file, which the order fixes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::order::OrderSpecification;
use crate::order::cost::Overflow;
use crate::order::tensors::{Tensor, base_tensors, tensors};

/// Bytes of the length before the header, and the alignment of what follows the header.
///
/// # Source
/// The safetensors format.
const LENGTH_BYTES: usize = 8;
/// Bytes of one f32.
pub(super) const VALUE_BYTES: u64 = 4;

/// The bytes that stand before the values of every canonical model file of an order: the length of the
/// header, and the header itself.
///
/// # Errors
/// [`Overflow`] when the sizes do not fit into 64 bits.
///
/// # Source
/// The safetensors format: JSON without spaces, tensors sorted by name, filled up with spaces to a multiple
/// of 8.
pub fn model_header(specification: &OrderSpecification) -> Result<Vec<u8>, Overflow> {
    header(&tensors(specification)?)
}

/// As [`model_header`], of the base file of an order.
///
/// # Errors
/// [`Overflow`] when the sizes do not fit into 64 bits.
pub fn base_header(specification: &OrderSpecification) -> Result<Vec<u8>, Overflow> {
    header(&base_tensors(specification)?)
}

fn header(tensors: &[Tensor]) -> Result<Vec<u8>, Overflow> {
    let mut end = 0_u64;
    let mut entries: Vec<String> = Vec::new();
    for tensor in tensors {
        let start = end;
        let bytes = tensor.value_count().and_then(|count| count.checked_mul(VALUE_BYTES));
        end = bytes
            .and_then(|bytes| start.checked_add(bytes))
            .ok_or(Overflow { quantity: "bytes of the model" })?;
        let sides: Vec<String> = tensor.shape.iter().map(|side| format!("{side}")).collect();
        let (name, shape) = (&tensor.name, sides.join(","));
        entries.push(format!(
            r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{end}]}}"#
        ));
    }
    let mut json = format!("{{{}}}", entries.join(","));
    while json.len().checked_rem(LENGTH_BYTES) != Some(0) {
        json.push(' ');
    }
    // usize has at most 64 bits on every platform of Rust.
    let length = u64::try_from(json.len()).unwrap_or(u64::MAX);
    Ok([length.to_le_bytes().as_slice(), json.as_bytes()].concat())
}
