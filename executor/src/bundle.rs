//! Bundles: signed calls packed for the chain, which orders them without understanding them.
//!
//! A bundle is the SCALE encoding of [`Bundle`]. The chain carries other people's bytes too, so
//! whatever is no bundle of this network is told apart by its first bytes, before anything is
//! allocated, and skipped by everybody alike.

use aipot_domain_runtime::call::CALL_BYTES_MAX;
use aipot_domain_runtime::primitives::GenesisHash;
use parity_scale_codec::{Compact, CompactLen, Decode, Encode};

use crate::chain::BUNDLE_BYTES_MAX;

/// First bytes of every bundle; the fifth is the version of the format.
const MARK: [u8; 5] = *b"aipb\x01";

/// Bytes before the calls: mark and network.
const HEADER_BYTES: usize = MARK.len() + 32;

/// Most calls in a bundle; with the smallest calls of some 110 bytes a full bundle has about as many.
pub const BUNDLE_CALLS_MAX: usize = 8192;

/// Bytes kept free for the count of calls, the longest compact number of [`BUNDLE_CALLS_MAX`].
const COUNT_BYTES_MAX: usize = 4;

/// Calls for one network, each in the encoding that its signer signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    network: GenesisHash,
    calls: Vec<Vec<u8>>,
    call_bytes: usize,
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Longer than the chain carries.
    #[error("bundle has {bytes} bytes, allowed at most {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// Longest allowed.
        bytes_max: usize,
    },
    /// The bytes are something else, or of another version.
    #[error("the {bytes} bytes do not begin like a bundle")]
    Foreign {
        /// How many bytes they are.
        bytes: usize,
    },
    /// The count of calls is missing or too large.
    #[error("bundle has no count of 1 to {count_max} calls")]
    CallCount {
        /// Most calls allowed.
        count_max: usize,
    },
    /// A call is empty, too long or cut off.
    #[error("call {index} of the bundle is cut off or does not have 1 to {bytes_max} bytes")]
    CallLength {
        /// Which call.
        index: usize,
        /// Longest allowed.
        bytes_max: usize,
    },
    /// Something follows the last call.
    #[error("{bytes} bytes follow the last call")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl Bundle {
    /// A bundle without calls.
    pub fn new(network: GenesisHash) -> Self {
        Self { network, calls: Vec::new(), call_bytes: 0 }
    }

    /// The network whose calls these are.
    pub fn network(&self) -> GenesisHash {
        self.network
    }

    /// The encoded calls, in order.
    pub fn calls(&self) -> &[Vec<u8>] {
        &self.calls
    }

    /// The encoded calls, in order.
    pub fn into_calls(self) -> Vec<Vec<u8>> {
        self.calls
    }

    /// Appends a call, or says `false` when it does not fit any more.
    pub fn push(&mut self, call: Vec<u8>) -> bool {
        let grown = self.call_bytes + length_bytes(call.len()) + call.len();
        let is_full = self.calls.len() >= BUNDLE_CALLS_MAX
            || HEADER_BYTES + COUNT_BYTES_MAX + grown > BUNDLE_BYTES_MAX;
        if is_full || call.is_empty() || call.len() > CALL_BYTES_MAX {
            return false;
        }
        self.call_bytes = grown;
        self.calls.push(call);
        true
    }

    /// The bytes for the chain.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + COUNT_BYTES_MAX + self.call_bytes);
        bytes.extend(MARK);
        self.network.encode_to(&mut bytes);
        self.calls.encode_to(&mut bytes);
        bytes
    }
}

/// Reads a bundle from untrusted bytes.
///
/// The calls themselves are not looked at. What decodes encodes to the same bytes again.
///
/// # Errors
/// [`BundleError`], saying what is wrong first.
pub fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLong { bytes: bytes.len(), bytes_max: BUNDLE_BYTES_MAX });
    }
    let foreign = BundleError::Foreign { bytes: bytes.len() };
    let rest = bytes.strip_prefix(&MARK).ok_or(foreign.clone())?;
    let (network, mut rest) = rest.split_first_chunk::<32>().ok_or(foreign)?;
    let mut bundle = Bundle::new(GenesisHash(*network));
    let count = compact(&mut rest).filter(|count| (1..=BUNDLE_CALLS_MAX).contains(count));
    let count = count.ok_or(BundleError::CallCount { count_max: BUNDLE_CALLS_MAX })?;
    for index in 0..count {
        let wrong = BundleError::CallLength { index, bytes_max: CALL_BYTES_MAX };
        let call = compact(&mut rest).and_then(|length| rest.split_at_checked(length));
        let (call, after) = call.ok_or(wrong.clone())?;
        rest = after;
        if !bundle.push(call.to_vec()) {
            return Err(wrong);
        }
    }
    if !rest.is_empty() {
        return Err(BundleError::Trailing { bytes: rest.len() });
    }
    Ok(bundle)
}

fn compact(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(Compact::<u32>::decode(bytes).ok()?.0).ok()
}

fn length_bytes(length: usize) -> usize {
    u32::try_from(length).map_or(usize::MAX, |length| Compact::<u32>::compact_len(&length))
}

#[cfg(test)]
mod tests;
