//! What a farmer keeps about a sector beside the sector.

use parity_scale_codec::{Decode, DecodeAll, Encode};
use thiserror::Error;

use super::plan::{HistorySize, PIECES_IN_SECTOR_MAX, SectorId};
use super::record::s_buckets;
use super::{BITMAP_BYTES, HASH_BYTES};
use crate::proof_of_space::SBUCKETS;

/// Bytes of the encoded metadata before its hash: two numbers, sizes, the history.
const CONTENT_BYTES: usize = 2 + 2 + 2 * SBUCKETS + 8;

/// Bytes of the encoded metadata: its contents, then their hash.
const ENCODED_BYTES: usize = CONTENT_BYTES + HASH_BYTES;

/// What tells where chunks lie in a sector.
///
/// # Shapes
/// 131,116 bytes encoded: the fields, then their BLAKE3 hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectorMetadata {
    /// Number of the sector among those of its farmer.
    pub sector_index: u16,
    /// Pieces in it.
    pub pieces_in_sector: u16,
    /// Chunks of every s-bucket.
    pub s_bucket_sizes: Box<[u16; SBUCKETS]>,
    /// Segments of the history when it was plotted.
    pub history_size: HistorySize,
}

/// Why bytes are no metadata.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The wrong number of bytes.
    #[error("encoded metadata of a sector has {ENCODED_BYTES} bytes, not {bytes}")]
    Length {
        /// How many there were.
        bytes: usize,
    },
    /// The hash at the end is of other contents.
    #[error("the hash of the metadata is of other contents")]
    Checksum,
    /// A field has a value that no sector has.
    #[error("{field} is {value}, must be {allowed}")]
    Field {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed.
        allowed: &'static str,
    },
}

/// The fields in the order of the wire.
#[derive(Encode, Decode)]
struct Content {
    sector_index: u16,
    pieces_in_sector: u16,
    s_bucket_sizes: Box<[u16; SBUCKETS]>,
    history_size: HistorySize,
}

impl SectorMetadata {
    /// The metadata of a sector with these bitmaps.
    pub(super) fn new<'a>(
        sector_index: u16,
        history_size: HistorySize,
        bitmaps: impl ExactSizeIterator<Item = &'a [u8; BITMAP_BYTES]>,
    ) -> Self {
        let pieces_in_sector = u16::try_from(bitmaps.len()).expect("at most 1,000 pieces");
        let mut s_bucket_sizes = vec![0; SBUCKETS];
        for bitmap in bitmaps {
            for s_bucket in s_buckets(bitmap) {
                s_bucket_sizes[s_bucket] += 1;
            }
        }
        let s_bucket_sizes = s_bucket_sizes.try_into().expect("as many as there are s-buckets");
        Self { sector_index, pieces_in_sector, s_bucket_sizes, history_size }
    }

    /// The encoding with its hash.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Content {
            sector_index: self.sector_index,
            pieces_in_sector: self.pieces_in_sector,
            s_bucket_sizes: self.s_bucket_sizes.clone(),
            history_size: self.history_size,
        }
        .encode();
        bytes.extend(blake3::hash(&bytes).as_bytes());
        bytes
    }

    /// Reads the encoding with its hash.
    ///
    /// # Errors
    /// [`MetadataError`]: it is none.
    pub fn decode_bounded(bytes: &[u8]) -> Result<Self, MetadataError> {
        let length = MetadataError::Length { bytes: bytes.len() };
        if bytes.len() != ENCODED_BYTES {
            return Err(length);
        }
        let (content, checksum) = bytes.split_at(CONTENT_BYTES);
        if blake3::hash(content).as_bytes() != checksum {
            return Err(MetadataError::Checksum);
        }
        let Content { sector_index, pieces_in_sector, s_bucket_sizes, history_size } =
            Content::decode_all(&mut &*content).map_err(|_| length)?;
        let metadata = Self { sector_index, pieces_in_sector, s_bucket_sizes, history_size };
        metadata.check()?;
        Ok(metadata)
    }

    fn check(&self) -> Result<(), MetadataError> {
        let refused = |field, value, allowed| Err(MetadataError::Field { field, value, allowed });
        if !(1..=PIECES_IN_SECTOR_MAX).contains(&self.pieces_in_sector) {
            return refused("pieces_in_sector", self.pieces_in_sector.into(), "1 to 1000");
        }
        if self.history_size.0 == 0 {
            return refused("history_size", 0, "at least 1");
        }
        let largest = self.s_bucket_sizes.iter().copied().max().unwrap_or(0);
        if largest > self.pieces_in_sector {
            return refused("s_bucket_sizes", largest.into(), "at most pieces_in_sector");
        }
        Ok(())
    }
}

/// What a plotter reports about a sector that it has plotted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlottedSector {
    /// Name of the sector.
    pub sector_id: SectorId,
    /// Its number among those of the farmer.
    pub sector_index: u16,
    /// What the farmer keeps.
    pub metadata: SectorMetadata,
    /// The pieces in it, by offset.
    pub piece_indexes: Vec<u64>,
}

impl PlottedSector {
    /// The encoding that farmers read.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.sector_id.encode();
        bytes.extend(self.sector_index.encode());
        bytes.extend(self.metadata.encode());
        bytes.extend(self.piece_indexes.encode());
        bytes
    }
}
