//! Verified ranges: bytes of an artefact together with the hashes that tie them to its name.
//!
//! An encoded range is the part of the BLAKE3 tree above the range in pre-order, with the bytes
//! as leaves, widened to chunks of 1 KiB. Whoever knows the name and the length of the artefact
//! can check each piece as it comes. Neither name nor length is repeated in the encoding.

use std::fs::File;
use std::io;

use bao_tree::io::outboard::PostOrderOutboard;
use bao_tree::io::sync::{DecodeResponseIter, encode_ranges_validated};
use bao_tree::io::{BaoContentItem, DecodeError, round_up_to_chunks};
use bao_tree::{BaoTree, BlockSize, ByteRanges, ChunkRanges};

use super::{ARTEFACT_BYTES_MAX, ArtefactError, ArtefactStore, ContentHash, disk};

/// Size of the groups whose hashes are stored: 2^4 chunks of 1024 bytes, which keeps the outboard
/// below half a percent of the data.
pub(super) const GROUP: BlockSize = BlockSize::from_chunk_log(4);

/// Bytes in a group.
pub(super) const GROUP_BYTES: u64 = 16 << 10;

const _: () = assert!(GROUP.bytes() as u64 == GROUP_BYTES);

/// Longest range that is encoded or decoded at once: both sides hold it in memory.
pub const RANGE_BYTES_MAX: u64 = 8 << 20;

/// Why a range was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The range reaches beyond the artefact.
    #[error("range of {length} bytes at {start} is outside the artefact of {total_bytes} bytes")]
    Outside {
        /// First byte asked for.
        start: u64,
        /// How many bytes were asked for.
        length: u64,
        /// Length of the artefact.
        total_bytes: u64,
    },
    /// Nothing was asked for, of an artefact that is not empty.
    #[error("range at {start} is empty")]
    Empty {
        /// First byte asked for.
        start: u64,
    },
    /// More was asked for than is handled at once.
    #[error("range has {length} bytes, at most {length_max} are handled at once")]
    TooLong {
        /// How many bytes were asked for.
        length: u64,
        /// The limit, [`RANGE_BYTES_MAX`].
        length_max: u64,
    },
    /// The artefact is said to be longer than any artefact may be.
    #[error("artefact has {total_bytes} bytes, at most {total_bytes_max} are accepted")]
    TotalTooLarge {
        /// Its length as told.
        total_bytes: u64,
        /// The limit, [`ARTEFACT_BYTES_MAX`].
        total_bytes_max: u64,
    },
    /// The encoding does not belong to this artefact, or was changed on the way.
    #[error("encoded range at {start} does not belong to artefact {root}")]
    Mismatch {
        /// Name of the artefact asked for.
        root: ContentHash,
        /// First byte asked for.
        start: u64,
    },
    /// The encoding ends before the range does.
    #[error("encoded range at {start} ends after {encoded_bytes} bytes, too early")]
    Truncated {
        /// First byte asked for.
        start: u64,
        /// Length of the encoding received.
        encoded_bytes: usize,
    },
    /// The encoding goes on after the range has ended.
    #[error(
        "encoded range at {start} is followed by {trailing_bytes} bytes that belong to nothing"
    )]
    Trailing {
        /// First byte asked for.
        start: u64,
        /// How many bytes are too many.
        trailing_bytes: usize,
    },
}

/// Encodes `length` bytes of a stored artefact from byte `start` on, for [`decode_range`].
///
/// The stored bytes are checked against the name on the way, so a damaged disk never makes this
/// node serve wrong bytes.
///
/// # Errors
/// [`ArtefactError::NotFound`], [`ArtefactError::Damaged`], [`ArtefactError::Disk`], and
/// [`ArtefactError::Range`] when the range is empty, too long or outside the artefact.
pub fn encode_range(
    store: &ArtefactStore,
    hash: ContentHash,
    start: u64,
    length: u64,
) -> Result<Vec<u8>, ArtefactError> {
    let path = store.path(hash);
    let data = store.open_artefact(hash)?;
    let total_bytes = data.metadata().map_err(disk("look at", &path))?.len();
    let chunks = chunks_of(start, length, total_bytes)?;

    let outboard_path = store.outboard_path(hash);
    let outboard_file = File::open(&outboard_path).map_err(disk("open", &outboard_path))?;
    let tree = BaoTree::new(total_bytes, GROUP);
    let outboard = PostOrderOutboard { root: hash.into(), tree, data: outboard_file };
    let mut encoded = Vec::new();
    encode_ranges_validated(&data, &outboard, &chunks, &mut encoded).map_err(|error| {
        match io::Error::from(error) {
            source if source.kind() == io::ErrorKind::InvalidData => {
                ArtefactError::Damaged { hash }
            }
            source => disk("read", &path)(source),
        }
    })?;
    Ok(encoded)
}

/// Checks an encoded range against the artefact's name and returns exactly the bytes asked for.
///
/// Nothing is taken from `encoded` before its hash is checked, and no more memory is used than the
/// range asked for needs.
///
/// # Errors
/// [`RangeError`] when the range is not acceptable or the encoding is not that of this range.
pub fn decode_range(
    root: ContentHash,
    total_bytes: u64,
    start: u64,
    length: u64,
    encoded: &[u8],
) -> Result<Vec<u8>, RangeError> {
    let chunks = chunks_of(start, length, total_bytes)?;
    let tree = BaoTree::new(total_bytes, GROUP);
    let mut remaining = encoded;
    let mut wanted = Vec::new();
    for item in DecodeResponseIter::new(root.into(), tree, &mut remaining, &chunks) {
        match item {
            Ok(BaoContentItem::Leaf(leaf)) => {
                wanted.extend_from_slice(overlap(&leaf.data, leaf.offset, start, length));
            }
            Ok(BaoContentItem::Parent(_)) => {}
            Err(DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_)) => {
                return Err(RangeError::Truncated { start, encoded_bytes: encoded.len() });
            }
            Err(_) => return Err(RangeError::Mismatch { root, start }),
        }
    }
    if !remaining.is_empty() {
        return Err(RangeError::Trailing { start, trailing_bytes: remaining.len() });
    }
    Ok(wanted)
}

/// The chunks that contain the range, after all limits are checked.
fn chunks_of(start: u64, length: u64, total_bytes: u64) -> Result<ChunkRanges, RangeError> {
    if total_bytes > ARTEFACT_BYTES_MAX {
        let total_bytes_max = ARTEFACT_BYTES_MAX;
        return Err(RangeError::TotalTooLarge { total_bytes, total_bytes_max });
    }
    if length > RANGE_BYTES_MAX {
        return Err(RangeError::TooLong { length, length_max: RANGE_BYTES_MAX });
    }
    let outside = RangeError::Outside { start, length, total_bytes };
    let end = start.checked_add(length).filter(|end| *end <= total_bytes).ok_or(outside)?;
    if total_bytes == 0 {
        return Ok(ChunkRanges::all());
    }
    if length == 0 {
        return Err(RangeError::Empty { start });
    }
    Ok(round_up_to_chunks(&ByteRanges::from(start..end)))
}

/// The part of a leaf at `offset` that lies inside the range asked for.
fn overlap(leaf: &[u8], offset: u64, start: u64, length: u64) -> &[u8] {
    let leaf_bytes = u64::try_from(leaf.len()).unwrap_or(u64::MAX);
    let within = |position: u64| {
        usize::try_from(position.saturating_sub(offset).min(leaf_bytes)).unwrap_or(leaf.len())
    };
    leaf.get(within(start)..within(start.saturating_add(length))).unwrap_or_default()
}
