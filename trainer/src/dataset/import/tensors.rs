//! safetensors files: the length of a header, the header as JSON, the tensors.

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::array::{ELEMENTS, Element, Kind};
use super::{Array, ImportError, Input, Place, Problem};

/// Longest header that is read: some ten thousand tensors.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Opens a tensor of a safetensors file by its name.
///
/// # Errors
/// [`ImportError`] when the header is none, when the tensor is not in it or is of another type, and when the
/// file is shorter or longer than the header says.
pub fn read_tensor(mut input: Input, tensor: &str) -> Result<Array, ImportError> {
    let mut length = [0; 8];
    input.header(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_BYTES_MAX {
        let problem = Problem::TooLong { found: length, max: HEADER_BYTES_MAX };
        return Err(input.error(Place::Offset(0), problem));
    }
    let mut header = vec![0; usize::try_from(length).unwrap_or_default()];
    input.header(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|source| input.error(Place::Key("header".to_owned()), Problem::Json { source }))?;
    let start = length.saturating_add(8);
    let data_bytes = u64::try_from(metadata.data_len()).unwrap_or(u64::MAX);
    let left = input.byte_count().saturating_sub(start);
    if data_bytes > left {
        let problem = Problem::Truncated { expected: data_bytes, found: left };
        return Err(input.error(Place::Offset(start), problem));
    }
    if data_bytes < left {
        let behind = start.saturating_add(data_bytes);
        return Err(input.error(Place::Offset(behind), Problem::Trailing));
    }
    let key = || Place::Key(tensor.to_owned());
    let Some(found) = metadata.info(tensor) else {
        let available = metadata.offset_keys();
        return Err(input.error(key(), Problem::Missing { available }));
    };
    let Some(kind) = kind(found.dtype) else {
        let found = found.dtype.to_string();
        return Err(input.error(key(), Problem::Element { found, allowed: ELEMENTS }));
    };
    let sides = found.shape.iter().map(|side| u64::try_from(*side).unwrap_or(u64::MAX));
    let offset = u64::try_from(found.data_offsets.0).unwrap_or(u64::MAX);
    input.seek(start.saturating_add(offset))?;
    let element = Element { kind, is_big_endian: false };
    Array::new(input.renamed(tensor), element, sides.collect(), false)
}

fn kind(found: Dtype) -> Option<Kind> {
    Some(match found {
        Dtype::U8 => Kind::Unsigned8,
        Dtype::U16 => Kind::Unsigned16,
        Dtype::U32 => Kind::Unsigned32,
        Dtype::I8 => Kind::Signed8,
        Dtype::I16 => Kind::Signed16,
        Dtype::I32 => Kind::Signed32,
        Dtype::I64 => Kind::Signed64,
        Dtype::F32 => Kind::Float32,
        Dtype::F64 => Kind::Float64,
        _ => return None,
    })
}
