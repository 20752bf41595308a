//! Opens what one word is made of, for the referee.

use std::collections::{BTreeMap, BTreeSet};

use aipot_domain_runtime::bounded::{BoundedVec, TooLong};
use aipot_domain_runtime::chunk::{CHUNK_BYTES, prove_chunk};
use aipot_domain_runtime::dispute::{LEAF_BYTES_MAX, Leaf, SlotOpening};
use aipot_domain_runtime::program::{Operator, Program, SlotIndex, SlotKind};
use aipot_domain_runtime::referee::{self, Memory, RefereeError, Unread};
use aipot_domain_runtime::trace::CHUNK_WORDS;
use aipot_kernels::blake3_tree;
use parity_scale_codec::Encode;
use thiserror::Error;

use super::machine::Files;
use super::replay::Walk;

/// Why a word cannot be shown to the referee.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LeafError {
    /// The referee cannot compute the word even from all of memory.
    #[error(transparent)]
    Referee(#[from] RefereeError),
    /// The step has no operator left.
    #[error("there is no operator to be shown")]
    NoOperator,
    /// Something that was read cannot be opened.
    #[error("chunk {chunk} of slot {slot} cannot be opened")]
    NoChunk {
        /// The slot.
        slot: SlotIndex,
        /// The chunk.
        chunk: u64,
    },
    /// There is more to be opened than a leaf holds.
    #[error(transparent)]
    TooMany(#[from] TooLong),
    /// The leaf is too large.
    #[error("leaf of {found} bytes, allowed at most {max}")]
    TooLarge {
        /// Its size.
        found: usize,
        /// What is allowed.
        max: usize,
    },
}

/// Opens what word `element` of the walk's next operator is made of, and nothing else.
///
/// # Errors
/// [`LeafError`] when the operator is not one of an order's program.
pub fn open_leaf(
    walk: &Walk<'_>,
    number: u32,
    files: Files<'_>,
    element: u32,
) -> Result<Leaf, LeafError> {
    let index = usize::try_from(walk.next_operator()).ok();
    let operator = index.and_then(|index| walk.program().operators.get(index));
    let operator = operator.ok_or(LeafError::NoOperator)?;
    let mut reader = Reader { program: walk.program(), walk, files, read: BTreeMap::new() };
    reader.read_for(operator, number, element)?;
    let openings = reader.read.iter().map(|(slot, chunks)| reader.open(*slot, chunks));
    let openings = openings.collect::<Result<Vec<_>, _>>()?;
    let words = u32::try_from(CHUNK_WORDS).unwrap_or(u32::MAX);
    let word = u8::try_from(element % words).unwrap_or(u8::MAX);
    let leaf = Leaf { word, openings: BoundedVec::try_from(openings)? };
    let found = leaf.encoded_size();
    if found > LEAF_BYTES_MAX {
        return Err(LeafError::TooLarge { found, max: LEAF_BYTES_MAX });
    }
    Ok(leaf)
}

/// Memory that notes what is read.
struct Reader<'walk, 'input> {
    program: &'walk Program,
    walk: &'walk Walk<'input>,
    files: Files<'walk>,
    /// Chunks by slot; none where only the root was read.
    read: BTreeMap<SlotIndex, BTreeSet<u64>>,
}

impl Reader<'_, '_> {
    fn read_for(
        &mut self,
        operator: &Operator,
        number: u32,
        element: u32,
    ) -> Result<(), RefereeError> {
        let program = self.program;
        referee::element((program, operator), number, element, self).map(drop)
    }

    /// Notes the chunks that hold some bytes.
    fn note(&mut self, slot: SlotIndex, offset: u64, length: u64) {
        let chunk_bytes = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let last = offset.saturating_add(length.saturating_sub(1));
        self.read.entry(slot).or_default().extend([offset / chunk_bytes, last / chunk_bytes]);
    }

    fn kind(&self, slot: SlotIndex) -> Result<SlotKind, Unread> {
        let facts = self.program.slots.get(usize::from(slot));
        facts.map(|slot| slot.kind).ok_or(Unread { slot, offset: 0 })
    }

    fn open(&self, slot: SlotIndex, chunks: &BTreeSet<u64>) -> Result<SlotOpening, LeafError> {
        let missing = LeafError::NoChunk { slot, chunk: chunks.first().copied().unwrap_or(0) };
        let words;
        let (bytes, root, path) = match self.kind(slot).map_err(|_| missing.clone())? {
            SlotKind::File { file, .. } => {
                let bytes = self.files.get(file);
                (bytes, blake3_tree::root(bytes), Vec::new())
            }
            SlotKind::Persistent | SlotKind::Scratch => {
                let slots = self.walk.slots();
                words = little_endian(slots.get(usize::from(slot)).ok_or_else(|| missing.clone())?);
                let roots = self.walk.roots();
                let root = roots.slot(slot).ok_or_else(|| missing.clone())?;
                (words.as_slice(), root, roots.path(slot))
            }
        };
        let proofs = chunks.iter().map(|chunk| {
            prove_chunk(bytes, *chunk).ok_or(LeafError::NoChunk { slot, chunk: *chunk })
        });
        let chunks = BoundedVec::try_from(proofs.collect::<Result<Vec<_>, _>>()?)?;
        Ok(SlotOpening { slot, root, path: BoundedVec::try_from(path)?, chunks })
    }
}

impl Memory for Reader<'_, '_> {
    fn word(&mut self, slot: SlotIndex, element: u32) -> Result<u32, Unread> {
        let base = match self.kind(slot)? {
            SlotKind::File { byte_offset, .. } => byte_offset,
            SlotKind::Persistent | SlotKind::Scratch => 0,
        };
        let offset = base.saturating_add(u64::from(element).saturating_mul(4));
        let words = self.walk.slots().get(usize::from(slot));
        let index = usize::try_from(element).ok();
        let word = index.and_then(|index| words?.get(index).copied());
        self.note(slot, offset, 4);
        word.ok_or(Unread { slot, offset })
    }

    fn bytes(&mut self, slot: SlotIndex, offset: u64, count: u8) -> Result<u32, Unread> {
        let unread = Unread { slot, offset };
        let SlotKind::File { file, .. } = self.kind(slot)? else { return Err(unread) };
        let begin = usize::try_from(offset).map_err(|_| unread)?;
        let bytes = self.files.get(file).get(begin..).ok_or(unread)?;
        let bytes = bytes.get(..usize::from(count.min(4))).ok_or(unread)?;
        self.note(slot, offset, u64::from(count));
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn root(&mut self, slot: SlotIndex) -> Result<[u8; 32], Unread> {
        self.read.entry(slot).or_default();
        self.walk.roots().slot(slot).ok_or(Unread { slot, offset: 0 })
    }
}

/// The bytes over which the root of a slot is taken.
pub(super) fn little_endian(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
