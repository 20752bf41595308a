//! Sectors as Autonomys farmers keep them: which pieces go into one, how records are encoded with proofs
//! of space, how the sector is laid out, and how it is read and checked again.
//!
//! ```text
//! public key, index -> plan -> pieces -> records -> encoder -> encoded chunks -> sector -> farmer
//! ```
//!
//! A sector in work is a [`Sector`]; an encoder is anything that is a [`RecordEncoder`].
//!
//! # Source
//! autonomys/subspace 72a5aa6f, crates `subspace-core-primitives` and `subspace-farmer-components`.

mod check;
mod device;
mod encoder;
mod layout;
mod metadata;
mod piece;
mod plan;
mod reading;
mod record;
mod sector;

pub use check::{CheckError, CheckPolicy};
pub use device::DeviceEncoder;
pub use encoder::{CpuEncoder, EncodeError, RecordEncoder, RecordJob};
pub use layout::{RegionHashes, sector_bytes};
pub use metadata::{MetadataError, PlottedSector, SectorMetadata};
pub use piece::{Piece, PieceError};
pub use plan::{
    HistorySize, PIECES_IN_SECTOR_MAX, PlanError, ProtocolInformation, PublicKey, SectorId,
    SectorPlan,
};
pub use reading::{Answer, ReadError, SectorView};
pub use sector::{FinishedSector, Sector, SectorError};

use crate::erasure_code::SCALAR_BYTES;
use crate::proof_of_space::SBUCKETS;

/// Bytes of a chunk, which is a scalar.
pub const CHUNK_BYTES: usize = SCALAR_BYTES;

/// Source chunks of a record, and as many encoded ones.
pub const RECORD_CHUNKS: usize = 32_768;

/// Bytes of a record.
pub const RECORD_BYTES: usize = RECORD_CHUNKS * CHUNK_BYTES;

/// Bytes of a commitment and of a witness: a compressed point of BLS12-381 each.
const POINT_BYTES: usize = 48;

/// Bytes of a piece: record, commitment, witness.
pub const PIECE_BYTES: usize = RECORD_BYTES + 2 * POINT_BYTES;

/// Bytes of the bitmap of a record: one bit for each s-bucket.
pub const BITMAP_BYTES: usize = SBUCKETS / 8;

/// Bytes of a BLAKE3 hash.
const HASH_BYTES: usize = 32;

#[cfg(test)]
mod tests;
