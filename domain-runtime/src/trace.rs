//! Roots of traces: the state of a computation as one hash, and openings of single words under it.
//!
//! The root of a slot is BLAKE3 of its little-endian bytes, so its chunk tree opens 1 KiB at a time. Slot
//! roots are the leaves of two binary trees, one of what survives a step and one of the rest; the state
//! between steps is the first, the state within a step is the node above both.

use alloc::vec::Vec;

use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::chunk::CHUNK_BYTES;
use crate::primitives::TraceRoot;

/// Root of a slot that was not written in this step yet.
pub const UNSET: [u8; 32] = [0; 32];
/// Deepest tree of slots: 65,536 of them.
pub const SLOT_PATH_MAX: usize = 16;
/// Most children of a node of a slot's chunk tree that one move shows: seven levels.
pub const CHILDREN_MAX: usize = 128;
/// Separates nodes of state trees from every other use of BLAKE3.
const NODE_CONTEXT: &str = "aipot state node v1";
/// Separates commitments to traces.
const TRACE_CONTEXT: &str = "aipot trace v1";
/// Words of 32 bits in a chunk.
pub const CHUNK_WORDS: usize = CHUNK_BYTES / 4;

/// Siblings on the way from a slot up to the root.
pub type SlotPath = BoundedVec<[u8; 32], SLOT_PATH_MAX>;

/// The node above two others.
#[must_use]
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(NODE_CONTEXT);
    hasher.update(left);
    hasher.update(right);
    *hasher.finalize().as_bytes()
}

/// The root over leaves in order, filled up with [`UNSET`] to a power of two; `UNSET` for none.
#[must_use]
pub fn list_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut level = leaves.to_vec();
    level.resize(leaves.len().next_power_of_two(), UNSET);
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied().unwrap_or(UNSET)
}

/// The root over `count` leaves that are all [`UNSET`].
#[must_use]
pub fn unset_root(count: usize) -> [u8; 32] {
    let levels = count.next_power_of_two().trailing_zeros();
    (0..levels).fold(UNSET, |value, _| node(&value, &value))
}

/// The state within a step.
#[must_use]
pub fn state_root(persistent: &[u8; 32], scratch: &[u8; 32]) -> [u8; 32] {
    node(persistent, scratch)
}

/// The siblings of leaf `index`, from the leaf up; `None` when there is no such leaf.
#[must_use]
pub fn list_path(leaves: &[[u8; 32]], index: usize) -> Option<Vec<[u8; 32]>> {
    leaves.get(index)?;
    let mut level = leaves.to_vec();
    level.resize(leaves.len().next_power_of_two(), UNSET);
    let (mut path, mut place) = (Vec::new(), index);
    while level.len() > 1 {
        path.push(*level.get(place ^ 1)?);
        level = parents(&level);
        place >>= 1;
    }
    Some(path)
}

/// The root that `leaf` at `index` has with these siblings.
#[must_use]
pub fn root_of_path(leaf: [u8; 32], index: usize, path: &[[u8; 32]]) -> [u8; 32] {
    let mut place = index;
    path.iter().fold(leaf, |value, sibling| {
        let is_right = place & 1 == 1;
        place >>= 1;
        if is_right { node(sibling, &value) } else { node(&value, sibling) }
    })
}

/// Levels of a tree over `count` leaves.
#[must_use]
pub fn depth(count: usize) -> usize {
    usize::try_from(count.next_power_of_two().trailing_zeros()).unwrap_or(usize::MAX)
}

fn parents(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let (pairs, _) = level.as_chunks::<2>();
    pairs.iter().map(|[left, right]| node(left, right)).collect()
}

/// What a trace commits to: the states at every `interval` steps, and the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct TraceOpening {
    /// [`list_root`] of the states at the checkpoints, the final state last.
    pub checkpoints_root: [u8; 32],
    /// The final state.
    pub final_root: [u8; 32],
}

impl TraceOpening {
    /// The commitment: `derive_key("aipot trace v1", SCALE(opening))`.
    #[must_use]
    pub fn root(&self) -> TraceRoot {
        TraceRoot(blake3::derive_key(TRACE_CONTEXT, &self.encode()))
    }
}

/// Neighbouring chunks that are one node of a chunk tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ChunkSpan {
    /// The first chunk.
    pub first: u32,
    /// How many, at least one.
    pub count: u32,
}

impl ChunkSpan {
    /// All chunks of a slot.
    #[must_use]
    pub fn whole(element_count: u32) -> Self {
        let words = u32::try_from(CHUNK_WORDS).unwrap_or(u32::MAX);
        Self { first: 0, count: element_count.div_ceil(words).max(1) }
    }

    /// The two halves of the node, as BLAKE3 splits it; `None` for a single chunk.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        let left = 1_u32 << self.count.checked_sub(1)?.checked_ilog2()?;
        let right = self.count.checked_sub(left)?;
        let middle = self.first.checked_add(left)?;
        Some((Self { first: self.first, count: left }, Self { first: middle, count: right }))
    }

    /// The descendants that a move shows: the node is split level by level while at most [`CHILDREN_MAX`]
    /// parts result. A single chunk gives itself.
    #[must_use]
    pub fn children(self) -> Vec<Self> {
        let mut spans = alloc::vec![self];
        loop {
            let next: Vec<Self> = spans
                .iter()
                .flat_map(|span| match span.halves() {
                    Some((left, right)) => alloc::vec![left, right],
                    None => alloc::vec![*span],
                })
                .collect();
            if next.len() == spans.len() || next.len() > CHILDREN_MAX {
                return spans;
            }
            spans = next;
        }
    }

    /// The value of this node from the values of its [`Self::children`]; as a root when it `is_root`.
    /// `None` when there are not as many values as children.
    #[must_use]
    pub fn merge(self, values: &[[u8; 32]], is_root: bool) -> Option<[u8; 32]> {
        let children = self.children();
        if children.len() != values.len() {
            return None;
        }
        let mut parts: Vec<(Self, [u8; 32])> =
            children.into_iter().zip(values.iter().copied()).collect();
        self.fold(&mut parts, is_root)
    }

    fn fold(self, parts: &mut Vec<(Self, [u8; 32])>, is_root: bool) -> Option<[u8; 32]> {
        if let Some((span, value)) = parts.first().copied()
            && span == self
        {
            parts.remove(0);
            return Some(value);
        }
        let (left, right) = self.halves()?;
        let left = left.fold(parts, false)?;
        let right = right.fold(parts, false)?;
        Some(if is_root {
            *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
        } else {
            merge_subtrees_non_root(&left, &right, Mode::Hash)
        })
    }

    /// The value of the node over these bytes of a slot whose whole is `whole`; the bytes must be exactly
    /// those of the span.
    #[must_use]
    pub fn value(self, bytes: &[u8], whole: Self) -> [u8; 32] {
        if self == whole {
            return *blake3::hash(bytes).as_bytes();
        }
        let chunk_bytes = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(u64::from(self.first).saturating_mul(chunk_bytes));
        hasher.update(bytes);
        hasher.finalize_non_root()
    }
}

#[cfg(test)]
mod tests;
