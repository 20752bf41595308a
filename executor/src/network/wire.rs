//! Bytes of the artefact protocol: one request, one response, each bounded before it is decoded.
//!
//! Both are SCALE enums. `encoded` in a response is a range with its hashes as made by
//! [`encode_range`](crate::store::artefacts::encode_range); it is checked by
//! [`decode_range`](crate::store::artefacts::decode_range) when it arrives.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use parity_scale_codec::{Decode, DecodeAll, Encode, Error as CodecError};

use crate::store::artefacts::ContentHash;

/// Longest range asked for at once: small enough that eight of them in flight for each of a
/// hundred peers fit in memory, large enough that hashes are a twentieth of the traffic at most.
pub const RANGE_BYTES_MAX: u64 = 256 << 10;

/// Longest encoded request: variant, hash, start, length.
pub const REQUEST_BYTES_MAX: usize = 1 + 32 + 8 + 8;

/// A chunk of the BLAKE3 tree.
const CHUNK_BYTES: u64 = 1 << 10;

/// Two hashes, for each inner node of the tree that is sent along.
const PAIR_BYTES: u64 = 64;

/// A range touches at most this many chunks, being cut at both ends.
const RANGE_CHUNKS_MAX: u64 = RANGE_BYTES_MAX / CHUNK_BYTES + 2;

/// Inner nodes within the range, and on the way down to both its ends (a tree of 2^64 bytes).
const RANGE_PAIRS_MAX: u64 = RANGE_CHUNKS_MAX + 2 * 64;

/// Longest encoded range.
pub const ENCODED_BYTES_MAX: u64 = RANGE_CHUNKS_MAX * CHUNK_BYTES + RANGE_PAIRS_MAX * PAIR_BYTES;

/// Longest encoded response: variant, total length, length prefix (at most 4 bytes below 2^30),
/// encoded range. Below 2^30, so no cast truncates, as asserted right below.
pub const RESPONSE_BYTES_MAX: usize = 1 + 8 + 4 + ENCODED_BYTES_MAX as usize;

const _: () = assert!(ENCODED_BYTES_MAX < 1 << 30);

/// What one peer asks another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ArtefactRequest {
    /// Do you have this artefact?
    #[codec(index = 0)]
    Have {
        /// Its name.
        hash: ContentHash,
    },
    /// Send me this range of it.
    #[codec(index = 1)]
    Range {
        /// Its name.
        hash: ContentHash,
        /// First byte.
        start: u64,
        /// How many bytes, at most [`RANGE_BYTES_MAX`]; none only of an empty artefact.
        length: u64,
    },
}

/// What the other peer answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ArtefactResponse {
    /// I do not have it, or not such a range of it.
    #[codec(index = 0)]
    NotFound,
    /// Ask me again later.
    #[codec(index = 1)]
    Busy,
    /// I have it, and it is this long. Proven only by its last range.
    #[codec(index = 2)]
    Have {
        /// Length of the artefact.
        total_bytes: u64,
    },
    /// Here is the range.
    #[codec(index = 3)]
    Range {
        /// Length of the artefact.
        total_bytes: u64,
        /// The range with its hashes.
        encoded: Vec<u8>,
    },
}

/// Why bytes are no request or no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than any valid message.
    #[error("message has {bytes} bytes or more, at most {bytes_max} are accepted")]
    TooLong {
        /// How many bytes were read.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not the encoding of anything.
    #[error("message of {bytes} bytes does not decode: {source}")]
    Malformed {
        /// How many bytes there are.
        bytes: usize,
        /// What the decoder said.
        source: CodecError,
    },
    /// A longer range than is ever asked for.
    #[error("range of {length} bytes asked for, at most {length_max} are sent at once")]
    RangeTooLong {
        /// How many bytes were asked for.
        length: u64,
        /// The limit, [`RANGE_BYTES_MAX`].
        length_max: u64,
    },
    /// The end of the range is no number.
    #[error("range of {length} bytes at {start} ends beyond 2^64")]
    RangeOverflows {
        /// First byte asked for.
        start: u64,
        /// How many bytes were asked for.
        length: u64,
    },
}

/// Decodes a request from a stranger.
///
/// # Errors
/// [`WireError`] for whatever is not a request within the bounds; no input makes it panic.
pub fn decode_request(bytes: &[u8]) -> Result<ArtefactRequest, WireError> {
    let request = decode_bounded(bytes, REQUEST_BYTES_MAX)?;
    if let ArtefactRequest::Range { start, length, .. } = request {
        if length > RANGE_BYTES_MAX {
            return Err(WireError::RangeTooLong { length, length_max: RANGE_BYTES_MAX });
        }
        if start.checked_add(length).is_none() {
            return Err(WireError::RangeOverflows { start, length });
        }
    }
    Ok(request)
}

/// Decodes a response from a stranger. An encoded range in it is not checked yet.
///
/// # Errors
/// [`WireError`] for whatever is not a response within the bounds; no input makes it panic.
pub fn decode_response(bytes: &[u8]) -> Result<ArtefactResponse, WireError> {
    decode_bounded(bytes, RESPONSE_BYTES_MAX)
}

fn decode_bounded<Message: Decode>(bytes: &[u8], bytes_max: usize) -> Result<Message, WireError> {
    if bytes.len() > bytes_max {
        return Err(WireError::TooLong { bytes: bytes.len(), bytes_max });
    }
    let mut remaining = bytes;
    Message::decode_all(&mut remaining)
        .map_err(|source| WireError::Malformed { bytes: bytes.len(), source })
}

#[cfg(test)]
mod tests;
