//! Proofs of a single move: what one opened chunk of a model's file shows needs no game.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use super::open::contested;
use super::subject::Standing;
use super::{ChallengeError, Subject, verdict};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::chunk::prefix::verify_prefix;
use crate::chunk::{CHUNK_BYTES, ChunkProof, PATH_MAX, verify_chunk};
use crate::claim::RevealedModel;
use crate::event::Event;
use crate::order::OrderSpecification;
use crate::primitives::{AccountId, At, OrderId};
use crate::program::{self, ProgramError, SlotIndex};
use crate::progress::{AccessError, Running};
use crate::refusal::CallResult;
use crate::state::State;
use crate::trace::{SlotPath, depth, root_of_path};
use crate::window::Phase;

/// What shows that a result is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Proof {
    /// The file of a model holds other weights than its trace ends in.
    #[codec(index = 0)]
    OtherWeights(OtherWeights),
    /// The file does not begin with the header of a model of the order.
    #[codec(index = 1)]
    OtherHeader {
        /// A chunk that differs.
        chunk: ChunkProof,
    },
    /// The file does begin with the header of a model of the order.
    #[codec(index = 2)]
    SameHeader(SameHeader),
}

/// A weight under the end of a trace, and the part of the file where it should stand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct OtherWeights {
    /// The slot of the weight.
    pub slot: SlotIndex,
    /// Root of the slot.
    pub root: [u8; 32],
    /// Siblings from the slot up to the final state.
    pub path: SlotPath,
    /// A chunk of the slot.
    pub weights: ChunkProof,
    /// A chunk of the file.
    pub file: ChunkProof,
}

/// What stands behind the header in its last chunk, and behind that chunk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct SameHeader {
    /// From the end of the header to the end of the chunk or of the file.
    pub rest: BoundedBytes<CHUNK_BYTES>,
    /// Values of the subtrees behind the chunk.
    pub values: BoundedVec<[u8; 32], PATH_MAX>,
}

/// Why a proof shows nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The proof speaks of something that the result does not say.
    #[error("the result says nothing that this kind of proof could refute")]
    OtherKind,
    /// The model has no such weight.
    #[error("there is no weight in slot {slot}")]
    NoSuchWeight {
        /// The slot.
        slot: SlotIndex,
    },
    /// The slot does not belong to the state in which the trace ends.
    #[error("slot {slot} is not opened under the final state")]
    WrongPath {
        /// The slot.
        slot: SlotIndex,
    },
    /// A chunk does not belong to its slot or file.
    #[error("chunk {chunk_index} of the {of} does not belong to its root")]
    WrongChunk {
        /// Which chunk.
        chunk_index: u64,
        /// Of what.
        of: &'static str,
    },
    /// What is shown agrees with the result.
    #[error("what is shown does not contradict the result")]
    NoContradiction,
    /// The order has no program.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// Accepts a proof that `subject` is wrong.
///
/// # Errors
/// [`ChallengeError`] or [`AccessError`].
pub fn prove(
    state: &mut State<'_>,
    accuser: &AccountId,
    (order, subject): (&OrderId, Subject),
    proof: &Proof,
    at: At,
) -> CallResult {
    let running = Running::load(state, order)?;
    let phase = running.phase(at);
    if !matches!(phase, Phase::Challenge | Phase::ChallengeExtension) {
        let (order, block, allowed) = (*order, at.block, Phase::Challenge);
        return Err(AccessError::OutsidePhase { order, phase, block, allowed }.into());
    }
    let standing = contested(state, accuser, order, subject)?;
    let unstanding = ChallengeError::DoesNotStand { subject };
    let model = standing.claim.model.ok_or(unstanding)?;
    check(proof, &running.order.specification, &standing, model)
        .map_err(ChallengeError::BadProof)?;
    let (order, accuser) = (*order, *accuser);
    state.emit(Event::ProofAccepted { order, subject, accuser });
    verdict::condemn(state, &running, subject, accuser)?;
    Ok(verdict::settle_soon(state, &running, at)?)
}

fn check(
    proof: &Proof,
    specification: &OrderSpecification,
    standing: &Standing,
    model: RevealedModel,
) -> Result<(), ProofError> {
    let says_no_model = standing.entry.is_some_and(|entry| entry.tally.is_none());
    let header = program::model_header(specification).map_err(ProgramError::from)?;
    match proof {
        Proof::OtherWeights(proof) => match standing.claim.trace {
            Some(trace) if standing.entry.is_none() => {
                proof.check(specification, &trace.final_root, (model, &header))
            }
            Some(_) | None => Err(ProofError::OtherKind),
        },
        Proof::OtherHeader { chunk } if !says_no_model => other_header(chunk, model, &header),
        Proof::SameHeader(proof) if says_no_model => proof.check(model, header),
        Proof::OtherHeader { .. } | Proof::SameHeader(_) => Err(ProofError::OtherKind),
    }
}

fn other_header(chunk: &ChunkProof, model: RevealedModel, header: &[u8]) -> Result<(), ProofError> {
    require_chunk(chunk, &model.root.0, model.byte_count, "file")?;
    contradict((0, header), (first_byte(chunk), &chunk.bytes))
}

impl OtherWeights {
    fn check(
        &self,
        specification: &OrderSpecification,
        final_root: &[u8; 32],
        (model, header): (RevealedModel, &[u8]),
    ) -> Result<(), ProofError> {
        let slot = self.slot;
        let place = usize::from(slot);
        let program = program::training(specification)?.step;
        let is_opened = self.path.len() == depth(program.persistent_count())
            && root_of_path(self.root, place, &self.path) == *final_root;
        if !is_opened {
            return Err(ProofError::WrongPath { slot });
        }
        let missing = ProofError::NoSuchWeight { slot };
        let facts = program.slots.get(place).ok_or(missing.clone())?;
        // Weights are the first slots, in the order in which they stand in the file.
        let before = program.slots.iter().take(place);
        let words = before.fold(0_u64, |sum, slot| sum.saturating_add(slot.element_count.into()));
        let header_bytes = u64::try_from(header.len()).unwrap_or(u64::MAX);
        let start = words.saturating_mul(4).saturating_add(header_bytes);
        let byte_count = u64::from(facts.element_count).saturating_mul(4);
        if start.saturating_add(byte_count) > model.byte_count {
            return Err(missing);
        }
        require_chunk(&self.weights, &self.root, byte_count, "slot")?;
        require_chunk(&self.file, &model.root.0, model.byte_count, "file")?;
        let weights = start.saturating_add(first_byte(&self.weights));
        contradict((weights, &self.weights.bytes), (first_byte(&self.file), &self.file.bytes))
    }
}

impl SameHeader {
    fn check(&self, model: RevealedModel, header: Vec<u8>) -> Result<(), ProofError> {
        let mut prefix = header;
        prefix.extend_from_slice(&self.rest);
        if !verify_prefix(&model.root.0, model.byte_count, &prefix, &self.values) {
            return Err(ProofError::NoContradiction);
        }
        Ok(())
    }
}

fn require_chunk(
    chunk: &ChunkProof,
    root: &[u8; 32],
    byte_count: u64,
    of: &'static str,
) -> Result<(), ProofError> {
    if verify_chunk(root, byte_count, chunk) {
        return Ok(());
    }
    Err(ProofError::WrongChunk { chunk_index: chunk.chunk_index, of })
}

fn first_byte(chunk: &ChunkProof) -> u64 {
    let length = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    chunk.chunk_index.saturating_mul(length)
}

/// Checks that two stretches of one file, each with its first byte's place, differ where both have a byte.
fn contradict(left: (u64, &[u8]), right: (u64, &[u8])) -> Result<(), ProofError> {
    let start = left.0.max(right.0);
    let from = |(first, bytes): (u64, &[u8])| {
        let skipped = usize::try_from(start.saturating_sub(first)).unwrap_or(usize::MAX);
        bytes.get(skipped..).unwrap_or_default().to_vec()
    };
    if from(left).iter().zip(&from(right)).any(|(left, right)| left != right) {
        return Ok(());
    }
    Err(ProofError::NoContradiction)
}
