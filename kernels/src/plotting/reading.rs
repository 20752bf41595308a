//! Reads sectors as a farmer does: checks their hashes, finds chunks, recreates proofs, recovers pieces.

use std::sync::OnceLock;

use thiserror::Error;

use super::layout::{Layout, RECORD_METADATA_BYTES, sector_bytes};
use super::plan::SectorPlan;
use super::record::{mask, s_buckets};
use super::{BITMAP_BYTES, CHUNK_BYTES, HASH_BYTES, RECORD_BYTES, RECORD_CHUNKS};
use crate::blake3_tree::root;
use crate::erasure_code::{ErasureError, recover};
use crate::proof_of_space::{
    K, KeepGoing, PROOF_BYTES, ProofError, RecordProofs, SBUCKETS, SBucket, Variant, find_proofs,
    is_valid_proof,
};

/// Why a sector cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The wrong number of bytes.
    #[error("a sector of {pieces_in_sector} pieces has {expected} bytes, not {bytes}")]
    Length {
        /// Pieces of the plan.
        pieces_in_sector: u16,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that it has.
        bytes: usize,
    },
    /// A region is not what its hash says.
    #[error("the {region}, bytes {start} to {end}, are not what their hash says")]
    Checksum {
        /// Which region.
        region: &'static str,
        /// First byte that is hashed.
        start: usize,
        /// End of the bytes that are hashed.
        end: usize,
    },
    /// A bitmap has too few or too many bits.
    #[error("record {piece_offset} has {chunk_count} chunks, must be {RECORD_CHUNKS}")]
    ChunkCount {
        /// Offset of the record.
        piece_offset: u16,
        /// S-buckets that its bitmap marks.
        chunk_count: usize,
    },
    /// There is no such record.
    #[error("record {piece_offset} of a sector of {pieces_in_sector} pieces does not exist")]
    NoSuchRecord {
        /// What was asked for.
        piece_offset: u16,
        /// Pieces of the plan.
        pieces_in_sector: u16,
    },
    /// A chunk is marked for an s-bucket that has no proof: the sector is of another variant or seed.
    #[error(
        "record {piece_offset} has a chunk in s-bucket {s_bucket}, which has no proof in variant {variant}"
    )]
    MissingProof {
        /// Offset of the record.
        piece_offset: u16,
        /// Which s-bucket.
        s_bucket: usize,
        /// How it was read.
        variant: Variant,
    },
    /// A proof was made that does not verify.
    #[error("the proof of s-bucket {s_bucket} of record {piece_offset} does not verify")]
    InvalidProof {
        /// Offset of the record.
        piece_offset: u16,
        /// Which s-bucket.
        s_bucket: usize,
    },
    /// The chunks do not decode: one was changed, or hidden behind another proof.
    #[error("record {piece_offset} does not decode in variant {variant}: {source}")]
    Record {
        /// Offset of the record.
        piece_offset: u16,
        /// How it was read.
        variant: Variant,
        /// What is wrong.
        source: ErasureError,
    },
    /// The chunks decode to another piece than the one that was plotted.
    #[error("record {piece_offset} decodes in variant {variant} to another piece than was plotted")]
    WrongPiece {
        /// Offset of the record.
        piece_offset: u16,
        /// How it was read.
        variant: Variant,
    },
    /// No proofs could be made.
    #[error(transparent)]
    Proofs(#[from] ProofError),
}

/// What answers a farmer's challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The chunk as it was before it was hidden.
    pub chunk: [u8; CHUNK_BYTES],
    /// The proof that hid it, which the verifier accepts.
    pub proof: Vec<u8>,
}

/// A sector of the right length with the plan that it was made from.
#[derive(Debug, Clone)]
pub struct SectorView<'a> {
    bytes: &'a [u8],
    plan: &'a SectorPlan,
    layout: Layout,
    /// Where the chunks of each s-bucket start, once it is asked for.
    starts: OnceLock<Box<[usize]>>,
}

impl<'a> SectorView<'a> {
    /// Looks at bytes as a sector.
    ///
    /// # Errors
    /// [`ReadError::Length`] when they are too few or too many.
    pub fn new(bytes: &'a [u8], plan: &'a SectorPlan) -> Result<Self, ReadError> {
        let pieces_in_sector = plan.pieces_in_sector();
        let expected = sector_bytes(pieces_in_sector);
        if bytes.len() != expected {
            return Err(ReadError::Length { pieces_in_sector, expected, bytes: bytes.len() });
        }
        let layout = Layout::new(pieces_in_sector);
        Ok(Self { bytes, plan, layout, starts: OnceLock::new() })
    }

    /// Checks both hashes and every bitmap.
    ///
    /// # Errors
    /// [`ReadError::Checksum`], [`ReadError::ChunkCount`]: the first that is wrong.
    pub fn check(&self) -> Result<(), ReadError> {
        let Layout { bitmaps, bitmaps_hash, checksum, .. } = &self.layout;
        let hashes = [
            ("contents map", 0..bitmaps.end, bitmaps_hash),
            ("contents of the sector", 0..checksum.start, checksum),
        ];
        for (region, hashed, hash) in hashes {
            let (start, end) = (hashed.start, hashed.end);
            if root(&self.bytes[hashed]) != self.bytes[hash.clone()] {
                return Err(ReadError::Checksum { region, start, end });
            }
        }
        for piece_offset in 0..self.plan.pieces_in_sector() {
            let chunk_count = s_buckets(self.bitmap(piece_offset)).count();
            if chunk_count != RECORD_CHUNKS {
                return Err(ReadError::ChunkCount { piece_offset, chunk_count });
            }
        }
        Ok(())
    }

    /// Refuses offsets at which there is no record.
    fn check_offset(&self, piece_offset: u16) -> Result<(), ReadError> {
        let pieces_in_sector = self.plan.pieces_in_sector();
        if piece_offset < pieces_in_sector {
            Ok(())
        } else {
            Err(ReadError::NoSuchRecord { piece_offset, pieces_in_sector })
        }
    }

    /// The bitmap of the record at an offset.
    pub(super) fn bitmap(&self, piece_offset: u16) -> &'a [u8] {
        let start = self.layout.bitmaps.start + usize::from(piece_offset) * BITMAP_BYTES;
        &self.bytes[start..start + BITMAP_BYTES]
    }

    /// Whether a record has a chunk in an s-bucket.
    fn is_marked(&self, piece_offset: u16, s_bucket: usize) -> bool {
        self.bitmap(piece_offset)[s_bucket / 8] >> (s_bucket % 8) & 1 == 1
    }

    /// How many of the records before an offset have a chunk in each s-bucket.
    fn counts_before(&self, piece_offset: u16) -> Vec<u16> {
        let mut counts = vec![0; SBUCKETS];
        for s_bucket in (0..piece_offset).flat_map(|offset| s_buckets(self.bitmap(offset))) {
            counts[s_bucket] += 1;
        }
        counts
    }

    /// Where the chunks of each s-bucket start in the sector.
    fn starts(&self) -> &[usize] {
        self.starts.get_or_init(|| {
            let mut end = self.layout.chunks.start;
            let counts = self.counts_before(self.plan.pieces_in_sector());
            let next = |count: u16| {
                let start = end;
                end += usize::from(count) * CHUNK_BYTES;
                start
            };
            counts.into_iter().map(next).collect()
        })
    }

    /// The encoded chunks of the record at an offset, with their s-buckets, in order.
    fn chunks(&self, piece_offset: u16) -> Vec<(usize, &'a [u8])> {
        let (starts, before) = (self.starts(), self.counts_before(piece_offset));
        let chunk = |s_bucket| {
            let start = starts[s_bucket] + usize::from(before[s_bucket]) * CHUNK_BYTES;
            // A sector that was not checked can claim more chunks than it has.
            Some((s_bucket, self.bytes.get(start..start + CHUNK_BYTES)?))
        };
        s_buckets(self.bitmap(piece_offset)).filter_map(chunk).collect()
    }

    /// The encoded chunk of a record in an s-bucket, if it has one there.
    fn chunk(&self, piece_offset: u16, s_bucket: usize) -> Option<&'a [u8]> {
        if !self.is_marked(piece_offset, s_bucket) {
            return None;
        }
        let before = (0..piece_offset).filter(|&offset| self.is_marked(offset, s_bucket)).count();
        let start = self.starts()[s_bucket] + before * CHUNK_BYTES;
        self.bytes.get(start..start + CHUNK_BYTES)
    }

    /// Decodes the piece at an offset: recreates the proofs of its record, recovers the record from its
    /// chunks, and compares the piece with the hash that was stored when it was plotted.
    ///
    /// # Errors
    /// [`ReadError`]: what keeps the piece from being read in this variant.
    pub fn decode_piece(
        &self,
        piece_offset: u16,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> Result<Vec<u8>, ReadError> {
        self.check_offset(piece_offset)?;
        let seed = self.plan.sector_id.seed(piece_offset);
        let proofs = find_proofs(&seed, K, variant, None, keep_going)?;
        self.decode_with(&proofs, piece_offset, variant)
    }

    /// Decodes the piece at an offset with the proofs of its record.
    pub(super) fn decode_with(
        &self,
        proofs: &RecordProofs,
        piece_offset: u16,
        variant: Variant,
    ) -> Result<Vec<u8>, ReadError> {
        let (all, _) = proofs.proofs.as_chunks::<PROOF_BYTES>();
        let mut by_s_bucket = vec![None; SBUCKETS];
        for (s_bucket, proof) in s_buckets(proofs.found.as_slice()).zip(all) {
            by_s_bucket[s_bucket] = Some(proof);
        }
        let mut extended = vec![None; SBUCKETS];
        for (s_bucket, encoded) in self.chunks(piece_offset) {
            let missing = ReadError::MissingProof { piece_offset, s_bucket, variant };
            let proof = by_s_bucket[s_bucket].ok_or(missing)?;
            let mut chunk = [0; CHUNK_BYTES];
            chunk.copy_from_slice(encoded);
            mask(&mut chunk, proof);
            extended[s_bucket] = Some(chunk);
        }
        let extended = recover(&extended).map_err(|source| ReadError::Record {
            piece_offset,
            variant,
            source,
        })?;
        self.piece_of(piece_offset, variant, &extended)
    }

    /// The piece whose extended record this is, if it is the one that was plotted.
    fn piece_of(
        &self,
        piece_offset: u16,
        variant: Variant,
        extended: &[u8],
    ) -> Result<Vec<u8>, ReadError> {
        let start =
            self.layout.record_metadata.start + usize::from(piece_offset) * RECORD_METADATA_BYTES;
        let metadata = &self.bytes[start..start + RECORD_METADATA_BYTES];
        let (points, hash) = metadata.split_at(RECORD_METADATA_BYTES - HASH_BYTES);
        let mut piece = Vec::with_capacity(RECORD_BYTES + points.len());
        for chunk in extended.as_chunks::<CHUNK_BYTES>().0.iter().step_by(2) {
            piece.extend_from_slice(chunk);
        }
        piece.extend_from_slice(points);
        let is_same = root(&piece) == hash;
        if is_same { Ok(piece) } else { Err(ReadError::WrongPiece { piece_offset, variant }) }
    }

    /// Answers a farmer's challenge to an s-bucket of a record. `None` when the record has no chunk there.
    ///
    /// # Errors
    /// [`ReadError`]: what keeps the chunk from being read.
    pub fn prove(
        &self,
        piece_offset: u16,
        s_bucket: SBucket,
        variant: Variant,
    ) -> Result<Option<Answer>, ReadError> {
        self.check_offset(piece_offset)?;
        let number = usize::from(s_bucket.number());
        let Some(encoded) = self.chunk(piece_offset, number) else {
            return Ok(None);
        };
        let seed = self.plan.sector_id.seed(piece_offset);
        let proof = crate::proof_of_space::prove(&seed, K, variant, s_bucket)?;
        let missing = ReadError::MissingProof { piece_offset, s_bucket: number, variant };
        let proof = proof.ok_or(missing)?;
        if !is_valid_proof(&seed, K, s_bucket.challenge_index(K), &proof) {
            return Err(ReadError::InvalidProof { piece_offset, s_bucket: number });
        }
        let mut chunk = [0; CHUNK_BYTES];
        chunk.copy_from_slice(encoded);
        mask(&mut chunk, &proof);
        Ok(Some(Answer { chunk, proof }))
    }
}
