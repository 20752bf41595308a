//! Base files: the weights that an order starts from or builds upon, in canonical safetensors form.
//!
//! The order fixes names and shapes, hence the header; a file of another family is refused at the first
//! tensor that differs, before anything is trained.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::order::network::network;
use aipot_domain_runtime::order::tensors::{Tensor, base_tensors};
use aipot_domain_runtime::primitives::DataRoot;
use aipot_domain_runtime::program::base_header;
use aipot_kernels::blake3_tree;
use thiserror::Error;

/// Bytes of one f32.
const VALUE_BYTES: usize = 4;
/// Bytes of the length before the header.
const LENGTH_BYTES: usize = 8;
/// Most bytes of a header that are shown to people.
const SHOWN_BYTES: usize = 64;

/// Why bytes are not the base of an order.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum BaseError {
    /// The order's own sizes do not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The file is another one.
    #[error("the base file is blake3:{found}, the order's is blake3:{expected}")]
    WrongFile {
        /// Root in the order.
        expected: DataRoot,
        /// Root of the bytes.
        found: DataRoot,
    },
    /// The header is that of another model.
    #[error(
        "the base file differs from the order at byte {offset}, before the end of tensor {tensor}: \
         expected {expected:?}, found {found:?}"
    )]
    WrongTensor {
        /// The first tensor that differs.
        tensor: String,
        /// First byte that differs.
        offset: usize,
        /// What stands there in the canonical header.
        expected: String,
        /// What stands there in the file.
        found: String,
    },
    /// The file is not as long as the canonical one.
    #[error("the base file has {found} bytes, its canonical form has {expected}")]
    WrongLength {
        /// Canonical length.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// Tensors were given that are not those of the order.
    #[error("tensor {tensor} has {expected} values, {found} were given")]
    WrongCount {
        /// The tensor.
        tensor: String,
        /// Values in the order.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// A weight is infinite or not a number.
    #[error("value {index} of tensor {tensor} is {value}, allowed are finite values")]
    NotFinite {
        /// The tensor.
        tensor: String,
        /// Index of the value in the tensor.
        index: usize,
        /// The value.
        value: String,
    },
}

/// The weights of a base file.
#[derive(Clone, PartialEq, Debug)]
pub enum Base {
    /// They stay as they are, and the order trains others.
    Frozen(Vec<Vec<f32>>),
    /// The model starts with them.
    Start(Vec<Vec<f32>>),
}

/// Writes the base file of an order.
///
/// # Errors
/// [`BaseError::WrongCount`] or [`BaseError::NotFinite`] when the values are not those of a base.
pub fn write_base(
    specification: &OrderSpecification,
    values: &[Vec<f32>],
) -> Result<Vec<u8>, BaseError> {
    let tensors = base_tensors(specification)?;
    let mut bytes = base_header(specification)?;
    for (place, tensor) in tensors.iter().enumerate() {
        let given = values.get(place).map_or(&[][..], Vec::as_slice);
        let expected = value_count(tensor)?;
        if given.len() != expected {
            let (tensor, found) = (tensor.name.clone(), given.len());
            return Err(BaseError::WrongCount { tensor, expected, found });
        }
        check_finite(tensor, given)?;
        bytes.extend(given.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(bytes)
}

/// Reads the base file of an order and checks that it is the very file of the order; `None` where the
/// order has no base.
///
/// # Errors
/// As [`read_base`], and [`BaseError::WrongFile`].
pub fn read_own_base(
    bytes: &[u8],
    specification: &OrderSpecification,
) -> Result<Option<Base>, BaseError> {
    let base = read_base(bytes, specification)?;
    let found = DataRoot(blake3_tree::root(bytes));
    match specification.model.base {
        Some(file) if file.root != found => {
            Err(BaseError::WrongFile { expected: file.root, found })
        }
        Some(_) | None => Ok(base),
    }
}

/// Reads a base file of an order's form; `None` where the order has no base.
///
/// # Errors
/// [`BaseError`] for a file of another form, and for weights that are not finite.
pub fn read_base(
    bytes: &[u8],
    specification: &OrderSpecification,
) -> Result<Option<Base>, BaseError> {
    if specification.model.base.is_none() {
        return Ok(None);
    }
    check_base(bytes, specification)?;
    let header = base_header(specification)?;
    let (words, _) = bytes[header.len()..].as_chunks::<VALUE_BYTES>();
    let mut values = words.iter().map(|word| f32::from_le_bytes(*word));
    let mut tensors = Vec::new();
    for tensor in base_tensors(specification)? {
        let read: Vec<f32> = values.by_ref().take(value_count(&tensor)?).collect();
        check_finite(&tensor, &read)?;
        tensors.push(read);
    }
    let misfit = |_| Overflow { quantity: "layers of the model" };
    let network = network(specification).map_err(misfit)?;
    let is_frozen = network.is_some_and(|network| !network.base.is_empty());
    Ok(Some(if is_frozen { Base::Frozen(tensors) } else { Base::Start(tensors) }))
}

/// Checks header and length of a base file, whatever its root.
///
/// # Errors
/// [`BaseError::WrongTensor`] for the first tensor that differs, or [`BaseError::WrongLength`].
pub fn check_base(bytes: &[u8], specification: &OrderSpecification) -> Result<(), BaseError> {
    let header = base_header(specification)?;
    let tensors = base_tensors(specification)?;
    let same = header.iter().zip(bytes).take_while(|(left, right)| left == right).count();
    if same < header.len() {
        let shown = |bytes: &[u8]| {
            let shown = bytes.get(same..).unwrap_or_default();
            String::from_utf8_lossy(&shown[..shown.len().min(SHOWN_BYTES)]).into_owned()
        };
        let (expected, found) = (shown(&header), shown(bytes));
        let tensor = tensor_at(&header, same.max(LENGTH_BYTES), &tensors);
        return Err(BaseError::WrongTensor { tensor, offset: same, expected, found });
    }
    let mut expected = header.len();
    for tensor in &tensors {
        let byte_count = value_count(tensor)?.saturating_mul(VALUE_BYTES);
        expected = expected.saturating_add(byte_count);
    }
    if bytes.len() == expected {
        return Ok(());
    }
    Err(BaseError::WrongLength { expected, found: bytes.len() })
}

/// The tensor whose entry in the header a place is in.
fn tensor_at(header: &[u8], place: usize, tensors: &[Tensor]) -> String {
    let ends = header.iter().enumerate().filter(|(_, byte)| **byte == b'}');
    let passed = ends.filter(|(end, _)| *end < place).count();
    tensors.get(passed).or(tensors.last()).map_or_else(String::new, |tensor| tensor.name.clone())
}

fn check_finite(tensor: &Tensor, values: &[f32]) -> Result<(), BaseError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(BaseError::NotFinite {
            tensor: tensor.name.clone(),
            index,
            value: values[index].to_string(),
        }),
    }
}

fn value_count(tensor: &Tensor) -> Result<usize, Overflow> {
    let count = tensor.value_count().and_then(|count| usize::try_from(count).ok());
    count.ok_or(Overflow { quantity: "values of a tensor" })
}

#[cfg(test)]
mod tests;
