//! A sector in work: its pieces are encoded in place, a few at a time, and then written out as the layout
//! wants it without a second copy.

use rayon::prelude::*;
use thiserror::Error;

use super::check::{CheckError, CheckPolicy, check_record};
use super::encoder::{EncodeError, RecordEncoder, RecordJob};
use super::layout::sector_bytes;
use super::metadata::{PlottedSector, SectorMetadata};
use super::piece::Piece;
use super::plan::SectorPlan;
use super::record::s_buckets;
use super::{BITMAP_BYTES, CHUNK_BYTES, HASH_BYTES, PIECE_BYTES, RECORD_BYTES};
use crate::proof_of_space::{KeepGoing, SBUCKETS, Variant};

/// S-buckets that are written at a time: the parts of 1,000 records for so many stay in a core's cache.
const BLOCK_S_BUCKETS: usize = 64;

/// Why a sector is not plotted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SectorError {
    /// Not as many pieces as were planned.
    #[error("the sector has {planned} pieces, {given} were given")]
    PieceCount {
        /// Pieces of the plan.
        planned: usize,
        /// Pieces that came.
        given: usize,
    },
    /// A record could not be encoded.
    #[error("the records from offset {piece_offset} on are not encoded")]
    Encode {
        /// Offset of the first record that is not done.
        piece_offset: usize,
        /// Why.
        source: EncodeError,
    },
    /// An encoder returned without error but did not encode a record.
    #[error("the encoder left out the record at offset {piece_offset}")]
    LeftOut {
        /// Offset of the record.
        piece_offset: usize,
    },
    /// An encoded record is not what it has to be.
    #[error("the record at offset {piece_offset} failed its check")]
    Check {
        /// Offset of the record.
        piece_offset: usize,
        /// What is wrong.
        source: CheckError,
    },
}

impl SectorError {
    /// Whether plotting was only told to stop.
    pub fn is_stopped(&self) -> bool {
        match self {
            Self::Encode { source: EncodeError::Stopped { .. }, .. } => true,
            Self::Check { source, .. } => source.is_stopped(),
            _ => false,
        }
    }
}

/// One piece on its way into a sector.
#[derive(Debug)]
struct Entry {
    /// The piece, its record encoded once it is done.
    bytes: Vec<u8>,
    /// Hash of the piece as it came.
    hash: [u8; HASH_BYTES],
    found: Box<[u8; BITMAP_BYTES]>,
}

/// A sector in work.
#[derive(Debug)]
pub struct Sector {
    plan: SectorPlan,
    variant: Variant,
    policy: CheckPolicy,
    entries: Vec<Entry>,
    /// Records that are encoded and checked, from the first on.
    done_count: usize,
}

impl Sector {
    /// Takes the pieces of a plan, by offset.
    ///
    /// # Errors
    /// [`SectorError::PieceCount`] when there are more or fewer.
    pub fn new(
        plan: SectorPlan,
        variant: Variant,
        pieces: Vec<Piece>,
        policy: CheckPolicy,
    ) -> Result<Self, SectorError> {
        let (planned, given) = (plan.piece_indexes.len(), pieces.len());
        if planned != given {
            return Err(SectorError::PieceCount { planned, given });
        }
        let entries = pieces
            .into_iter()
            .map(|piece| Entry {
                hash: crate::blake3_tree::root(piece.as_bytes()),
                bytes: piece.into_bytes(),
                found: Box::new([0; BITMAP_BYTES]),
            })
            .collect();
        Ok(Self { plan, variant, policy, entries, done_count: 0 })
    }

    /// What is plotted.
    pub fn plan(&self) -> &SectorPlan {
        &self.plan
    }

    /// Records that are encoded and checked.
    pub fn done_count(&self) -> usize {
        self.done_count
    }

    /// Whether all records are encoded and checked.
    pub fn is_done(&self) -> bool {
        self.done_count == self.entries.len()
    }

    /// Encodes and checks the next few records that are not done: as many as the encoder takes at once.
    ///
    /// # Errors
    /// [`SectorError::Encode`], [`SectorError::LeftOut`], [`SectorError::Check`]; when
    /// [`SectorError::is_stopped`], or after a failure of the device, it may be called again.
    pub fn advance(
        &mut self,
        encoder: &dyn RecordEncoder,
        keep_going: KeepGoing<'_>,
    ) -> Result<(), SectorError> {
        let (first, piece_count) = (self.done_count, self.entries.len());
        let count = encoder.records_at_once().max(1).min(piece_count - first);
        let group = &mut self.entries[first..first + count];
        // The check needs the source, which encoding overwrites.
        let sources: Vec<Vec<u8>> =
            group.iter().map(|entry| entry.bytes[..RECORD_BYTES].to_vec()).collect();
        let ranks: Vec<Vec<u16>> =
            (first..first + count).map(|offset| self.policy.ranks(offset)).collect();
        let mut jobs: Vec<RecordJob<'_>> = group
            .iter_mut()
            .zip(self.plan.seeds().skip(first))
            .zip(&ranks)
            .map(|((entry, seed), sample_ranks)| RecordJob {
                seed,
                record: &mut entry.bytes[..RECORD_BYTES],
                found: &mut entry.found,
                sample_ranks,
                sample_proofs: Vec::new(),
                is_done: false,
            })
            .collect();
        let end = encoder.encode(self.variant, &mut jobs, keep_going);
        let checked = check_jobs(&jobs, &sources, |place, job, source| {
            let is_recreated = self.policy.is_recreated(first + place, piece_count);
            let variant = is_recreated.then_some(self.variant);
            check_record(job, source, variant, keep_going)
                .map_err(|source| SectorError::Check { piece_offset: first + place, source })
        });
        let (done, failure) = checked;
        for (entry, source) in self.entries[first..].iter_mut().zip(&sources).skip(done) {
            entry.bytes[..RECORD_BYTES].copy_from_slice(source);
        }
        self.done_count += done;
        let piece_offset = self.done_count;
        match (end, failure) {
            (Err(source), _) => Err(SectorError::Encode { piece_offset, source }),
            (Ok(()), Some(failure)) => Err(failure),
            (Ok(()), None) if done < count => Err(SectorError::LeftOut { piece_offset }),
            (Ok(()), None) => Ok(()),
        }
    }

    /// The finished sector.
    ///
    /// # Errors
    /// The sector itself when records are not done.
    pub fn finish(self) -> Result<FinishedSector, Box<Self>> {
        if !self.is_done() {
            return Err(Box::new(self));
        }
        let bitmaps = self.entries.iter().map(|entry| &*entry.found);
        let metadata = SectorMetadata::new(self.plan.sector_index, self.plan.history_size, bitmaps);
        Ok(FinishedSector { plan: self.plan, entries: self.entries, metadata })
    }
}

#[cfg(test)]
impl Sector {
    /// The first piece as it stands.
    pub(super) fn first_piece(&self) -> &[u8] {
        &self.entries[0].bytes
    }
}

/// Checks jobs, all at once, up to the first that is not done or that fails; says how many passed.
fn check_jobs(
    jobs: &[RecordJob<'_>],
    sources: &[Vec<u8>],
    check: impl Fn(usize, &RecordJob<'_>, &[u8]) -> Result<(), SectorError> + Sync,
) -> (usize, Option<SectorError>) {
    let done = jobs.iter().take_while(|job| job.is_done).count();
    let checks = jobs[..done].par_iter().zip(sources).enumerate();
    let ends: Vec<_> = checks.map(|(place, (job, source))| check(place, job, source)).collect();
    for (place, end) in ends.into_iter().enumerate() {
        if let Err(failure) = end {
            return (place, Some(failure));
        }
    }
    (done, None)
}

/// A sector of which every record is encoded and checked.
#[derive(Debug)]
pub struct FinishedSector {
    plan: SectorPlan,
    entries: Vec<Entry>,
    metadata: SectorMetadata,
}

impl FinishedSector {
    /// What farmers are told about it.
    pub fn plotted(&self) -> PlottedSector {
        PlottedSector {
            sector_id: self.plan.sector_id,
            sector_index: self.plan.sector_index,
            metadata: self.metadata.clone(),
            piece_indexes: self.plan.piece_indexes.clone(),
        }
    }

    /// Bytes of the sector.
    pub fn byte_count(&self) -> usize {
        sector_bytes(self.plan.pieces_in_sector())
    }

    /// Hands out the sector in parts, in order; a part is at most some MiB.
    ///
    /// # Errors
    /// What `sink` fails with.
    pub fn write<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut hasher = blake3::Hasher::new();
        let mut bitmaps_hasher = blake3::Hasher::new();
        let mut put = |part: &[u8]| {
            hasher.update_rayon(part);
            sink(part)
        };
        for entry in &self.entries {
            bitmaps_hasher.update(entry.found.as_slice());
            put(entry.found.as_slice())?;
        }
        put(bitmaps_hasher.finalize().as_bytes())?;
        self.write_chunks(&mut put)?;
        for entry in &self.entries {
            put(&entry.bytes[RECORD_BYTES..PIECE_BYTES])?;
            put(&entry.hash)?;
        }
        let checksum = hasher.finalize();
        sink(checksum.as_bytes())
    }

    /// Hands out the chunks by s-bucket: a transpose, block by block.
    fn write_chunks<E>(&self, put: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut taken = vec![0; self.entries.len()];
        let mut block = Vec::new();
        for first in (0..SBUCKETS).step_by(BLOCK_S_BUCKETS) {
            let sizes = &self.metadata.s_bucket_sizes[first..first + BLOCK_S_BUCKETS];
            let mut starts = [0; BLOCK_S_BUCKETS];
            let mut end = 0;
            for (start, &size) in starts.iter_mut().zip(sizes) {
                *start = end;
                end += usize::from(size) * CHUNK_BYTES;
            }
            block.resize(end, 0);
            for (entry, taken) in self.entries.iter().zip(&mut taken) {
                let bitmap = &entry.found[first / 8..][..BLOCK_S_BUCKETS / 8];
                *taken += scatter(bitmap, &entry.bytes[*taken..], &mut starts, &mut block);
            }
            put(&block)?;
        }
        Ok(())
    }
}

/// Copies the chunks of one record that belong to a block, each to the next free place of its s-bucket, and
/// says how many bytes they are.
fn scatter(bitmap: &[u8], record: &[u8], starts: &mut [usize], block: &mut [u8]) -> usize {
    let (chunks, _) = record.as_chunks::<CHUNK_BYTES>();
    let mut bytes = 0;
    for (s_bucket, chunk) in s_buckets(bitmap).zip(chunks) {
        let start = &mut starts[s_bucket];
        block[*start..*start + CHUNK_BYTES].copy_from_slice(chunk);
        *start += CHUNK_BYTES;
        bytes += CHUNK_BYTES;
    }
    bytes
}
