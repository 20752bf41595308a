//! A piece of the archived history, as it comes from strangers.

use thiserror::Error;

use super::{CHUNK_BYTES, PIECE_BYTES, RECORD_BYTES};
use crate::erasure_code::Scalar;

/// Why bytes are no piece.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PieceError {
    /// The wrong number of bytes.
    #[error("a piece has 1048672 bytes, not {bytes}")]
    Length {
        /// How many there were.
        bytes: usize,
    },
    /// A chunk of its record is no scalar.
    #[error("chunk {chunk} is not below the order of the scalar field of BLS12-381")]
    NotCanonical {
        /// Position of the chunk.
        chunk: usize,
    },
}

/// A piece of the right length whose record is made of scalars.
///
/// Whether it is the piece that it is said to be, only its witness shows, which takes the network's setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece(Vec<u8>);

impl Piece {
    /// Takes bytes that are a piece.
    ///
    /// # Errors
    /// [`PieceError`]: they are not.
    pub fn new(bytes: Vec<u8>) -> Result<Self, PieceError> {
        Self::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Whether bytes are a piece.
    ///
    /// # Errors
    /// [`PieceError`]: why they are not.
    pub fn check(bytes: &[u8]) -> Result<(), PieceError> {
        if bytes.len() != PIECE_BYTES {
            return Err(PieceError::Length { bytes: bytes.len() });
        }
        let (chunks, _) = bytes[..RECORD_BYTES].as_chunks::<CHUNK_BYTES>();
        match chunks.iter().position(|chunk| !Scalar::is_canonical(chunk)) {
            Some(chunk) => Err(PieceError::NotCanonical { chunk }),
            None => Ok(()),
        }
    }

    /// Its bytes: record, commitment, witness.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
