//! The seam between sectors and whatever encodes their records: this processor, a GPU, or several.

use std::fmt;

use rayon::prelude::*;
use thiserror::Error;

use super::record::encode_record;
use super::{BITMAP_BYTES, RECORD_CHUNKS};
use crate::erasure_code::ErasureError;
use crate::gpu::GpuError;
use crate::proof_of_space::{
    K, KeepGoing, PROOF_BYTES, ProofError, Seed, TABLES, Variant, find_proofs,
};

/// Why a record is not encoded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It was told to stop; what is not done may be given again.
    #[error("stopped at table {table} of {TABLES}")]
    Stopped {
        /// The table that was to come next.
        table: usize,
    },
    /// The seed has too few proofs for all chunks, which no seed of the network has been seen to have.
    #[error("only {proof_count} of {RECORD_CHUNKS} chunks have a proof")]
    TooFewProofs {
        /// S-buckets with a proof.
        proof_count: usize,
    },
    /// The record is not made of scalars.
    #[error("the record cannot be extended")]
    Erasure(#[from] ErasureError),
    /// No proofs, for a reason that is not of this record.
    #[error(transparent)]
    Proofs(ProofError),
    /// The device failed.
    #[error(transparent)]
    Device(#[from] GpuError),
}

impl From<ProofError> for EncodeError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Stopped { table } => Self::Stopped { table },
            other => Self::Proofs(other),
        }
    }
}

/// One record to be encoded.
#[derive(Debug)]
pub struct RecordJob<'a> {
    /// From what its tables are made.
    pub seed: Seed,
    /// The record, [`super::RECORD_BYTES`]: source chunks before, encoded chunks in the order of their
    /// s-buckets after.
    pub record: &'a mut [u8],
    /// Set to the s-buckets that the encoded chunks belong to, the least significant bit first.
    pub found: &'a mut [u8; BITMAP_BYTES],
    /// Of which encoded chunks the proof is wanted, each below [`RECORD_CHUNKS`].
    pub sample_ranks: &'a [u16],
    /// Set to these proofs.
    pub sample_proofs: Vec<[u8; PROOF_BYTES]>,
    /// Whether it is encoded; if not, `record` is as it was.
    pub is_done: bool,
}

/// Encodes records.
pub trait RecordEncoder: fmt::Debug + Send + Sync {
    /// What it runs on, for people.
    fn name(&self) -> String;

    /// How many records are best given at a time.
    fn records_at_once(&self) -> usize {
        1
    }

    /// How many records this processor has encoded in the device's place.
    fn fallback_count(&self) -> u64 {
        0
    }

    /// Encodes all jobs that are not done, several at a time where that pays, and marks each when it is.
    ///
    /// # Errors
    /// [`EncodeError::Stopped`] when `keep_going` said no at a table boundary; others when a record cannot
    /// be encoded. Jobs that are done stay done.
    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError>;
}

/// Encodes records on this processor, one for each thread of the current pool at a time; a single record
/// takes all threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuEncoder;

impl RecordEncoder for CpuEncoder {
    fn name(&self) -> String {
        "cpu".to_owned()
    }

    fn records_at_once(&self) -> usize {
        rayon::current_num_threads()
    }

    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        let encode = |job: &mut RecordJob<'_>| {
            let limit = Some(RECORD_CHUNKS);
            let proofs = find_proofs(&job.seed, K, variant, limit, keep_going)?;
            encode_record(&proofs, job)
        };
        let waiting: Vec<&mut RecordJob<'_>> = jobs.iter_mut().filter(|job| !job.is_done).collect();
        // All end, so that what is done is not lost for a failure beside it.
        let ends: Vec<Result<(), EncodeError>> =
            waiting.into_par_iter().with_max_len(1).map(encode).collect();
        ends.into_iter().collect()
    }
}
