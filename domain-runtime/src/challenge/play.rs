//! Moves: in turn, in time, each naming the position that it answers.

use super::case::{self, Case};
use super::{Challenge, ChallengeError, subject, verdict};
use crate::dispute::{Move, Side, Stage};
use crate::event::Event;
use crate::genesis::Parameters;
use crate::primitives::{AccountId, At, OrderId};
use crate::progress::Running;
use crate::refusal::CallResult;
use crate::state::State;

/// Makes move number `move_index` of a game.
///
/// # Errors
/// [`ChallengeError`] or [`crate::progress::AccessError`]; the game then stands as before.
pub fn play(
    state: &mut State<'_>,
    player: &AccountId,
    (order, number): (&OrderId, u32),
    (move_index, action): (u32, &Move),
    at: At,
) -> CallResult {
    let running = Running::load(state, order)?;
    let closed = ChallengeError::NotOpen { order: *order, challenge: number };
    let mut challenge = state.get::<Challenge>(&(*order, number))?.ok_or(closed.clone())?;
    let side = challenge.dispute.turn().ok_or(closed)?;
    check_turn(&challenge, number, (player, side), move_index, at)?;
    let subject = challenge.subject;
    let standing = subject::standing(state, order, subject)?;
    let standing = standing.ok_or(ChallengeError::DoesNotStand { subject })?;
    let Case { computation, files } = case::of(&running, subject, &standing)?;
    challenge
        .dispute
        .apply(side, action, &computation, &files)
        .map_err(|source| ChallengeError::BadMove { challenge: number, source })?;
    let (order, mover) = (*order, *player);
    state.emit(Event::MoveMade { order, challenge: number, move_index, mover });
    if let Some(decision) = challenge.dispute.decision() {
        return Ok(verdict::decide(state, &running, (number, &challenge), decision, at)?);
    }
    if let Stage::Output { place, .. } = challenge.dispute.stage {
        let (step, operator) = (place.step, place.operator);
        state.emit(Event::OperatorLocated { order, challenge: number, step, operator });
    }
    let window = state.require::<Parameters>(&())?.order_limits.move_window_blocks;
    challenge.deadline = at.block.after(window);
    state.put(&(order, number), &challenge);
    Ok(())
}

fn check_turn(
    challenge: &Challenge,
    number: u32,
    (account, side): (&AccountId, Side),
    move_index: u32,
    at: At,
) -> Result<(), ChallengeError> {
    let mover = challenge.account(side);
    if *account != mover {
        let account = *account;
        return Err(ChallengeError::NotYourTurn { account, mover, challenge: number });
    }
    let expected = challenge.dispute.move_count;
    if move_index != expected {
        return Err(ChallengeError::WrongMove { challenge: number, move_index, expected });
    }
    let (block, deadline) = (at.block, challenge.deadline);
    if block > deadline {
        return Err(ChallengeError::TooLate { challenge: number, block, deadline });
    }
    Ok(())
}
