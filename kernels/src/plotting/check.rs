//! Checks an encoded record before anybody is told that it is plotted. A farmer checks nothing but lengths,
//! so a fault that is not seen here shows when the sector should win.

use thiserror::Error;

use super::encoder::{CpuEncoder, EncodeError, RecordEncoder, RecordJob};
use super::record::{mask, s_buckets};
use super::{BITMAP_BYTES, CHUNK_BYTES, RECORD_CHUNKS};
use crate::chacha8::ChaChaStream;
use crate::erasure_code::{ErasureError, parity_chunk};
use crate::proof_of_space::{K, KeepGoing, PROOF_BYTES, SBucket, Seed, Variant, is_valid_proof};

/// Chunks of a record, as a bound for their ranks.
#[expect(clippy::cast_possible_truncation, reason = "32,768")]
const RANKS: u32 = RECORD_CHUNKS as u32;

/// How much of a sector is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckPolicy {
    /// Chunks of every record whose proof is verified and whose encoding is repeated.
    pub chunks_per_record: u16,
    /// Records of a sector that are wholly encoded again on this processor, as a farmer will have to.
    pub recreated_records: u16,
    /// Decides which chunks and records.
    pub seed: [u8; 32],
}

/// What is wrong with an encoded record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Its bitmap has too few or too many bits.
    #[error("{chunk_count} s-buckets are marked, a record has {RECORD_CHUNKS} chunks")]
    ChunkCount {
        /// S-buckets that are marked.
        chunk_count: usize,
    },
    /// A proof was asked for and is not there.
    #[error("{given} proofs of {wanted} were given")]
    MissingProofs {
        /// Proofs that were asked for.
        wanted: usize,
        /// Proofs that came.
        given: usize,
    },
    /// A proof does not verify.
    #[error("the proof of s-bucket {s_bucket} is not valid")]
    InvalidProof {
        /// Which s-bucket.
        s_bucket: usize,
    },
    /// A chunk is not what its source and its proof make it.
    #[error("the chunk of s-bucket {s_bucket} is encoded wrong")]
    WrongChunk {
        /// Which s-bucket.
        s_bucket: usize,
    },
    /// This processor encodes the record otherwise: another variant, or a fault of the device.
    #[error("this processor encodes the record otherwise")]
    Recreated,
    /// The check itself failed.
    #[error("the check could not be made")]
    Encode(#[from] EncodeError),
    /// The source is not made of scalars.
    #[error("the check could not be made")]
    Erasure(#[from] ErasureError),
}

impl CheckError {
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self, Self::Encode(EncodeError::Stopped { .. }))
    }
}

impl CheckPolicy {
    /// Two chunks of every record, and one whole record of a sector.
    pub const fn usual(seed: [u8; 32]) -> Self {
        Self { chunks_per_record: 2, recreated_records: 1, seed }
    }

    /// The chunks of a record that are checked, by their rank.
    pub(super) fn ranks(&self, piece_offset: usize) -> Vec<u16> {
        let mut stream = self.stream("plotting check: chunks", piece_offset);
        (0..self.chunks_per_record)
            .map(|_| u16::try_from(stream.next_u32() % RANKS).expect("ranks fit 16 bits"))
            .collect()
    }

    /// Whether a record is wholly encoded again.
    pub(super) fn is_recreated(&self, piece_offset: usize, piece_count: usize) -> bool {
        let mut stream = self.stream("plotting check: records", piece_count);
        let mut chosen =
            (0..self.recreated_records).map(|_| stream.next_u64() % piece_count.max(1) as u64);
        chosen.any(|offset| offset == piece_offset as u64)
    }

    fn stream(&self, purpose: &str, number: usize) -> ChaChaStream {
        ChaChaStream::derive(&self.seed, purpose, number as u64)
    }
}

/// Checks a job that is done against the source of its record. Given a variant, it is also encoded again.
///
/// # Errors
/// [`CheckError`]: it is wrong, or could not be checked.
pub(super) fn check_record(
    job: &RecordJob<'_>,
    source: &[u8],
    recreated: Option<Variant>,
    keep_going: KeepGoing<'_>,
) -> Result<(), CheckError> {
    let used: Vec<usize> = s_buckets(job.found).collect();
    if used.len() != RECORD_CHUNKS {
        return Err(CheckError::ChunkCount { chunk_count: used.len() });
    }
    let (wanted, given) = (job.sample_ranks.len(), job.sample_proofs.len());
    if wanted != given {
        return Err(CheckError::MissingProofs { wanted, given });
    }
    for (&rank, proof) in job.sample_ranks.iter().zip(&job.sample_proofs) {
        let rank = usize::from(rank);
        let encoded = &job.record[rank * CHUNK_BYTES..][..CHUNK_BYTES];
        check_chunk(&job.seed, used[rank], proof, encoded, source)?;
    }
    match recreated {
        Some(variant) => check_recreated(job, source, variant, keep_going),
        None => Ok(()),
    }
}

/// Checks one chunk through the verifier and the definition of parity.
fn check_chunk(
    seed: &Seed,
    s_bucket: usize,
    proof: &[u8; PROOF_BYTES],
    encoded: &[u8],
    source: &[u8],
) -> Result<(), CheckError> {
    let number = u16::try_from(s_bucket).expect("a bitmap has 65,536 bits");
    let challenge_index = SBucket::new(number).challenge_index(K);
    if !is_valid_proof(seed, K, challenge_index, proof) {
        return Err(CheckError::InvalidProof { s_bucket });
    }
    let mut chunk = [0; CHUNK_BYTES];
    if s_bucket.is_multiple_of(2) {
        chunk.copy_from_slice(&source[s_bucket / 2 * CHUNK_BYTES..][..CHUNK_BYTES]);
    } else {
        chunk = parity_chunk(source, s_bucket / 2)?;
    }
    mask(&mut chunk, proof);
    if chunk == encoded { Ok(()) } else { Err(CheckError::WrongChunk { s_bucket }) }
}

/// Encodes the record again on this processor and compares.
fn check_recreated(
    job: &RecordJob<'_>,
    source: &[u8],
    variant: Variant,
    keep_going: KeepGoing<'_>,
) -> Result<(), CheckError> {
    let mut record = source.to_vec();
    let mut found = Box::new([0; BITMAP_BYTES]);
    let again = RecordJob {
        seed: job.seed,
        record: &mut record,
        found: &mut found,
        sample_ranks: &[],
        sample_proofs: Vec::new(),
        is_done: false,
    };
    CpuEncoder.encode(variant, &mut [again], keep_going)?;
    let is_same = record == job.record && *found == *job.found;
    if is_same { Ok(()) } else { Err(CheckError::Recreated) }
}
