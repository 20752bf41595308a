//! The erasure code of records: a polynomial over the scalar field of BLS12-381 takes the source chunks as
//! its values at the even powers of a root of unity; its values at the odd powers are the parity chunks.
//! Any half of all chunks gives back the rest.

pub mod device;
mod recovery;
mod scalar;
mod transform;

use std::sync::LazyLock;

use rayon::prelude::*;
use thiserror::Error;

pub use recovery::recover;
pub use scalar::{SCALAR_BYTES, Scalar};

use transform::{Domain, powers, reversed};

/// Source chunks of a record, as a power of two.
const RECORD_LOG_CHUNKS: u32 = 15;

/// Most source chunks that are extended, as a power of two: a bound, not a need.
const LOG_CHUNKS_MAX: u32 = 20;

/// Chunks that one task reads or writes.
const TASK_CHUNKS: usize = 1 << 10;

/// Why chunks cannot be extended or recovered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ErasureError {
    /// The number of chunks is no power of two.
    #[error("{bytes} bytes are no power of two of 32-byte chunks from 2 to 2^20")]
    Length {
        /// Bytes that were given.
        bytes: usize,
    },
    /// There is not as much room for parity as there is source.
    #[error("{source_bytes} bytes of source need as many of parity, not {parity_bytes}")]
    ParityLength {
        /// Bytes of the source chunks.
        source_bytes: usize,
        /// Bytes given for the parity chunks.
        parity_bytes: usize,
    },
    /// A chunk is no scalar.
    #[error("chunk {chunk} is not below the order of the scalar field of BLS12-381")]
    NotCanonical {
        /// Position of the chunk.
        chunk: usize,
    },
    /// The known chunks are not of one polynomial.
    #[error("the {known} known chunks contradict each other")]
    Contradiction {
        /// Chunks that are known.
        known: usize,
    },
    /// More than half of the chunks are missing.
    #[error("{known} chunks are known, {needed} are needed")]
    TooFew {
        /// Chunks that are known.
        known: usize,
        /// Chunks that are needed.
        needed: usize,
    },
}

/// The tables for one number of source chunks.
#[derive(Debug)]
struct Code {
    domain: Domain,
    /// `w^i / size` at the place of coefficient `i`, where `w` is the root of the extended domain.
    shift: Vec<Scalar>,
}

impl Code {
    fn new(log_chunks: u32) -> Self {
        let domain = Domain::new(log_chunks);
        let ordered = powers(Scalar::root_of_unity(log_chunks + 1), domain.size());
        let share = Scalar::from_integer(domain.size() as u64).inverse();
        let place = |index| ordered[reversed(index, log_chunks)] * share;
        Self { shift: (0..domain.size()).map(place).collect(), domain }
    }

    /// Values at the even points into values at the odd points.
    fn extend(&self, values: &mut [Scalar]) {
        self.domain.interpolate(values);
        values.par_iter_mut().with_min_len(TASK_CHUNKS).zip(&self.shift).for_each(
            |(value, shift)| {
                *value = *value * *shift;
            },
        );
        self.domain.evaluate(values);
    }
}

static RECORD_CODE: LazyLock<Code> = LazyLock::new(|| Code::new(RECORD_LOG_CHUNKS));

/// Computes the parity chunks of source chunks: as extended chunk `2 i` is source chunk `i`, extended chunk
/// `2 i + 1` is parity chunk `i`.
///
/// # Shapes
/// `[chunks, 32]` bytes both, each chunk a big-endian scalar; `chunks` is a power of two from 2 on.
///
/// # Errors
/// [`ErasureError::Length`], [`ErasureError::ParityLength`] for other shapes;
/// [`ErasureError::NotCanonical`] for a chunk that is no scalar.
///
/// # Source
/// Buterin, "A note on data availability and erasure coding" (2018); `das_fft_extension` of the KZG
/// libraries.
pub fn extend(source: &[u8], parity: &mut [u8]) -> Result<(), ErasureError> {
    let log_chunks = log_chunks(source.len())?;
    if parity.len() != source.len() {
        return Err(ErasureError::ParityLength {
            source_bytes: source.len(),
            parity_bytes: parity.len(),
        });
    }
    let mut values = read_scalars(source)?;
    if log_chunks == RECORD_LOG_CHUNKS {
        RECORD_CODE.extend(&mut values);
    } else {
        Code::new(log_chunks).extend(&mut values);
    }
    let (chunks, _) = parity.as_chunks_mut::<SCALAR_BYTES>();
    let chunks = chunks.par_iter_mut().with_min_len(TASK_CHUNKS);
    chunks.zip(values).for_each(|(chunk, value)| *chunk = value.to_bytes());
    Ok(())
}

/// Computes one parity chunk from the source chunks alone, by the barycentric formula.
///
/// # Shapes
/// As [`extend`]; `index` is below the number of source chunks.
///
/// # Errors
/// As [`extend`].
///
/// # Source
/// Berrut, Trefethen, "Barycentric Lagrange Interpolation" (2004), for roots of unity: at a point `x` the
/// polynomial is `(x^n - 1) / n` times the sum of `value_i w_i / (x - w_i)`, and `x^n = -1` at odd points.
pub fn parity_chunk(source: &[u8], index: usize) -> Result<[u8; SCALAR_BYTES], ErasureError> {
    let log_chunks = log_chunks(source.len())?;
    let values = read_scalars(source)?;
    let root = Scalar::root_of_unity(log_chunks + 1);
    let points = powers(root * root, values.len());
    let at = points[index % values.len()] * root;
    let distances: Vec<Scalar> = points.iter().map(|&point| at - point).collect();
    let terms = values.iter().zip(&points).zip(inverses(&distances));
    let sum =
        terms.fold(Scalar::ZERO, |sum, ((&value, &point), inverse)| sum + value * point * inverse);
    let factor = Scalar::from_integer(2) * Scalar::from_integer(values.len() as u64).inverse();
    Ok((Scalar::ZERO - sum * factor).to_bytes())
}

/// Inverses of values of which none is zero, with one inversion for all.
fn inverses(values: &[Scalar]) -> Vec<Scalar> {
    let mut product = Scalar::ONE;
    let mut inverses = Vec::with_capacity(values.len());
    for &value in values {
        inverses.push(product);
        product = product * value;
    }
    let mut rest = product.inverse();
    for (inverse, &value) in inverses.iter_mut().zip(values).rev() {
        *inverse = *inverse * rest;
        rest = rest * value;
    }
    inverses
}

/// The number of source chunks, as a power of two.
fn log_chunks(bytes: usize) -> Result<u32, ErasureError> {
    let chunks = bytes / SCALAR_BYTES;
    let is_allowed = bytes.is_multiple_of(SCALAR_BYTES)
        && chunks.is_power_of_two()
        && (1..=LOG_CHUNKS_MAX).contains(&chunks.ilog2());
    if is_allowed { Ok(chunks.ilog2()) } else { Err(ErasureError::Length { bytes }) }
}

/// Reads whole chunks.
fn read_scalars(bytes: &[u8]) -> Result<Vec<Scalar>, ErasureError> {
    let (chunks, _) = bytes.as_chunks::<SCALAR_BYTES>();
    let read = |(chunk, bytes): (usize, &[u8; SCALAR_BYTES])| {
        Scalar::from_bytes(bytes).ok_or(ErasureError::NotCanonical { chunk })
    };
    chunks.par_iter().with_min_len(TASK_CHUNKS).enumerate().map(read).collect()
}

#[cfg(test)]
mod tests;
