//! The last move: what one word is made of, opened, and the word computed.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use super::{Place, Reason};
use crate::bounded::BoundedVec;
use crate::chunk::{CHUNK_BYTES, ChunkProof, verify_chunk};
use crate::program::{FileRoots, OPERANDS_MAX, Operator, Program, SlotIndex, SlotKind};
use crate::referee::{self, Memory, RefereeError, Unread};
use crate::trace::{CHUNK_WORDS, SlotPath, depth, root_of_path, state_root};

/// Largest leaf in bytes.
pub const LEAF_BYTES_MAX: usize = 10 * 1024;
/// Most slots that one word is made of.
pub const OPENINGS_MAX: usize = OPERANDS_MAX + 2;
/// Most chunks of one slot: a row of 1,024 words that begins anywhere.
const CHUNKS_MAX: usize = 8;

/// A slot opened under the state before the operator, with some of its chunks.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct SlotOpening {
    /// Which slot.
    pub slot: SlotIndex,
    /// Its root; of a file, the file's.
    pub root: [u8; 32],
    /// Siblings up to its tree's root, then the root of the other tree; empty for a file.
    pub path: SlotPath,
    /// Chunks with their paths to the slot's root.
    pub chunks: BoundedVec<ChunkProof, CHUNKS_MAX>,
}

/// Everything that the referee needs to compute one word.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Leaf {
    /// The word within the chunk, `0..256`.
    pub word: u8,
    /// What it is made of.
    pub openings: BoundedVec<SlotOpening, OPENINGS_MAX>,
}

/// Why a leaf is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// The leaf is too large.
    #[error("leaf of {found} bytes, allowed at most {max}")]
    TooLarge {
        /// Its size.
        found: usize,
        /// What is allowed.
        max: usize,
    },
    /// The chunk has fewer words.
    #[error("word {word}, the chunk has {count}")]
    NoSuchWord {
        /// The word.
        word: u8,
        /// Words of the chunk.
        count: usize,
    },
    /// The program has no such slot, or the order has no such file.
    #[error("there is no slot {slot}")]
    NoSuchSlot {
        /// The slot.
        slot: SlotIndex,
    },
    /// The opening does not lead to the agreed state.
    #[error("the opening of slot {slot} does not belong to the state that both agree on")]
    WrongPath {
        /// The slot.
        slot: SlotIndex,
    },
    /// A chunk does not belong to its slot.
    #[error("chunk {chunk} does not belong to slot {slot}")]
    WrongChunk {
        /// The slot.
        slot: SlotIndex,
        /// The chunk.
        chunk: u64,
    },
    /// The word cannot be computed from what is opened.
    #[error(transparent)]
    Referee(#[from] RefereeError),
}

/// What the responder says of the chunk in question.
pub(super) struct Claimed<'game> {
    pub(super) place: &'game Place,
    pub(super) chunk: u32,
    pub(super) bytes: &'game [u8],
}

impl Leaf {
    /// Checks every opening, computes the word and compares.
    ///
    /// # Errors
    /// [`LeafError`] when something is missing or does not belong here.
    pub(super) fn judge(
        &self,
        (program, operator, number): (&Program, &Operator, u32),
        claimed: &Claimed<'_>,
        files: &FileRoots,
    ) -> Result<Reason, LeafError> {
        let found = self.encoded_size();
        if found > LEAF_BYTES_MAX {
            return Err(LeafError::TooLarge { found, max: LEAF_BYTES_MAX });
        }
        let (words, _) = claimed.bytes.as_chunks::<4>();
        let missing = LeafError::NoSuchWord { word: self.word, count: words.len() };
        let posted = u32::from_le_bytes(*words.get(usize::from(self.word)).ok_or(missing)?);
        for opening in &self.openings {
            check(opening, program, &claimed.place.before, files)?;
        }
        let words = u32::try_from(CHUNK_WORDS).unwrap_or(u32::MAX);
        let element = claimed.chunk.saturating_mul(words).saturating_add(u32::from(self.word));
        let mut memory = Opened { program, openings: &self.openings };
        let computed = referee::element((program, operator), number, element, &mut memory)?;
        Ok(Reason::Computed { element, posted, computed })
    }
}

/// The state in which `slot` has this root, by its siblings; `None` when the path is none of this program.
pub(super) fn state_of(
    program: &Program,
    slot: SlotIndex,
    root: &[u8; 32],
    path: &[[u8; 32]],
) -> Option<[u8; 32]> {
    let (persistent, scratch) = (program.persistent_count(), program.scratch_count());
    let index = usize::from(slot);
    let (other, siblings) = path.split_last()?;
    match program.slots.get(index)?.kind {
        SlotKind::Persistent if siblings.len() == depth(persistent) => {
            Some(state_root(&root_of_path(*root, index, siblings), other))
        }
        SlotKind::Scratch if siblings.len() == depth(scratch) => {
            let place = index.checked_sub(persistent)?;
            Some(state_root(other, &root_of_path(*root, place, siblings)))
        }
        SlotKind::Persistent | SlotKind::Scratch | SlotKind::File { .. } => None,
    }
}

/// Bytes of chunk `chunk` of a slot.
pub(super) fn chunk_length(element_count: u32, chunk: u32) -> usize {
    let words = usize::try_from(element_count).unwrap_or(usize::MAX);
    let first = usize::try_from(chunk).unwrap_or(usize::MAX).saturating_mul(CHUNK_WORDS);
    words.saturating_sub(first).min(CHUNK_WORDS).saturating_mul(4)
}

fn check(
    opening: &SlotOpening,
    program: &Program,
    before: &[u8; 32],
    files: &FileRoots,
) -> Result<(), LeafError> {
    let slot = opening.slot;
    let missing = LeafError::NoSuchSlot { slot };
    let facts = program.slots.get(usize::from(slot)).ok_or(missing.clone())?;
    let byte_count = match facts.kind {
        SlotKind::File { file, .. } => {
            let (root, byte_count) = files.get(file).ok_or(missing)?;
            if root != opening.root || !opening.path.is_empty() {
                return Err(LeafError::WrongPath { slot });
            }
            byte_count
        }
        SlotKind::Persistent | SlotKind::Scratch => {
            if state_of(program, slot, &opening.root, &opening.path) != Some(*before) {
                return Err(LeafError::WrongPath { slot });
            }
            u64::from(facts.element_count).saturating_mul(4)
        }
    };
    for proof in &opening.chunks {
        if !verify_chunk(&opening.root, byte_count, proof) {
            return Err(LeafError::WrongChunk { slot, chunk: proof.chunk_index });
        }
    }
    Ok(())
}

/// The words that a leaf opens; every opening was checked.
struct Opened<'leaf> {
    program: &'leaf Program,
    openings: &'leaf [SlotOpening],
}

impl Opened<'_> {
    fn opening(&self, slot: SlotIndex) -> Result<&SlotOpening, Unread> {
        self.openings.iter().find(|one| one.slot == slot).ok_or(Unread { slot, offset: 0 })
    }

    /// One byte of a slot or of the file that it stands in.
    fn byte(&self, slot: SlotIndex, offset: u64) -> Result<u8, Unread> {
        let unread = Unread { slot, offset };
        let chunk_bytes = u64::try_from(CHUNK_BYTES).map_err(|_| unread)?;
        let chunk = offset.checked_div(chunk_bytes).ok_or(unread)?;
        let within = offset.checked_rem(chunk_bytes).ok_or(unread)?;
        let proof = self.opening(slot)?.chunks.iter().find(|one| one.chunk_index == chunk);
        let byte = usize::try_from(within).ok().and_then(|at| proof?.bytes.get(at));
        byte.copied().ok_or(unread)
    }
}

impl Memory for Opened<'_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        let facts = self.program.slots.get(usize::from(slot));
        let base = match facts.map(|slot| slot.kind) {
            Some(SlotKind::File { byte_offset, .. }) => byte_offset,
            Some(SlotKind::Persistent | SlotKind::Scratch) => 0,
            None => return Err(Unread { slot, offset: 0 }),
        };
        let offset = base.saturating_add(u64::from(element).saturating_mul(4));
        self.bytes(slot, offset, 4)
    }

    fn bytes(&mut self, slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let places: Vec<u8> = (0..count.min(4)).collect();
        places.into_iter().rev().try_fold(0_u32, |value, place| {
            let byte = self.byte(slot, offset.saturating_add(u64::from(place)))?;
            Ok(value << 8 | u32::from(byte))
        })
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        Ok(self.opening(slot)?.root)
    }
}
