//! The base file of an order: weights that stay as they are, or from which a model starts.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::tensors::base_tensors;
use aipot_domain_runtime::program::base_header;

use crate::engine::EngineError;

/// The tensors of a base file, in its order.
///
/// # Errors
/// [`EngineError::NoBase`] when the file is not that of the order's shapes, byte for byte before the
/// values.
pub(crate) fn read_base(
    specification: &OrderSpecification,
    file: &[u8],
) -> Result<Vec<Vec<f32>>, EngineError> {
    let overflow = |_| EngineError::Overflow { quantity: "the base" };
    let header = base_header(specification).map_err(overflow)?;
    let mut values = file.strip_prefix(header.as_slice()).ok_or(EngineError::NoBase)?;
    let mut tensors = Vec::new();
    for tensor in base_tensors(specification).map_err(overflow)? {
        let count = tensor.value_count().and_then(|count| usize::try_from(count).ok());
        let bytes = count.and_then(|count| count.checked_mul(size_of::<f32>()));
        let (here, further) =
            bytes.and_then(|bytes| values.split_at_checked(bytes)).ok_or(EngineError::NoBase)?;
        let (words, _) = here.as_chunks::<{ size_of::<f32>() }>();
        tensors.push(words.iter().map(|word| f32::from_le_bytes(*word)).collect());
        values = further;
    }
    if values.is_empty() { Ok(tensors) } else { Err(EngineError::NoBase) }
}
