//! Plays a whole dispute between two runs of one computation.

use aipot_domain_runtime::dispute::{Decision, Dispute, Move, MoveError, Side, Stage};
use aipot_domain_runtime::primitives::DataRoot;
use aipot_domain_runtime::program::{Computation, FileRoots};
use aipot_kernels::blake3_tree;
use parity_scale_codec::Encode;
use thiserror::Error;

use super::machine::Files;
use super::prover::{Prover, ProverError};
use super::replay::Engine;

/// Moves after which a game that does not end is a defect: ten rounds of two moves and the last ones.
const MOVES_MAX: u32 = 64;

/// How a dispute went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Who was right, and why.
    pub decision: Decision,
    /// Picks of the challenger.
    pub rounds: u32,
    /// Moves of both sides.
    pub moves: u32,
    /// Bytes of roots that the responder has shown.
    pub posted_bytes: u32,
    /// The first wrong step; 0 makes the state.
    pub step: u32,
    /// The first wrong operator in it.
    pub operator: u32,
    /// The chunk of its output.
    pub chunk: u32,
    /// Bytes of the last move.
    pub leaf_bytes: usize,
}

/// Why a dispute did not come to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlayError {
    /// Both runs end in the same state.
    #[error("both runs end in the same state")]
    Agreement,
    /// A side has no move.
    #[error("{side:?} has no move")]
    Stuck {
        /// Which side.
        side: Side,
        /// Why.
        source: ProverError,
    },
    /// A move is refused.
    #[error("a move of {side:?} is refused")]
    Refused {
        /// Whose move.
        side: Side,
        /// Why.
        source: MoveError,
    },
    /// The game goes on for ever.
    #[error("the game is not over after {moves} moves")]
    Endless {
        /// Moves so far.
        moves: u32,
    },
}

/// Lets the challenger dispute what the responder's run ends in. `apply` makes each move and may watch it.
///
/// # Errors
/// [`PlayError`] when both agree or a run cannot be computed again.
pub fn play<Left: Engine, Right: Engine>(
    computation: &Computation,
    responder: &mut Prover<'_, Left>,
    challenger: &mut Prover<'_, Right>,
    mut apply: impl FnMut(&mut Dispute, Side, &Move) -> Result<(), MoveError>,
) -> Result<Outcome, PlayError> {
    let stuck = |side| move |source| PlayError::Stuck { side, source };
    let claimed = responder.final_root().map_err(stuck(Side::Responder))?;
    if claimed == challenger.final_root().map_err(stuck(Side::Challenger))? {
        return Err(PlayError::Agreement);
    }
    let mut dispute = Dispute::new(computation, claimed);
    let (mut located, mut leaf_bytes) = ((0, 0, 0), 0);
    while let Some(side) = dispute.turn() {
        if dispute.move_count >= MOVES_MAX {
            return Err(PlayError::Endless { moves: dispute.move_count });
        }
        let answer = match side {
            Side::Responder => responder.answer(&dispute),
            Side::Challenger => challenger.answer(&dispute),
        };
        let answer = answer.map_err(stuck(side))?;
        if let Stage::Leaf { place, chunk, .. } = &dispute.stage {
            located = (place.step, place.operator, *chunk);
            leaf_bytes = answer.encoded_size();
        }
        let refused = |source| PlayError::Refused { side, source };
        apply(&mut dispute, side, &answer).map_err(refused)?;
    }
    let (step, operator, chunk) = located;
    let (rounds, moves) = (dispute.round, dispute.move_count);
    let endless = PlayError::Endless { moves };
    let decision = dispute.decision().ok_or(endless)?;
    let posted_bytes = dispute.posted_bytes;
    Ok(Outcome { decision, rounds, moves, posted_bytes, step, operator, chunk, leaf_bytes })
}

/// Roots and lengths of files, as the chain knows them; an empty file is none.
pub fn file_roots(files: Files<'_>) -> FileRoots {
    let facts = |bytes: &[u8]| {
        let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        (!bytes.is_empty()).then(|| (blake3_tree::root(bytes), byte_count))
    };
    let data = |bytes| facts(bytes).map(|(root, byte_count)| (DataRoot(root), byte_count));
    FileRoots {
        train: data(files.train),
        test: data(files.test),
        model: facts(files.model),
        base: data(files.base),
    }
}

#[cfg(test)]
mod tests;
