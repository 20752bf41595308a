//! The first move: somebody puts a bond on a result being wrong.

use super::case::{self, Case};
use super::subject::{self, Standing};
use super::{Challenge, ChallengeError, GAMES_PER_SUBJECT_MAX, OpenGames, Subject};
use crate::account::debit;
use crate::agenda::{Item, schedule};
use crate::dispute::Dispute;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::operator::Operator;
use crate::primitives::{AccountId, At, OrderId};
use crate::progress::Running;
use crate::refusal::CallResult;
use crate::state::{Fault, State};
use crate::window::Phase;

/// Opens a game about `subject`.
///
/// # Errors
/// [`ChallengeError`], [`crate::progress::AccessError`] or [`crate::account::FundsError`].
pub fn open(
    state: &mut State<'_>,
    challenger: &AccountId,
    order: &OrderId,
    subject: Subject,
    at: At,
) -> CallResult {
    let mut running = Running::in_phase(state, order, at, Phase::Challenge)?;
    let standing = contested(state, challenger, order, subject)?;
    let needs_proof = ChallengeError::NeedsProof { subject };
    let final_root = case::final_root(&standing).ok_or(needs_proof)?;
    let Case { computation, .. } = case::of(&running, subject, &standing)?;
    let number = running.progress.challenge_count;
    enter(state, challenger, (order, subject), number)?;
    let parameters = state.require::<Parameters>(&())?;
    let bond = parameters.challenge_bond;
    debit(state, challenger, bond)?;
    let deadline = at.block.after(parameters.order_limits.move_window_blocks);
    let challenge = Challenge {
        challenger: *challenger,
        subject,
        bond,
        opened_at: at.block,
        dispute: Dispute::new(&computation, final_root),
        deadline,
    };
    state.put(&(*order, number), &challenge);
    let progress = &mut running.progress;
    progress.challenge_count =
        number.checked_add(1).ok_or(Fault::Overflow { quantity: "challenges" })?;
    progress.open_challenge_count = progress.open_challenge_count.saturating_add(1);
    state.put(order, progress);
    schedule(state, deadline.after(1), Item::MoveDeadline { order: *order, challenge: number })?;
    let (order, challenger) = (*order, *challenger);
    state.emit(Event::ChallengeOpened { order, challenge: number, challenger, subject, deadline });
    Ok(())
}

/// What stands of `subject`, for an accuser that may accuse it.
///
/// # Errors
/// [`ChallengeError`] when the accuser is no operator or accuses itself, or nothing stands.
pub(super) fn contested(
    state: &State<'_>,
    accuser: &AccountId,
    order: &OrderId,
    subject: Subject,
) -> CallResult<Standing> {
    if state.get::<Operator>(accuser)?.is_none() {
        return Err(ChallengeError::NotOperator { account: *accuser }.into());
    }
    if *accuser == subject.responder() {
        return Err(ChallengeError::OwnResult { account: *accuser }.into());
    }
    let standing = subject::standing(state, order, subject)?;
    Ok(standing.ok_or(ChallengeError::DoesNotStand { subject })?)
}

/// Enters game `number` among those about `subject`.
fn enter(
    state: &mut State<'_>,
    challenger: &AccountId,
    (order, subject): (&OrderId, Subject),
    number: u32,
) -> CallResult {
    let key = (*order, subject);
    let mut games = state.get::<OpenGames>(&key)?.unwrap_or_default();
    for open in &games.0 {
        let game = state.require::<Challenge>(&(*order, *open))?;
        if game.challenger == *challenger {
            let (challenger, challenge) = (*challenger, *open);
            return Err(ChallengeError::Duplicate { challenger, challenge }.into());
        }
    }
    let (count, max) = (games.0.len(), GAMES_PER_SUBJECT_MAX);
    games.0.push(number).map_err(|_| ChallengeError::TooMany { subject, count, max })?;
    state.put(&key, &games);
    Ok(())
}
