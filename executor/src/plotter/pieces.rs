//! Where the pieces of a sector come from: a cluster's caches and controller.

mod cluster;
mod collection;

use std::fmt;

use aipot_kernels::plotting::{Piece, PieceError};
use async_trait::async_trait;

pub(super) use cluster::ClusterPieces;

use super::requests::RequestError;

/// Gives pieces.
#[async_trait]
pub trait PieceSource: fmt::Debug + Send + Sync {
    /// All these pieces, in this order; an index may stand there more than once.
    ///
    /// # Errors
    /// [`PieceSourceError`]: one of them cannot be had.
    async fn fetch(&self, piece_indexes: &[u64]) -> Result<Vec<Piece>, PieceSourceError>;
}

/// Why pieces cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PieceSourceError {
    /// Nobody who was asked has them.
    #[error("{count} pieces are missing, the first is {piece_index}")]
    Missing {
        /// How many.
        count: usize,
        /// The first of them.
        piece_index: u64,
    },
    /// Somebody who was asked did not answer, and nobody else has the piece.
    #[error("{count} pieces are missing, the first is {piece_index}")]
    Unanswered {
        /// How many.
        count: usize,
        /// The first of them.
        piece_index: u64,
        /// What happened when it was asked for.
        source: RequestError,
    },
    /// What was given as a piece is none, and nobody gave a better one.
    #[error("what was given as piece {piece_index} is not a piece")]
    NotAPiece {
        /// The piece.
        piece_index: u64,
        /// What is wrong.
        source: PieceError,
    },
    /// Another piece was given than was asked for, and nobody gave the right one.
    #[error("piece {given} was given for piece {piece_index}")]
    OtherPiece {
        /// The piece that was asked for.
        piece_index: u64,
        /// The piece that was given.
        given: u64,
    },
    /// A piece was given that nobody asked for, while others are missing.
    #[error("piece {given}, which nobody asked for, was given, and piece {piece_index} was not")]
    Unasked {
        /// A piece that is missing.
        piece_index: u64,
        /// The piece that was given.
        given: u64,
    },
}
