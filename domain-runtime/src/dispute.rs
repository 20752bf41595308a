//! The refereed game by itself: no money, no clock, only moves and who was wrong.
//!
//! The responder says what a computation ends in; the challenger says that it does not. Both agree on the
//! state before the first step. They bisect to the first step on which they differ, then to the first
//! operator in it, then to one chunk of what that operator wrote; there the challenger names one word, opens
//! the words that it is made of, and [`crate::referee`] computes it.

mod bisection;
mod leaf;
mod moves;

pub use bisection::{Bisection, PARTS_MAX, POSTS_MAX};
pub use leaf::{LEAF_BYTES_MAX, Leaf, LeafError, OPENINGS_MAX, SlotOpening};
pub use moves::{Decision, Move, MoveError, Place, Reason, Side, Stage};

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::chunk::CHUNK_BYTES;
use crate::program::{Computation, FileRoots, Program};
use crate::trace::{ChunkSpan, state_root, unset_root};

/// Most rounds of a game: five for steps, three for operators, two for a chunk.
pub const ROUNDS_MAX: u32 = 10;

/// A game.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Dispute {
    /// What is to be done next.
    pub stage: Stage,
    /// Picks so far.
    pub round: u32,
    /// Moves so far; a move names the number that it answers.
    pub move_count: u32,
    /// Bytes of roots that the responder has shown so far.
    pub posted_bytes: u32,
}

impl Dispute {
    /// A game about a computation that is said to end in `final_root`.
    #[must_use]
    pub fn new(computation: &Computation, final_root: [u8; 32]) -> Self {
        let start = unset_root(computation.initial.persistent_count());
        let bisection = Bisection::new((0, start), (computation.steps(), final_root));
        let mut dispute =
            Self { stage: Stage::Steps(bisection), round: 0, move_count: 0, posted_bytes: 0 };
        dispute.settle_steps();
        dispute
    }

    /// Who moves next; `None` when it is over.
    #[must_use]
    pub fn turn(&self) -> Option<Side> {
        match &self.stage {
            Stage::Steps(bisection) | Stage::Operators { bisection, .. } => {
                Some(if bisection.posted.is_empty() { Side::Responder } else { Side::Challenger })
            }
            Stage::Step { .. } | Stage::Output { .. } => Some(Side::Responder),
            Stage::Chunks { children, .. } if children.is_empty() => Some(Side::Responder),
            Stage::Chunks { .. } | Stage::Leaf { .. } => Some(Side::Challenger),
            Stage::Decided(_) => None,
        }
    }

    /// How it ended; `None` while it runs.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match &self.stage {
            Stage::Decided(decision) => Some(*decision),
            Stage::Steps(_)
            | Stage::Step { .. }
            | Stage::Operators { .. }
            | Stage::Output { .. }
            | Stage::Chunks { .. }
            | Stage::Leaf { .. } => None,
        }
    }

    /// The party whose turn it is has let its time pass.
    pub fn time_out(&mut self) {
        let winner = match self.turn() {
            Some(Side::Challenger) => Side::Responder,
            Some(Side::Responder) => Side::Challenger,
            None => return,
        };
        self.stage = Stage::Decided(Decision { winner, reason: Reason::Silence });
    }

    /// Makes a move.
    ///
    /// # Errors
    /// [`MoveError`], with the game as it was.
    pub fn apply(
        &mut self,
        side: Side,
        action: &Move,
        computation: &Computation,
        files: &FileRoots,
    ) -> Result<(), MoveError> {
        let turn = self.turn();
        if turn != Some(side) {
            return Err(MoveError::OutOfTurn { side, turn });
        }
        if action.side() != side {
            return Err(MoveError::WrongKind);
        }
        let mut next = self.clone();
        match action {
            Move::Bisect { roots } => next.bisect(roots)?,
            Move::Pick { part } => next.pick(*part)?,
            Move::EnterStep { scratch_root, roots } => {
                next.enter_step(scratch_root, roots, computation)?;
            }
            Move::Output { old, new, path } => next.open_output((old, new), path, computation)?,
            Move::Children { values } => next.show_children(values, computation)?,
            Move::Chunk { bytes } => next.show_chunk(bytes, computation)?,
            Move::Leaf(leaf) => next.judge(leaf, computation, files)?,
        }
        next.move_count = next.move_count.saturating_add(1);
        *self = next;
        Ok(())
    }

    fn bisect(&mut self, roots: &[[u8; 32]]) -> Result<(), MoveError> {
        match &mut self.stage {
            Stage::Steps(bisection) | Stage::Operators { bisection, .. } => {
                bisection.post(roots)?;
            }
            Stage::Step { .. }
            | Stage::Output { .. }
            | Stage::Chunks { .. }
            | Stage::Leaf { .. }
            | Stage::Decided(_) => return Err(MoveError::WrongKind),
        }
        self.count_posted(roots.len());
        Ok(())
    }

    fn pick(&mut self, part: u8) -> Result<(), MoveError> {
        match &mut self.stage {
            Stage::Steps(bisection) | Stage::Operators { bisection, .. } => bisection.pick(part)?,
            Stage::Chunks { span, value, children, .. } => {
                let spans = span.children();
                let missing = MoveError::NoSuchPart { part, count: spans.len() };
                let index = usize::from(part);
                let (Some(picked), Some(shown)) = (spans.get(index), children.get(index)) else {
                    return Err(missing);
                };
                (*span, *value) = (*picked, *shown);
                *children = BoundedVec::new();
            }
            Stage::Step { .. } | Stage::Output { .. } | Stage::Leaf { .. } | Stage::Decided(_) => {
                return Err(MoveError::WrongKind);
            }
        }
        self.round = self.round.saturating_add(1);
        self.settle_steps();
        self.settle_operators();
        Ok(())
    }

    /// Goes on when the step is found.
    fn settle_steps(&mut self) {
        if let Stage::Steps(bisection) = &self.stage
            && let Some((step, before, after)) = bisection.found()
        {
            self.stage = Stage::Step { step, before, after };
        }
    }

    /// Goes on when the operator is found.
    fn settle_operators(&mut self) {
        if let Stage::Operators { step, bisection } = &self.stage
            && let Some((operator, before, after)) = bisection.found()
        {
            let place = Place { step: *step, operator, before };
            self.stage = Stage::Output { place, after };
        }
    }

    fn enter_step(
        &mut self,
        scratch_root: &[u8; 32],
        roots: &[[u8; 32]],
        computation: &Computation,
    ) -> Result<(), MoveError> {
        let Stage::Step { step, before, after } = &self.stage else {
            return Err(MoveError::WrongKind);
        };
        let step = *step;
        let (program, _) = program(computation, step, 0)?;
        let low = state_root(before, &unset_root(program.scratch_count()));
        let high = state_root(after, scratch_root);
        let count = u32::try_from(program.operators.len()).unwrap_or(u32::MAX);
        let mut bisection = Bisection::new((0, low), (count, high));
        bisection.post(roots)?;
        self.stage = Stage::Operators { step, bisection };
        self.count_posted(roots.len().saturating_add(1));
        self.settle_operators();
        Ok(())
    }

    fn open_output(
        &mut self,
        (old, new): (&[u8; 32], &[u8; 32]),
        path: &[[u8; 32]],
        computation: &Computation,
    ) -> Result<(), MoveError> {
        let Stage::Output { place, after } = &self.stage else {
            return Err(MoveError::WrongKind);
        };
        let place = *place;
        let (program, _) = program(computation, place.step, place.operator)?;
        let operator = operator(program, &place)?;
        let slot = operator.output;
        let is_opened = leaf::state_of(program, slot, old, path) == Some(place.before)
            && leaf::state_of(program, slot, new, path) == Some(*after);
        if !is_opened {
            return Err(MoveError::WrongProof { what: "states" });
        }
        let span = ChunkSpan::whole(element_count(program, slot));
        let children = BoundedVec::new();
        self.stage = Stage::Chunks { place, span, value: *new, children };
        Ok(())
    }

    fn show_children(
        &mut self,
        values: &[[u8; 32]],
        computation: &Computation,
    ) -> Result<(), MoveError> {
        let Stage::Chunks { place, span, value, children } = &mut self.stage else {
            return Err(MoveError::WrongKind);
        };
        // A single chunk has no children; its bytes are wanted.
        if span.count <= 1 {
            return Err(MoveError::WrongKind);
        }
        let expected = span.children().len();
        let count = MoveError::Count { found: values.len(), expected };
        let (program, _) = program(computation, place.step, place.operator)?;
        let whole = ChunkSpan::whole(element_count(program, operator(program, place)?.output));
        let merged = span.merge(values, *span == whole).ok_or(count.clone())?;
        if merged != *value {
            return Err(MoveError::WrongProof { what: "node" });
        }
        *children = BoundedVec::try_from(values.to_vec()).map_err(|_| count)?;
        self.count_posted(values.len());
        Ok(())
    }

    fn show_chunk(
        &mut self,
        bytes: &BoundedBytes<CHUNK_BYTES>,
        computation: &Computation,
    ) -> Result<(), MoveError> {
        let Stage::Chunks { place, span, value, .. } = &self.stage else {
            return Err(MoveError::WrongKind);
        };
        if span.count != 1 {
            return Err(MoveError::WrongKind);
        }
        let (program, _) = program(computation, place.step, place.operator)?;
        let elements = element_count(program, operator(program, place)?.output);
        let expected = leaf::chunk_length(elements, span.first);
        if bytes.len() != expected {
            return Err(MoveError::Count { found: bytes.len(), expected });
        }
        if span.value(bytes, ChunkSpan::whole(elements)) != *value {
            return Err(MoveError::WrongProof { what: "node" });
        }
        self.stage = Stage::Leaf { place: *place, chunk: span.first, bytes: bytes.clone() };
        Ok(())
    }

    fn judge(
        &mut self,
        leaf: &Leaf,
        computation: &Computation,
        files: &FileRoots,
    ) -> Result<(), MoveError> {
        let Stage::Leaf { place, chunk, bytes } = &self.stage else {
            return Err(MoveError::WrongKind);
        };
        let (program, number) = program(computation, place.step, place.operator)?;
        let operator = operator(program, place)?;
        let claim = leaf::Claimed { place, chunk: *chunk, bytes };
        let reason = leaf.judge((program, operator, number), &claim, files)?;
        let is_right = matches!(
            reason, Reason::Computed { posted, computed, .. } if posted == computed
        );
        let winner = if is_right { Side::Responder } else { Side::Challenger };
        self.stage = Stage::Decided(Decision { winner, reason });
        Ok(())
    }

    fn count_posted(&mut self, roots: usize) {
        let bytes = u32::try_from(roots.saturating_mul(32)).unwrap_or(u32::MAX);
        self.posted_bytes = self.posted_bytes.saturating_add(bytes);
    }
}

fn program(
    computation: &Computation,
    step: u32,
    operator: u32,
) -> Result<(&Program, u32), MoveError> {
    computation.program(step).ok_or(MoveError::UnknownOperator { step, operator })
}

fn operator<'program>(
    program: &'program Program,
    place: &Place,
) -> Result<&'program crate::program::Operator, MoveError> {
    let Place { step, operator, .. } = *place;
    let found = usize::try_from(operator).ok().and_then(|index| program.operators.get(index));
    found.ok_or(MoveError::UnknownOperator { step, operator })
}

fn element_count(program: &Program, slot: u16) -> u32 {
    program.slots.get(usize::from(slot)).map_or(0, |slot| slot.element_count)
}

#[cfg(test)]
mod tests;
