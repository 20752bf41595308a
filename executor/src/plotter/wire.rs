//! The messages of a farming cluster, as its plotters, controllers and caches exchange them over NATS.
//!
//! Everything that comes in has a bound that is checked before anything is allocated for it, and a message
//! that is accepted is exactly the encoding of what it is decoded to.
//!
//! # Source
//! autonomys/subspace 72a5aa6f, `subspace-farmer/src/cluster/{plotter,nats_client,controller,cache}.rs`.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

mod piece_messages;
mod plotting_messages;
mod subjects;

pub use piece_messages::{
    CacheId, CachedPiece, FindPieceRequest, FindPiecesRequest, FoundPiece, PieceBytes,
    PieceRequest, ReadPieceRequest, ReadPiecesRequest, ReadPiecesResponse, decode_find_pieces,
    decode_found_piece, decode_found_pieces, decode_piece, decode_pieces, decode_read_piece,
    decode_read_pieces,
};
pub use plotting_messages::{
    PlotSectorRequest, PlottingResponse, ReportedSector, decode_free_instance, decode_plot_sector,
    decode_plotting,
};
pub use subjects::{
    ANY_CACHE_GROUP, FREE_INSTANCE, PIECE, PIECES, PLOTTER_QUEUE, acknowledgement_inbox,
    find_piece_in_cache, find_pieces_in_cache, plot_sector, read_piece, read_pieces,
    response_inbox,
};

use parity_scale_codec::{Decode, DecodeAll, Encode};

/// Most bytes of a message that we look at: a server may allow more, but no message needs it.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Bytes of an acknowledgement: the index of a message.
const ACKNOWLEDGEMENT_BYTES: usize = 4;

/// Why bytes are not the message that they should be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// More bytes than the message can have.
    #[error("{message} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Which message.
        message: &'static str,
        /// Its bytes.
        bytes: usize,
        /// Most bytes that it can have.
        bytes_max: usize,
    },
    /// Bytes that encode nothing of the kind.
    #[error("{message} of {bytes} bytes cannot be decoded")]
    Undecodable {
        /// Which message.
        message: &'static str,
        /// Its bytes.
        bytes: usize,
        /// Where decoding failed.
        source: parity_scale_codec::Error,
    },
}

/// One message of a stream of responses.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StreamMessage<R> {
    /// More will follow.
    #[codec(index = 0)]
    Continue {
        /// Its place in the stream, from 0 on.
        index: u32,
        /// What it carries, at least one.
        responses: Vec<R>,
        /// Where it is to be acknowledged.
        acknowledgement_subject: String,
    },
    /// Nothing follows.
    #[codec(index = 1)]
    Last {
        /// Its place in the stream.
        index: u32,
        /// What it carries, at least one.
        responses: Vec<R>,
    },
}

impl<R> StreamMessage<R> {
    /// Its place in the stream.
    pub fn index(&self) -> u32 {
        match self {
            Self::Continue { index, .. } | Self::Last { index, .. } => *index,
        }
    }

    /// What it carries.
    pub fn responses(self) -> Vec<R> {
        match self {
            Self::Continue { responses, .. } | Self::Last { responses, .. } => responses,
        }
    }
}

/// The acknowledgement of a message.
pub fn encode_acknowledgement(index: u32) -> Vec<u8> {
    index.to_le_bytes().to_vec()
}

/// Reads the index of the message that is acknowledged.
///
/// # Errors
/// [`WireError`] for anything but four bytes.
pub fn decode_acknowledgement(bytes: &[u8]) -> Result<u32, WireError> {
    decode_exact("an acknowledgement", bytes, ACKNOWLEDGEMENT_BYTES)
}

/// Decodes a whole message of at most `bytes_max` bytes.
fn decode_exact<T: Decode>(
    message: &'static str,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<T, WireError> {
    if bytes.len() > bytes_max {
        return Err(WireError::TooLong { message, bytes: bytes.len(), bytes_max });
    }
    T::decode_all(&mut &*bytes).map_err(|source| WireError::Undecodable {
        message,
        bytes: bytes.len(),
        source,
    })
}

#[cfg(test)]
mod tests;
