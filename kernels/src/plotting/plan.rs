//! What a sector consists of, which follows from who plots it and when: its name, its pieces, the seeds of
//! its records.

use std::fmt;

use parity_scale_codec::{Decode, DecodeAll, Encode};
use thiserror::Error;

use crate::proof_of_space::Seed;

/// Pieces of a segment of the archived history.
///
/// # Source
/// `subspace-core-primitives`, `ArchivedHistorySegment::NUM_PIECES`.
const SEGMENT_PIECES: u64 = 256;

/// Most pieces in a sector of the network.
///
/// # Source
/// `subspace-core-primitives`, `MAX_PIECES_IN_SECTOR` of the main network.
pub const PIECES_IN_SECTOR_MAX: u16 = 1_000;

/// The key of a farmer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct PublicKey(pub [u8; 32]);

/// The name of a sector, from which its contents follow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct SectorId([u8; 32]);

/// Segments of the archived history, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct HistorySize(pub u64);

/// What a farmer knows of the protocol when it has a sector plotted.
///
/// # Shapes
/// 42 bytes encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ProtocolInformation {
    /// Segments of the history so far.
    pub history_size: HistorySize,
    /// Pieces that a sector can have.
    pub max_pieces_in_sector: u16,
    /// Segments that count as recent.
    pub recent_segments: HistorySize,
    /// Share of the pieces that is drawn from recent segments: numerator and denominator.
    pub recent_history_fraction: (HistorySize, HistorySize),
    /// Segments after which a sector may expire.
    pub min_sector_lifetime: HistorySize,
}

/// Why there is no such sector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A field has a value that the protocol does not allow.
    #[error("{field} is {value}, must be {allowed}")]
    Field {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// More pieces than the protocol lets a sector have.
    #[error("pieces_in_sector is {pieces_in_sector}, must be 1 to {max}")]
    PiecesInSector {
        /// What was asked for.
        pieces_in_sector: u16,
        /// Most that is allowed.
        max: u16,
    },
    /// Bytes that are no protocol information.
    #[error("{bytes} bytes are no protocol information of 42 bytes")]
    Encoding {
        /// How many bytes there were.
        bytes: usize,
    },
}

impl fmt::Debug for SectorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for SectorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).to_hex().fmt(formatter)
    }
}

impl SectorId {
    /// The sector with this number of a farmer, plotted when the history was this long.
    pub fn new(public_key: &PublicKey, sector_index: u16, history_size: HistorySize) -> Self {
        let key = blake3::hash(&public_key.0);
        let mut input = [0; 10];
        input[..2].copy_from_slice(&sector_index.to_le_bytes());
        input[2..].copy_from_slice(&history_size.0.to_le_bytes());
        Self(*blake3::keyed_hash(key.as_bytes(), &input).as_bytes())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From what the tables of the record at this offset are made.
    pub fn seed(&self, piece_offset: u16) -> Seed {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&piece_offset.to_le_bytes());
        Seed::new(*hasher.finalize().as_bytes())
    }

    /// A number as wide as a hash for this offset, as limbs, the least significant first.
    fn draw(&self, piece_offset: u16) -> [u64; 4] {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&piece_offset.to_le_bytes());
        let hash = blake3::keyed_hash(&key, &self.0);
        let (limbs, _) = hash.as_bytes().as_chunks::<8>();
        std::array::from_fn(|index| u64::from_le_bytes(limbs[index]))
    }
}

impl ProtocolInformation {
    /// Reads the encoding of 42 bytes.
    ///
    /// # Errors
    /// [`PlanError::Encoding`] for other lengths; [`PlanError::Field`] as [`Self::check`].
    pub fn decode_bounded(bytes: &[u8]) -> Result<Self, PlanError> {
        let information = Self::decode_all(&mut &*bytes)
            .map_err(|_| PlanError::Encoding { bytes: bytes.len() })?;
        information.check()?;
        Ok(information)
    }

    /// Refuses values with which no pieces can be chosen.
    ///
    /// # Errors
    /// [`PlanError::Field`] for sizes of zero or beyond what 64 bits count in pieces, and for a share that
    /// is no share.
    pub fn check(&self) -> Result<(), PlanError> {
        let (numerator, denominator) = self.recent_history_fraction;
        let segments = "1 to 2^56 - 1";
        let checks = [
            ("history_size", self.history_size.0, segments),
            ("recent_segments", self.recent_segments.0, segments),
            ("recent_history_fraction.numerator", numerator.0, segments),
            ("recent_history_fraction.denominator", denominator.0, segments),
            ("min_sector_lifetime", self.min_sector_lifetime.0.min(1), "at least 1"),
            ("max_pieces_in_sector", self.max_pieces_in_sector.into(), "at least 1"),
        ];
        for (field, value, allowed) in checks {
            if value == 0 || value > u64::MAX / SEGMENT_PIECES {
                return Err(PlanError::Field { field, value, allowed });
            }
        }
        if numerator > denominator {
            let allowed = "at most the denominator";
            let field = "recent_history_fraction.numerator";
            return Err(PlanError::Field { field, value: numerator.0, allowed });
        }
        Ok(())
    }

    /// The piece that stands at an offset of a sector; the values must have been checked.
    fn piece_index(&self, sector: &SectorId, piece_offset: u16) -> u64 {
        let pieces = |segments: HistorySize| segments.0 * SEGMENT_PIECES;
        let history = pieces(self.history_size);
        let recent = pieces(self.recent_segments);
        let (numerator, denominator) = self.recent_history_fraction;
        let [numerator, denominator] = [numerator.0, denominator.0].map(u128::from);
        // The share of recent pieces must not make them more frequent than the rest.
        let history_min = u128::from(recent) * denominator / numerator;
        let share = u128::from(self.max_pieces_in_sector) * numerator / denominator * 2;
        let draw = sector.draw(piece_offset);
        let is_recent = u128::from(history) > history_min
            && u128::from(piece_offset) < share.max(1)
            && piece_offset % 2 == 1;
        if is_recent {
            remainder(draw, recent) + (history - recent)
        } else {
            remainder(draw, history)
        }
    }
}

/// The remainder of a number of 256 bits.
fn remainder(limbs: [u64; 4], divisor: u64) -> u64 {
    let divisor = u128::from(divisor);
    let rest = limbs.iter().rev().fold(0, |rest, &limb| (rest << 64 | u128::from(limb)) % divisor);
    u64::try_from(rest).expect("a remainder is below its divisor of 64 bits")
}

/// A sector before it is plotted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectorPlan {
    /// Its name.
    pub sector_id: SectorId,
    /// Its number among the sectors of the farmer.
    pub sector_index: u16,
    /// Segments of the history when it was planned.
    pub history_size: HistorySize,
    /// The pieces that it holds, by offset.
    pub piece_indexes: Vec<u64>,
}

impl SectorPlan {
    /// Plans a sector.
    ///
    /// # Errors
    /// [`PlanError::PiecesInSector`] when it would have no pieces or too many, else [`PlanError::Field`].
    pub fn new(
        public_key: &PublicKey,
        sector_index: u16,
        information: &ProtocolInformation,
        pieces_in_sector: u16,
    ) -> Result<Self, PlanError> {
        information.check()?;
        let max = information.max_pieces_in_sector.min(PIECES_IN_SECTOR_MAX);
        if !(1..=max).contains(&pieces_in_sector) {
            return Err(PlanError::PiecesInSector { pieces_in_sector, max });
        }
        let history_size = information.history_size;
        let sector_id = SectorId::new(public_key, sector_index, history_size);
        let piece_indexes = (0..pieces_in_sector)
            .map(|offset| information.piece_index(&sector_id, offset))
            .collect();
        Ok(Self { sector_id, sector_index, history_size, piece_indexes })
    }

    /// Pieces in the sector.
    pub fn pieces_in_sector(&self) -> u16 {
        u16::try_from(self.piece_indexes.len()).expect("a plan has at most 1,000 pieces")
    }

    /// The seeds of its records, by offset.
    pub fn seeds(&self) -> impl Iterator<Item = Seed> {
        (0..self.pieces_in_sector()).map(|offset| self.sector_id.seed(offset))
    }
}
