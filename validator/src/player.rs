//! Plays a side of a refereed game with nothing but what a node has on disk.
//!
//! Every answer is computed from the files alone, so a player that was killed in any round goes on as if
//! nothing had happened. What it cannot compute is an error, never a move.

use aipot_domain_runtime::challenge::case::Case;
use aipot_domain_runtime::dispute::{Dispute, Move};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::engine::{EngineError, FastEngine};
use aipot_trainer::trace::machine::{Files, Machine};
use aipot_trainer::trace::prover::{Prover, ProverError};
use aipot_trainer::trace::recorder::Snapshots;
use aipot_trainer::trace::replay::{Replay, ReplayError};
use thiserror::Error;

/// Why a player has no move. Says nothing about the other side.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlayerError {
    /// The run cannot be computed again.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A state of the run cannot be computed again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The run has nothing to show for what is asked.
    #[error(transparent)]
    Prover(#[from] ProverError),
}

/// The next move in a game about a training, from the states that were kept of this node's own run.
///
/// # Errors
/// [`PlayerError`] when this node cannot compute it.
pub fn answer_training(
    specification: &OrderSpecification,
    case: &Case,
    (train, kept): (&[u8], &Snapshots),
    dispute: &Dispute,
) -> Result<Move, PlayerError> {
    let computation = &case.computation;
    let engine = FastEngine::new(specification, computation, train)?;
    let files = Files { train, ..Files::default() };
    let replay = Replay::new((computation, files), engine, Vec::new(), kept.clone());
    Ok(Prover::new(replay).answer(dispute)?)
}

/// The next move in a game about an evaluation, which is short enough to be computed from its start.
///
/// # Errors
/// [`PlayerError`] when this node cannot compute it.
pub fn answer_evaluation(
    case: &Case,
    files: Files<'_>,
    dispute: &Dispute,
) -> Result<Move, PlayerError> {
    let computation = &case.computation;
    let machine = Machine::new(computation, files);
    let replay = Replay::new((computation, files), machine, Vec::new(), Snapshots::default());
    Ok(Prover::new(replay).answer(dispute)?)
}
