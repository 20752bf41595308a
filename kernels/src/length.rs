//! The one check that buffers handed to a kernel are as long as its sizes say.

use thiserror::Error;

/// A buffer is not as long as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{name} has {actual} values, not {expected}")]
pub struct LengthError {
    /// Which buffer.
    pub name: &'static str,
    /// Values it must have; `usize::MAX` when the number is no `usize`.
    pub expected: usize,
    /// Values it has.
    pub actual: usize,
}

/// Compares the length of a buffer with the one it must have.
pub(crate) fn check(name: &'static str, actual: usize, expected: usize) -> Result<(), LengthError> {
    if actual == expected { Ok(()) } else { Err(LengthError { name, expected, actual }) }
}

/// The product of sizes; `usize::MAX`, which no buffer has, when it is no `usize`.
pub(crate) fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, size| product.saturating_mul(*size))
}
