//! Where everything lies in a sector.
//!
//! ```text
//! contents map     8,192 bytes a piece, then the hash of it all
//! chunks           by s-bucket, within an s-bucket by piece offset: 1 MiB a piece
//! record metadata  128 bytes a piece: commitment, witness, hash of the piece
//! checksum         hash of everything before
//! ```

use std::ops::Range;

use super::{BITMAP_BYTES, HASH_BYTES, POINT_BYTES, RECORD_BYTES};

/// Bytes of the metadata of a record.
pub(super) const RECORD_METADATA_BYTES: usize = 2 * POINT_BYTES + HASH_BYTES;

/// Bytes of a sector.
pub const fn sector_bytes(pieces_in_sector: u16) -> usize {
    let piece_bytes = BITMAP_BYTES + RECORD_BYTES + RECORD_METADATA_BYTES;
    piece_bytes * pieces_in_sector as usize + 2 * HASH_BYTES
}

// As published for the main network.
const _: () = assert!(sector_bytes(1_000) == 1_056_896_064);

/// Where the regions of a sector lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The bitmaps, by piece offset.
    pub(super) bitmaps: Range<usize>,
    /// Their hash.
    pub(super) bitmaps_hash: Range<usize>,
    /// The chunks, by s-bucket.
    pub(super) chunks: Range<usize>,
    /// The metadata of the records.
    pub(super) record_metadata: Range<usize>,
    /// The hash of everything before.
    pub(super) checksum: Range<usize>,
}

impl Layout {
    pub(super) fn new(pieces_in_sector: u16) -> Self {
        let pieces = usize::from(pieces_in_sector);
        let mut end = 0;
        let mut next = |bytes: usize| {
            let start = end;
            end += bytes;
            start..end
        };
        Self {
            bitmaps: next(pieces * BITMAP_BYTES),
            bitmaps_hash: next(HASH_BYTES),
            chunks: next(pieces * RECORD_BYTES),
            record_metadata: next(pieces * RECORD_METADATA_BYTES),
            checksum: next(HASH_BYTES),
        }
    }
}

/// Hashes of the regions of a sector, for comparing it with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionHashes {
    /// Of the bitmaps with their hash.
    pub contents_map: blake3::Hash,
    /// Of the chunks.
    pub s_buckets: blake3::Hash,
    /// Of the metadata of the records.
    pub record_metadata: blake3::Hash,
    /// Of the whole sector.
    pub sector: blake3::Hash,
}

impl RegionHashes {
    /// Hashes a sector of that many pieces; `None` when it has another length.
    pub fn of(sector: &[u8], pieces_in_sector: u16) -> Option<Self> {
        if sector.len() != sector_bytes(pieces_in_sector) {
            return None;
        }
        let layout = Layout::new(pieces_in_sector);
        let hash = |range: Range<usize>| {
            blake3::Hash::from_bytes(crate::blake3_tree::root(&sector[range]))
        };
        Some(Self {
            contents_map: hash(0..layout.bitmaps_hash.end),
            s_buckets: hash(layout.chunks),
            record_metadata: hash(layout.record_metadata),
            sector: hash(0..sector.len()),
        })
    }
}
