//! A record and its proofs: encoding hides each chunk behind the hash of the proof of its s-bucket, decoding
//! needs the same proofs again.

use rayon::prelude::*;

use super::{CHUNK_BYTES, EncodeError, RECORD_BYTES, RECORD_CHUNKS, RecordJob};
use crate::erasure_code::extend;
use crate::proof_of_space::{PROOF_BYTES, RecordProofs, SBUCKETS};

/// Chunks that one task hides.
const TASK_CHUNKS: usize = 1 << 10;

/// The s-buckets whose bit is set, in order.
pub(super) fn s_buckets(found: &[u8]) -> impl Iterator<Item = usize> {
    let bits = found.iter().enumerate();
    bits.flat_map(|(byte, bits)| {
        (0..8).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| byte * 8 + bit)
    })
}

/// Hides a chunk, or shows it again.
pub(super) fn mask(chunk: &mut [u8], proof: &[u8]) {
    for (byte, mask) in chunk.iter_mut().zip(blake3::hash(proof).as_bytes()) {
        *byte ^= mask;
    }
}

/// Chunk `s` of the extended record: source and parity take turns.
pub(super) fn extended_chunk<'a>(source: &'a [u8], parity: &'a [u8], s_bucket: usize) -> &'a [u8] {
    let half = if s_bucket.is_multiple_of(2) { source } else { parity };
    &half[s_bucket / 2 * CHUNK_BYTES..][..CHUNK_BYTES]
}

/// Encodes the record of a job with its proofs and marks the job as done.
///
/// # Errors
/// [`EncodeError::TooFewProofs`], [`EncodeError::Erasure`]: the job is as it was.
pub(super) fn encode_record(
    proofs: &RecordProofs,
    job: &mut RecordJob<'_>,
) -> Result<(), EncodeError> {
    let proof_count = proofs.proof_count();
    if proof_count < RECORD_CHUNKS {
        return Err(EncodeError::TooFewProofs { proof_count });
    }
    let mut parity = vec![0; RECORD_BYTES];
    extend(job.record, &mut parity)?;
    let used: Vec<usize> = s_buckets(proofs.found.as_slice()).take(RECORD_CHUNKS).collect();
    let mut encoded = vec![0; RECORD_BYTES];
    encoded
        .par_chunks_exact_mut(CHUNK_BYTES)
        .with_min_len(TASK_CHUNKS)
        .zip(&used)
        .zip(proofs.proofs.par_chunks_exact(PROOF_BYTES))
        .for_each(|((chunk, &s_bucket), proof)| {
            chunk.copy_from_slice(extended_chunk(job.record, &parity, s_bucket));
            mask(chunk, proof);
        });
    job.record.copy_from_slice(&encoded);
    job.found.fill(0);
    for s_bucket in used {
        job.found[s_bucket / 8] |= 1 << (s_bucket % 8);
    }
    let (all, _) = proofs.proofs.as_chunks::<PROOF_BYTES>();
    job.sample_proofs = job.sample_ranks.iter().map(|&rank| all[usize::from(rank)]).collect();
    job.is_done = true;
    Ok(())
}

const _: () = assert!(RECORD_CHUNKS * 2 == SBUCKETS, "a record and its parity fill the s-buckets");
