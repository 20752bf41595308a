//! What a node and those who work for it say to each other: over the pipes of a child process, or through
//! the streams of a NATS server.
//!
//! A message is a version and its SCALE encoding. Its length is checked before anything is decoded, and a
//! message that is accepted is exactly the encoding of what it is decoded to.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

mod failure;
mod frames;
mod messages;

pub use failure::Failure;
pub use frames::{FRAME_BYTES_MAX, FrameError, read_frame, write_frame};
pub use messages::{
    Blob, CheckpointPlace, DataFile, FromWorker, Job, JobId, Limits, Purpose, ToWorker,
};

use parity_scale_codec::{Decode, DecodeAll, Encode};

/// The version of all messages; both sides must speak the same.
pub const PROTOCOL_VERSION: u16 = 1;

/// Longest message: a specification fits into a call of 16 KiB, and paths have at most 4 KiB.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Bytes of the version at the beginning of each message.
const VERSION_BYTES: usize = 2;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// More bytes than a message can have.
    #[error("a message of {bytes} bytes, at most {MESSAGE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// Another version of the program.
    #[error("a message of version {found}, this program speaks version {PROTOCOL_VERSION}")]
    Version {
        /// The version of the message.
        found: u16,
    },
    /// A job under the name of another one.
    #[error("the job {job} lies where another one belongs")]
    Misplaced {
        /// What it says that it is.
        job: String,
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

/// The bytes of a message.
///
/// # Errors
/// [`WireError::TooLong`] when nobody would accept it.
pub fn encode(message: &impl Encode) -> Result<Vec<u8>, WireError> {
    let mut bytes = PROTOCOL_VERSION.to_le_bytes().to_vec();
    message.encode_to(&mut bytes);
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::TooLong { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Reads a job.
///
/// # Errors
/// [`WireError`] when it is none.
pub fn decode_job(bytes: &[u8]) -> Result<Job, WireError> {
    decode("a job", bytes)
}

/// Reads what a worker is told.
///
/// # Errors
/// [`WireError`] when it is no such message.
pub fn decode_to_worker(bytes: &[u8]) -> Result<ToWorker, WireError> {
    decode("a message to a worker", bytes)
}

/// Reads what a worker says.
///
/// # Errors
/// [`WireError`] when it is no such message.
pub fn decode_from_worker(bytes: &[u8]) -> Result<FromWorker, WireError> {
    decode("a message of a worker", bytes)
}

fn decode<T: Decode>(message: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::TooLong { bytes: bytes.len() });
    }
    let undecodable = |source| WireError::Undecodable { message, bytes: bytes.len(), source };
    let (version, mut body) = bytes
        .split_first_chunk::<VERSION_BYTES>()
        .ok_or_else(|| undecodable("the version is missing".into()))?;
    let found = u16::from_le_bytes(*version);
    if found != PROTOCOL_VERSION {
        return Err(WireError::Version { found });
    }
    T::decode_all(&mut body).map_err(undecodable)
}

#[cfg(test)]
mod tests;
