//! Proof of space as Autonomys farmers need it: tables of matching hashes, the proof of every s-bucket,
//! and the verifier.
//!
//! [`Tables`] and [`find_proofs_portable`] are the definition, for reading; [`find_proofs`] gives the same
//! proofs fast. Words of this room: table `t` holds entries made of two matching entries of table `t - 1`;
//! an entry has `y`, `metadata` and the positions of its two parents; a proof is the 64 values `x` of
//! table 1 below one entry of table 7.
//!
//! # Source
//! Chia, "Proof of Space Construction" (2020), sections 4 to 6.

pub mod device;
#[expect(clippy::inline_always, reason = "compiled with the processor features of its callers")]
mod fast;
mod parameters;
mod portable;
#[expect(clippy::inline_always, reason = "compiled with the processor features of its callers")]
mod verify;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use parameters::{BUCKET_VALUES, bucket_count, is_match, left_target, metadata_bits};
pub use portable::{Table, Tables, find_proofs_portable};
pub use verify::is_valid_proof;

/// Tables of a proof of space.
pub const TABLES: usize = 7;

/// Size parameter of the network: table 1 has `2^K` entries.
pub const K: u8 = 20;

/// The least size parameter that gives every s-bucket a challenge of its own.
pub const K_MIN: u8 = 16;

/// S-buckets of a record: the values that a challenge can take.
pub const SBUCKETS: usize = 65_536;

/// Values `x` in a proof.
pub const PROOF_VALUES: usize = 64;

/// Bytes of a proof with [`K`].
pub const PROOF_BYTES: usize = proof_bytes(K);

/// Proofs that variant [`Variant::V2`] stops at: as many as a record has chunks.
pub const V2_PROOFS_MAX: usize = 32_768;

/// Which of two incompatible ways of building tables and choosing proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Complete tables; of several proofs of an s-bucket the first in order of `y`.
    V1,
    /// Truncated buckets; of several proofs of an s-bucket the one found first.
    V2,
}

impl Variant {
    /// Entries of a bucket that take part in matching.
    pub const fn bucket_entries_max(self) -> usize {
        match self {
            Self::V1 => 512,
            Self::V2 => 272,
        }
    }

    /// Matches that are kept of a pair of buckets.
    pub const fn matches_max(self) -> usize {
        match self {
            Self::V1 => 512,
            Self::V2 => 288,
        }
    }

    /// Right entries with the same `y` that take part in matching.
    pub const fn duplicates_max(self) -> usize {
        match self {
            Self::V1 => usize::MAX,
            Self::V2 => 2,
        }
    }

    /// Proofs that are kept of a record, from the first s-bucket on, when at most `limit` are wanted.
    pub fn proofs_max(self, limit: Option<usize>) -> usize {
        let own = match self {
            Self::V1 => SBUCKETS,
            Self::V2 => V2_PROOFS_MAX,
        };
        limit.map_or(own, |limit| limit.min(own))
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}

/// A variant that is neither "v1" nor "v2".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("variant {given:?} is neither \"v1\" nor \"v2\"")]
pub struct UnknownVariant {
    /// What was given.
    pub given: String,
}

impl FromStr for Variant {
    type Err = UnknownVariant;

    fn from_str(text: &str) -> Result<Self, UnknownVariant> {
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            _ => Err(UnknownVariant { given: text.to_owned() }),
        }
    }
}

/// What all tables of a record are derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A place for a chunk in a record, and at once the challenge whose proof hides that chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SBucket(u16);

impl SBucket {
    /// The s-bucket with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The first `k` bits of the challenge of this s-bucket: its number as four little-endian bytes, read
    /// as a big-endian bit string. `k` is 16 to 32.
    pub fn challenge_index(self, k: u8) -> u32 {
        u32::from(self.0).swap_bytes() >> (32 - u32::from(k))
    }

    /// The s-bucket whose challenge starts with these `k` bits, if there is one. `k` is 16 to 32.
    pub fn of_challenge_index(challenge_index: u32, k: u8) -> Option<Self> {
        let number = (challenge_index << (32 - u32::from(k))).swap_bytes();
        u16::try_from(number).ok().map(Self)
    }
}

/// The proofs of all s-buckets of a record that have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordProofs {
    /// Which s-buckets have a proof here; s-bucket `s` is bit `s % 8`, least significant first, of byte
    /// `s / 8`.
    pub found: Box<[u8; SBUCKETS / 8]>,
    /// The proofs, [`proof_bytes`] each, in the order of their s-buckets.
    pub proofs: Vec<u8>,
    /// Entries of tables 1 to 7.
    pub table_entries: [u32; TABLES],
}

impl RecordProofs {
    /// Whether this s-bucket has a proof here.
    pub fn is_found(&self, s_bucket: SBucket) -> bool {
        let number = usize::from(s_bucket.0);
        self.found[number / 8] >> (number % 8) & 1 == 1
    }

    /// The proof of an s-bucket, if it has one here; `k` as it was when they were found.
    pub fn proof(&self, s_bucket: SBucket, k: u8) -> Option<&[u8]> {
        if !self.is_found(s_bucket) {
            return None;
        }
        let rank = (0..s_bucket.0).filter(|&before| self.is_found(SBucket(before))).count();
        self.proofs.chunks_exact(proof_bytes(k)).nth(rank)
    }

    /// How many proofs there are.
    pub fn proof_count(&self) -> usize {
        self.found.iter().map(|byte| byte.count_ones() as usize).sum()
    }
}

/// Bytes of a proof: 64 values of `k` bits.
pub const fn proof_bytes(k: u8) -> usize {
    PROOF_VALUES / 8 * k as usize
}

/// Asked at every table boundary whether to go on; `false`: stop. So a plotting job gives way.
pub type KeepGoing<'a> = &'a (dyn Fn() -> bool + Sync);

/// Why there are no proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It was told to stop.
    #[error("stopped at table {table} of 7")]
    Stopped {
        /// The table that was to come next.
        table: usize,
    },
    /// There are no tables of this size here.
    #[error("size parameter k is {k}, must be 16 to 20")]
    UnsupportedK {
        /// What was asked for.
        k: u8,
    },
}

/// Refuses sizes that the tables are not made for.
fn check_k(k: u8) -> Result<(), ProofError> {
    if (K_MIN..=K).contains(&k) { Ok(()) } else { Err(ProofError::UnsupportedK { k }) }
}

/// Refuses to go on when the caller says so.
fn check_going(keep_going: KeepGoing<'_>, table: usize) -> Result<(), ProofError> {
    if keep_going() { Ok(()) } else { Err(ProofError::Stopped { table }) }
}

/// Finds the proof of every s-bucket that has one, at most `limit`, with the threads of the current pool.
///
/// The result is that of [`find_proofs_portable`], however many threads there are.
///
/// # Errors
/// [`ProofError::Stopped`] when `keep_going` said no;
/// [`ProofError::UnsupportedK`] when `k` is not 16 to 20.
pub fn find_proofs(
    seed: &Seed,
    k: u8,
    variant: Variant,
    limit: Option<usize>,
    keep_going: KeepGoing<'_>,
) -> Result<RecordProofs, ProofError> {
    match fast::find_proofs(seed, k, variant, limit, keep_going)? {
        Some(proofs) => Ok(proofs),
        None => find_proofs_portable(seed, k, variant, limit, keep_going),
    }
}

/// Finds the proof of one s-bucket; `None` when it has none.
///
/// # Errors
/// [`ProofError::UnsupportedK`] when `k` is not 16 to 20.
pub fn prove(
    seed: &Seed,
    k: u8,
    variant: Variant,
    s_bucket: SBucket,
) -> Result<Option<Vec<u8>>, ProofError> {
    let proofs = find_proofs(seed, k, variant, None, &|| true)?;
    Ok(proofs.proof(s_bucket, k).map(<[u8]>::to_vec))
}

#[cfg(test)]
mod tests;
