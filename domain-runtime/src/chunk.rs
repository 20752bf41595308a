//! Availability: whoever cannot fetch something revealed asks for a chunk on the chain, and the owner must
//! serve it there in time.
//!
//! A chunk is 1 KiB of a BLAKE3 tree; its proof is the chunk and the chaining values of the subtrees beside
//! its path to the root.

pub mod prefix;

use alloc::vec::Vec;

use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::claim::Claim;
use crate::event::Event;
use crate::primitives::{AccountId, At, OrderId};
use crate::progress::Running;
use crate::refusal::CallResult;
use crate::state::State;
use crate::window::Phase;

/// Bytes of a chunk of BLAKE3 (BLAKE3 specification, section 2.1).
pub const CHUNK_BYTES: usize = 1024;
/// Deepest path: 2^54 chunks of 2^10 bytes are all that 64 bits of length can name.
pub const PATH_MAX: usize = 54;
/// Chunks that one account can have asked for and not got, for one file.
pub const REQUESTS_PER_ACCOUNT_MAX: usize = 4;
/// Chunks asked for and not served, for one file: all validators and the client.
pub const REQUESTS_MAX: usize = 132;

/// The length of a chunk in 64 bits.
const CHUNK_LENGTH: u64 = 1024;

/// Requests of one file that wait for their answer.
pub type ChunkRequests = BoundedVec<ChunkRequest, REQUESTS_MAX>;

/// A file that must be available.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum ChunkTarget {
    /// The revealed model of this provider.
    #[codec(index = 0)]
    Model(AccountId),
    /// The revealed test data.
    #[codec(index = 1)]
    Test,
}

/// A chunk that somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ChunkRequest {
    /// Who asked.
    pub requester: AccountId,
    /// For which chunk.
    pub chunk_index: u64,
}

/// A chunk with the path that proves its place under a root.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ChunkProof {
    /// Which chunk.
    pub chunk_index: u64,
    /// Its bytes.
    pub bytes: BoundedBytes<CHUNK_BYTES>,
    /// Chaining values of the sibling subtrees, from the chunk up to the root.
    pub path: BoundedVec<[u8; 32], PATH_MAX>,
}

/// Why a request or an answer is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Nothing was revealed.
    #[error("nothing of that target is revealed in order {order}")]
    NothingRevealed {
        /// Which order.
        order: OrderId,
    },
    /// The file has fewer chunks.
    #[error("chunk {chunk_index}, the file has {count}")]
    NoSuchChunk {
        /// What was asked for.
        chunk_index: u64,
        /// Chunks of the file.
        count: u64,
    },
    /// The account waits for enough chunks already.
    #[error("{count} requests wait for their answer, allowed at most {max}")]
    TooManyRequests {
        /// Requests that wait.
        count: usize,
        /// Requests allowed.
        max: usize,
    },
    /// It is too late for an answer in time.
    #[error("requests are accepted in the first half of the availability window only")]
    TooLate,
    /// Only validators of the order and its client may ask.
    #[error("{account} may not ask for chunks of order {order}")]
    NotAllowed {
        /// Who asked.
        account: AccountId,
        /// Which order.
        order: OrderId,
    },
    /// Nobody asked for this chunk.
    #[error("chunk {chunk_index} was not asked for")]
    NotRequested {
        /// Which chunk.
        chunk_index: u64,
    },
    /// The chunk is not part of the file.
    #[error("chunk {chunk_index} does not belong to the revealed root")]
    WrongProof {
        /// Which chunk.
        chunk_index: u64,
    },
}

/// Asks for a chunk.
///
/// # Errors
/// [`ChunkError`] or [`crate::progress::AccessError`].
pub fn request(
    state: &mut State<'_>,
    requester: &AccountId,
    order: &OrderId,
    (target, chunk_index): (ChunkTarget, u64),
    at: At,
) -> CallResult {
    let running = Running::in_phase(state, order, at, target.phase())?;
    if !running.validators().contains(requester) && *requester != running.order.client {
        return Err(ChunkError::NotAllowed { account: *requester, order: *order }.into());
    }
    check_in_time(&running, target, at)?;
    let mut file = TargetFile::load(state, &running, target)?;
    let count = chunk_count(file.byte_count);
    if chunk_index >= count {
        return Err(ChunkError::NoSuchChunk { chunk_index, count }.into());
    }
    let waiting = file.requests.iter().filter(|one| one.requester == *requester).count();
    let full = ChunkError::TooManyRequests { count: waiting, max: REQUESTS_PER_ACCOUNT_MAX };
    if waiting >= REQUESTS_PER_ACCOUNT_MAX {
        return Err(full.into());
    }
    let request = ChunkRequest { requester: *requester, chunk_index };
    file.requests.push(request).map_err(|_| full)?;
    file.store(state, running, target);
    state.emit(Event::ChunkRequested { order: *order, target, request });
    Ok(())
}

/// Serves a chunk; anybody who has it may.
///
/// # Errors
/// [`ChunkError`] or [`crate::progress::AccessError`].
pub fn serve(
    state: &mut State<'_>,
    order: &OrderId,
    target: ChunkTarget,
    proof: &ChunkProof,
    at: At,
) -> CallResult {
    let running = Running::in_phase(state, order, at, target.phase())?;
    let mut file = TargetFile::load(state, &running, target)?;
    let chunk_index = proof.chunk_index;
    if !file.requests.iter().any(|one| one.chunk_index == chunk_index) {
        return Err(ChunkError::NotRequested { chunk_index }.into());
    }
    if !verify_chunk(&file.root, file.byte_count, proof) {
        return Err(ChunkError::WrongProof { chunk_index }.into());
    }
    file.requests.retain(|one| one.chunk_index != chunk_index);
    file.store(state, running, target);
    state.emit(Event::ChunkServed { order: *order, target, chunk_index });
    Ok(())
}

impl ChunkTarget {
    /// The phase in which chunks of this target are asked for and served.
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Model(_) => Phase::Availability,
            Self::Test => Phase::TestAvailability,
        }
    }
}

fn check_in_time(running: &Running, target: ChunkTarget, at: At) -> Result<(), ChunkError> {
    let windows = &running.order.specification.windows;
    // Rounded down: at least one block is left to serve what is asked for last.
    let half = windows.availability / 2;
    let end = windows.start(target.phase(), running.progress.submitted_at).after(half);
    if at.block >= end {
        return Err(ChunkError::TooLate);
    }
    Ok(())
}

/// The file behind a target, with its requests.
struct TargetFile {
    root: [u8; 32],
    byte_count: u64,
    requests: ChunkRequests,
    claim: Option<Claim>,
}

impl TargetFile {
    fn load(state: &State<'_>, running: &Running, target: ChunkTarget) -> CallResult<Self> {
        let nothing = ChunkError::NothingRevealed { order: running.id };
        match target {
            ChunkTarget::Model(provider) => {
                let claim = state.get::<Claim>(&(running.id, provider))?.ok_or(nothing.clone())?;
                let model = claim.model.ok_or(nothing)?;
                let requests = claim.requests.clone();
                let (root, byte_count) = (model.root.0, model.byte_count);
                Ok(Self { root, byte_count, requests, claim: Some(claim) })
            }
            ChunkTarget::Test => {
                let file = running.progress.test.ok_or(nothing)?.file;
                let requests = running.progress.test_requests.clone();
                let (root, byte_count) = (file.root.0, file.byte_count);
                Ok(Self { root, byte_count, requests, claim: None })
            }
        }
    }

    fn store(self, state: &mut State<'_>, mut running: Running, target: ChunkTarget) {
        if let (ChunkTarget::Model(provider), Some(mut claim)) = (target, self.claim) {
            claim.requests = self.requests;
            state.put(&(running.id, provider), &claim);
        } else {
            running.progress.test_requests = self.requests;
            state.put(&running.id, &running.progress);
        }
    }
}

/// Chunks of a file of `byte_count` bytes; an empty file has one empty chunk.
pub fn chunk_count(byte_count: u64) -> u64 {
    byte_count.div_ceil(CHUNK_LENGTH).max(1)
}

/// Whether `proof` shows a chunk of the file of `byte_count` bytes under `root`.
pub fn verify_chunk(root: &[u8; 32], byte_count: u64, proof: &ChunkProof) -> bool {
    let Some(turns) = turns(byte_count, proof.chunk_index) else { return false };
    let offset = proof.chunk_index.saturating_mul(CHUNK_LENGTH);
    let expected = byte_count.saturating_sub(offset).min(CHUNK_LENGTH);
    if u64::try_from(proof.bytes.len()) != Ok(expected) || turns.len() != proof.path.len() {
        return false;
    }
    if turns.is_empty() {
        return blake3::hash(&proof.bytes).as_bytes() == root;
    }
    let mut value = chunk_value(&proof.bytes, offset);
    // Turns were noted from the root down, the path stands from the chunk up.
    let last = turns.len().saturating_sub(1);
    for (level, (is_right, sibling)) in turns.iter().rev().zip(&proof.path).enumerate() {
        let (left, right) = if *is_right { (sibling, &value) } else { (&value, sibling) };
        if level == last {
            return merge_subtrees_root(left, right, Mode::Hash).as_bytes() == root;
        }
        value = merge_subtrees_non_root(left, right, Mode::Hash);
    }
    false
}

/// Proves chunk `chunk_index` of `bytes`; `None` when there is no such chunk.
pub fn prove_chunk(bytes: &[u8], chunk_index: u64) -> Option<ChunkProof> {
    let mut path = Vec::new();
    let (mut rest, mut offset) = (bytes, 0_u64);
    for is_right in turns(u64::try_from(bytes.len()).ok()?, chunk_index)? {
        let left_length = left_length(u64::try_from(rest.len()).ok()?);
        let (left, right) = rest.split_at_checked(usize::try_from(left_length).ok()?)?;
        let middle = offset.checked_add(left_length)?;
        if is_right {
            path.push(chunk_value(left, offset));
            (rest, offset) = (right, middle);
        } else {
            path.push(chunk_value(right, middle));
            rest = left;
        }
    }
    path.reverse();
    let path = BoundedVec::try_from(path).ok()?;
    Some(ChunkProof { chunk_index, bytes: BoundedBytes::try_from(rest.to_vec()).ok()?, path })
}

/// For each node from the root down whether the chunk lies in its right half.
fn turns(byte_count: u64, chunk_index: u64) -> Option<Vec<bool>> {
    if chunk_index >= chunk_count(byte_count) {
        return None;
    }
    let mut offset = chunk_index.checked_mul(CHUNK_LENGTH)?;
    let mut length = byte_count;
    let mut turns = Vec::new();
    while length > CHUNK_LENGTH {
        let left = left_length(length);
        let is_right = offset >= left;
        turns.push(is_right);
        if is_right {
            offset = offset.checked_sub(left)?;
            length = length.checked_sub(left)?;
        } else {
            length = left;
        }
    }
    Some(turns)
}

/// Length of the left subtree of `length` bytes: the largest power of two below `length`, which must be
/// more than one chunk. BLAKE3's own function of this meaning overflows at the largest length.
fn left_length(length: u64) -> u64 {
    1 << length.saturating_sub(1).checked_ilog2().unwrap_or(0)
}

/// Chaining value of the subtree of `bytes` that begins at `offset` of the whole.
fn chunk_value(bytes: &[u8], offset: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

#[cfg(test)]
mod tests;
