//! How a challenge ends: who wins is paid, who was wrong loses its stake of the order or its bond.

use alloc::vec::Vec;

use super::{Challenge, OpenGames, Subject};
use crate::account::{burn, credit, subtract};
use crate::agenda::{Item, schedule};
use crate::claim::Claim;
use crate::dispute::{Decision, Side};
use crate::evaluation::Evaluation;
use crate::event::{Event, Verdict, VoidReason};
use crate::operator::slash;
use crate::payment::{BOND_WINNER_PERCENT, distribute_slash};
use crate::primitives::{AccountId, At, OrderId};
use crate::progress::{OrderRecord, Progress, Running};
use crate::state::{Fault, Record, State};
use crate::window::Phase;

/// Ends a game as its decision says.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn decide(
    state: &mut State<'_>,
    running: &Running,
    (number, challenge): (u32, &Challenge),
    decision: Decision,
    at: At,
) -> Result<(), Fault> {
    let (order, reason) = (running.id, decision.reason);
    let verdict = match decision.winner {
        Side::Challenger => Verdict::Upheld(reason),
        Side::Responder => Verdict::Dismissed(reason),
    };
    close(state, order, (number, challenge), verdict)?;
    match decision.winner {
        Side::Challenger => {
            credit(state, &challenge.challenger, challenge.bond)?;
            condemn(state, running, challenge.subject, challenge.challenger)?;
        }
        Side::Responder => forfeit_bond(state, order, (number, challenge))?,
    }
    settle_soon(state, running, at)
}

/// Ends a game against the side whose turn it is.
fn time_out(
    state: &mut State<'_>,
    running: &Running,
    (number, mut challenge): (u32, Challenge),
    at: At,
) -> Result<(), Fault> {
    challenge.dispute.time_out();
    // Only a game with a side to move is kept in the state, so there is a decision now.
    let damaged = Fault::Damaged { table: Challenge::TABLE };
    let decision = challenge.dispute.decision().ok_or(damaged)?;
    decide(state, running, (number, &challenge), decision, at)
}

/// Takes a result as wrong: its author loses its stake of the order, and other games about what falls with
/// it end without a loser.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn condemn(
    state: &mut State<'_>,
    running: &Running,
    subject: Subject,
    accuser: AccountId,
) -> Result<(), Fault> {
    let order = running.id;
    let pay = &running.order.specification.pay;
    let (author, stake) = match subject {
        Subject::Training { provider } => {
            let mut claim = state.require::<Claim>(&(order, provider))?;
            claim.is_void = true;
            state.put(&(order, provider), &claim);
            state.emit(Event::ClaimVoided { order, provider, reason: VoidReason::Refuted });
            (provider, pay.provider_stake_min)
        }
        Subject::Evaluation { validator, .. } => {
            let mut evaluation = state.require::<Evaluation>(&(order, validator))?;
            evaluation.is_struck = true;
            state.put(&(order, validator), &evaluation);
            (validator, pay.validator_stake_min)
        }
    };
    let taken = slash(state, &author, stake)?;
    distribute_slash(state, order, author, taken, (Some(accuser), running.order.client))?;
    for fallen in falling_with(running, subject) {
        for number in state.get::<OpenGames>(&(order, fallen))?.unwrap_or_default().0.into_inner() {
            let challenge = state.require::<Challenge>(&(order, number))?;
            close(state, order, (number, &challenge), Verdict::Moot)?;
            credit(state, &challenge.challenger, challenge.bond)?;
        }
    }
    Ok(())
}

/// Ends every open game against the side whose turn it is.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn decide_all(state: &mut State<'_>, order: &OrderId, at: At) -> Result<(), Fault> {
    let progress = state.require::<Progress>(order)?;
    let record = state.require::<OrderRecord>(order)?;
    let running = Running { id: *order, order: record, progress };
    for subject in subjects(&running) {
        // A game that was lost takes others with it, so the list is read again for each.
        while let Some(number) = first_open(state, order, subject)? {
            let challenge = state.require::<Challenge>(&(*order, number))?;
            time_out(state, &running, (number, challenge), at)?;
        }
    }
    Ok(())
}

/// Ends game `number` against the side whose turn it is, if its deadline is over; looks again later if not.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn move_deadline(
    state: &mut State<'_>,
    order: &OrderId,
    number: u32,
    at: At,
) -> Result<(), Fault> {
    let Some(challenge) = state.get::<Challenge>(&(*order, number))? else {
        return Ok(()); // decided
    };
    if at.block <= challenge.deadline {
        let item = Item::MoveDeadline { order: *order, challenge: number };
        return schedule(state, challenge.deadline.after(1), item);
    }
    let progress = state.require::<Progress>(order)?;
    let record = state.require::<OrderRecord>(order)?;
    let running = Running { id: *order, order: record, progress };
    time_out(state, &running, (number, challenge), at)
}

/// Everything that can be disputed in an order.
fn subjects(running: &Running) -> Vec<Subject> {
    let providers = running.providers().iter().copied();
    providers.flat_map(|provider| about(running, provider)).collect()
}

/// Everything that can be disputed about the model of `provider`.
fn about(running: &Running, provider: AccountId) -> Vec<Subject> {
    let training = core::iter::once(Subject::Training { provider });
    let validators = running.validators().iter().copied();
    training
        .chain(validators.map(|validator| Subject::Evaluation { validator, provider }))
        .collect()
}

/// What is worth nothing once `subject` is wrong: every evaluation of a void model, every entry of a struck
/// evaluation.
fn falling_with(running: &Running, subject: Subject) -> Vec<Subject> {
    match subject {
        Subject::Training { provider } => about(running, provider),
        Subject::Evaluation { validator, .. } => {
            let providers = running.providers().iter().copied();
            providers.map(|provider| Subject::Evaluation { validator, provider }).collect()
        }
    }
}

fn first_open(state: &State<'_>, order: &OrderId, subject: Subject) -> Result<Option<u32>, Fault> {
    let games = state.get::<OpenGames>(&(*order, subject))?;
    Ok(games.and_then(|games| games.0.first().copied()))
}

/// Removes a game, its bond still to be given to somebody.
fn close(
    state: &mut State<'_>,
    order: OrderId,
    (number, challenge): (u32, &Challenge),
    verdict: Verdict,
) -> Result<(), Fault> {
    let key = (order, challenge.subject);
    let mut games = state.require::<OpenGames>(&key)?;
    games.0.retain(|open| *open != number);
    if games.0.is_empty() {
        state.remove::<OpenGames>(&key);
    } else {
        state.put(&key, &games);
    }
    state.remove::<Challenge>(&(order, number));
    let mut progress = state.require::<Progress>(&order)?;
    progress.open_challenge_count = progress.open_challenge_count.saturating_sub(1);
    state.put(&order, &progress);
    state.emit(Event::ChallengeDecided { order, challenge: number, verdict });
    Ok(())
}

/// The result was right: the challenger's bond pays its author.
fn forfeit_bond(
    state: &mut State<'_>,
    order: OrderId,
    (number, challenge): (u32, &Challenge),
) -> Result<(), Fault> {
    let to_responder = challenge.bond.percent(BOND_WINNER_PERCENT);
    let burned = subtract(challenge.bond, to_responder, "bond")?;
    credit(state, &challenge.subject.responder(), to_responder)?;
    burn(state, burned)?;
    state.emit(Event::BondLost { order, challenge: number, to_responder, burned });
    Ok(())
}

/// Settles in the next block an order whose last game has ended in the extension.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn settle_soon(state: &mut State<'_>, running: &Running, at: At) -> Result<(), Fault> {
    let open_count = state.require::<Progress>(&running.id)?.open_challenge_count;
    if open_count > 0 || running.phase(at) != Phase::ChallengeExtension {
        return Ok(());
    }
    schedule(state, at.block.after(1), Item::Phase { order: running.id, phase: Phase::Final })
}
