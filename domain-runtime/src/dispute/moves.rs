//! What a game waits for, what can be done, and why it is refused.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use super::{Bisection, Leaf, LeafError, POSTS_MAX};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::chunk::CHUNK_BYTES;
use crate::trace::{CHILDREN_MAX, ChunkSpan, SlotPath};

/// A party of a game.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Side {
    /// Says that the result is wrong.
    #[codec(index = 0)]
    Challenger,
    /// Stands by the result.
    #[codec(index = 1)]
    Responder,
}

/// Where both parties still agree: the state before one operator of one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Place {
    /// The step; 0 makes the state.
    pub step: u32,
    /// The operator within it.
    pub operator: u32,
    /// The state before it.
    pub before: [u8; 32],
}

/// What is to be done next.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Stage {
    /// The first wrong step is looked for.
    #[codec(index = 0)]
    Steps(Bisection),
    /// The step is known; the responder says what it left in scratch slots and shows states within.
    #[codec(index = 1)]
    Step {
        /// The step.
        step: u32,
        /// The state before it.
        before: [u8; 32],
        /// The state after it, as the responder says.
        after: [u8; 32],
    },
    /// The first wrong operator of the step is looked for.
    #[codec(index = 2)]
    Operators {
        /// The step.
        step: u32,
        /// Its states.
        bisection: Bisection,
    },
    /// The operator is known; the responder opens what it wrote.
    #[codec(index = 3)]
    Output {
        /// Where.
        place: Place,
        /// The state after the operator, as the responder says.
        after: [u8; 32],
    },
    /// The first wrong chunk is looked for: the responder shows children, the challenger picks one.
    #[codec(index = 4)]
    Chunks {
        /// Where.
        place: Place,
        /// The node that is wrong.
        span: ChunkSpan,
        /// Its value, as the responder says.
        value: [u8; 32],
        /// Values of its children; empty before the responder has shown them.
        children: BoundedVec<[u8; 32], CHILDREN_MAX>,
    },
    /// The chunk is known; the challenger shows that one of its words is wrong.
    #[codec(index = 5)]
    Leaf {
        /// Where.
        place: Place,
        /// The chunk of the operator's output.
        chunk: u32,
        /// Its bytes, as the responder says.
        bytes: BoundedBytes<CHUNK_BYTES>,
    },
    /// It is over.
    #[codec(index = 6)]
    Decided(Decision),
}

/// How a game ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Decision {
    /// Who was right.
    pub winner: Side,
    /// Why.
    pub reason: Reason,
}

/// Why a game ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Reason {
    /// The loser did not move in time.
    #[codec(index = 0)]
    Silence,
    /// The referee computed the word.
    #[codec(index = 1)]
    Computed {
        /// The word of the output slot.
        element: u32,
        /// What the responder says.
        posted: u32,
        /// What the referee says.
        computed: u32,
    },
}

/// A move.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Move {
    /// The responder shows the states between the ends of the bisection.
    #[codec(index = 0)]
    Bisect {
        /// As many as [`Bisection::points`] names.
        roots: BoundedVec<[u8; 32], POSTS_MAX>,
    },
    /// The challenger picks the first part that ends in a wrong value: of a bisection, or of a chunk tree.
    #[codec(index = 1)]
    Pick {
        /// Which part, from 0.
        part: u8,
    },
    /// The responder shows what a step left in scratch slots, and the first states within.
    #[codec(index = 2)]
    EnterStep {
        /// Root over the scratch slots after the last operator.
        scratch_root: [u8; 32],
        /// As in `Bisect`.
        roots: BoundedVec<[u8; 32], POSTS_MAX>,
    },
    /// The responder opens the slot that the operator wrote, in the states before and after it.
    #[codec(index = 3)]
    Output {
        /// Root of the slot before.
        old: [u8; 32],
        /// Root of the slot after.
        new: [u8; 32],
        /// Siblings up to the tree's root, then the root of the other tree.
        path: SlotPath,
    },
    /// The responder shows the children of the node; of a single chunk [`Move::Chunk`] shows the bytes.
    #[codec(index = 4)]
    Children {
        /// Their values, in order.
        values: BoundedVec<[u8; 32], CHILDREN_MAX>,
    },
    /// The responder shows a chunk.
    #[codec(index = 5)]
    Chunk {
        /// Its bytes.
        bytes: BoundedBytes<CHUNK_BYTES>,
    },
    /// The challenger opens what one word of the chunk is made of.
    #[codec(index = 6)]
    Leaf(Leaf),
}

impl Move {
    /// Who makes moves of this kind.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Pick { .. } | Self::Leaf(_) => Side::Challenger,
            Self::Bisect { .. }
            | Self::EnterStep { .. }
            | Self::Output { .. }
            | Self::Children { .. }
            | Self::Chunk { .. } => Side::Responder,
        }
    }
}

/// Why a move is refused. The game stands as before.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// It is the other side's turn.
    #[error("{side:?} moved, but it is the turn of {turn:?}")]
    OutOfTurn {
        /// Who moved.
        side: Side,
        /// Whose turn it is; `None` when the game is over.
        turn: Option<Side>,
    },
    /// The move belongs to another stage.
    #[error("this move is not the one that the game waits for")]
    WrongKind,
    /// There are too many or too few values.
    #[error("{found} values, expected {expected}")]
    Count {
        /// Values given.
        found: usize,
        /// Values wanted.
        expected: usize,
    },
    /// There is no such part.
    #[error("part {part}, there are {count}")]
    NoSuchPart {
        /// What was picked.
        part: u8,
        /// Parts.
        count: usize,
    },
    /// The values do not belong to the root that was shown before.
    #[error("what is shown does not belong to the {what} shown before")]
    WrongProof {
        /// To what.
        what: &'static str,
    },
    /// The computation has no such step or operator.
    #[error("step {step} has no operator {operator}")]
    UnknownOperator {
        /// The step.
        step: u32,
        /// The operator.
        operator: u32,
    },
    /// The leaf does not show what it must.
    #[error(transparent)]
    Leaf(#[from] LeafError),
}
