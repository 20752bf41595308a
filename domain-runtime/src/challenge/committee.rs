//! How a challenge is decided for now: the majority of a committee that computes the evaluation again.
//!
//! This room is the seam for the refereed game: it alone knows that there are judges.

use super::{Challenge, JUDGES_MAX};
use crate::account::{burn, credit, pay_from_audit_fund, subtract};
use crate::bounded::BoundedVec;
use crate::evaluation::Evaluation;
use crate::event::{Event, Verdict};
use crate::genesis::Parameters;
use crate::operator::{Roles, slash};
use crate::payment::distribute_slash;
use crate::primitives::{AccountId, At, EvaluationDigest, OrderId, Score};
use crate::progress::{Progress, Running};
use crate::selection::{Eligibility, candidates, draw};
use crate::state::{Fault, State};

/// Share of a lost bond that the wrongly accused gets (percent); the rest is burned.
const ACCUSED_PERCENT: u8 = 50;

/// Draws the committee of a challenge from this block's beacon.
///
/// Whoever wins or loses by the verdict is excluded: accused, challenger, client and all providers of the
/// order. Everybody else who can evaluate is a candidate.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn draw_judges(
    state: &mut State<'_>,
    order: &OrderId,
    challenge: u32,
    at: At,
) -> Result<(), Fault> {
    let key = (*order, challenge);
    let (Some(mut dispute), Some(running)) =
        (state.get::<Challenge>(&key)?, state.get::<Progress>(order)?)
    else {
        return Ok(()); // settled before the drawing
    };
    if dispute.is_decided {
        return Ok(());
    }
    let record = state.require::<crate::progress::OrderRecord>(order)?;
    let eligibility = Eligibility {
        roles: Roles { provider: false, validator: true },
        stake_min: record.specification.pay.validator_stake_min,
        unchanged_since: dispute.opened_at,
    };
    let mut excluded = alloc::vec![dispute.challenger, dispute.validator, record.client];
    if let Some(committee) = &running.committee {
        excluded.extend_from_slice(&committee.providers);
    }
    let pool = candidates(state, &eligibility, &excluded)?;
    let count = u32::try_from(JUDGES_MAX).unwrap_or(u32::MAX);
    let purpose = [order.as_bytes().as_slice(), &challenge.to_le_bytes()].concat();
    let judges = draw(pool, count, &at.beacon, &purpose);
    dispute.judges =
        BoundedVec::try_from(judges).map_err(|_| Fault::Overflow { quantity: "judges" })?;
    state.put(&key, &dispute);
    let judges = dispute.judges.clone();
    state.emit(Event::JudgesDrawn { order: *order, challenge, judges });
    if dispute.judges.is_empty() {
        decide(state, Running { id: *order, order: record, progress: running }, challenge)?;
    }
    Ok(())
}

/// Decides every challenge that is still open, with the judgements there are.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn decide_all(state: &mut State<'_>, order: &OrderId) -> Result<(), Fault> {
    let count = state.require::<Progress>(order)?.challenge_count;
    for challenge in 0..count {
        if !state.require::<Challenge>(&(*order, challenge))?.is_decided {
            let progress = state.require::<Progress>(order)?;
            let record = state.require::<crate::progress::OrderRecord>(order)?;
            decide(state, Running { id: *order, order: record, progress }, challenge)?;
        }
    }
    Ok(())
}

/// Decides a challenge: the accused is wrong when most judges agree on something else, right when most
/// agree with it. Without a majority nobody is blamed.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn decide(
    state: &mut State<'_>,
    mut running: Running,
    challenge: u32,
) -> Result<(), Fault> {
    let order = running.id;
    let key = (order, challenge);
    let mut dispute = state.require::<Challenge>(&key)?;
    let accused = state.require::<Evaluation>(&(order, dispute.validator))?;
    let said = accused.entries.iter().find(|entry| entry.provider == dispute.provider);
    let said = said.map(|entry| (entry.score, entry.digest));
    let agreed = majority(&dispute);
    let verdict = match (agreed, said) {
        (Some(agreed), Some(said)) if agreed == said => Verdict::Dismissed,
        (Some(_), _) => Verdict::Upheld,
        (None, _) => Verdict::Undecided,
    };
    match verdict {
        Verdict::Upheld => strike(state, &running, &dispute, accused)?,
        Verdict::Dismissed => compensate(state, &dispute)?,
        Verdict::Undecided => credit(state, &dispute.challenger, dispute.bond)?,
    }
    if let Some(agreed) = agreed {
        reward_judges(state, order, &dispute, agreed)?;
    }
    dispute.is_decided = true;
    state.put(&key, &dispute);
    let progress = &mut running.progress;
    progress.open_challenge_count = progress.open_challenge_count.saturating_sub(1);
    state.put(&order, progress);
    state.emit(Event::ChallengeDecided { order, challenge, verdict });
    Ok(())
}

/// What more than half of the whole committee computed.
fn majority(dispute: &Challenge) -> Option<(Score, EvaluationDigest)> {
    let needed = dispute.judges.len() / 2;
    dispute.judgements.iter().map(|one| (one.score, one.digest)).find(|candidate| {
        let votes = dispute.judgements.iter().filter(|one| (one.score, one.digest) == *candidate);
        votes.count() > needed
    })
}

/// The evaluation was wrong: its author loses its stake of this order.
fn strike(
    state: &mut State<'_>,
    running: &Running,
    dispute: &Challenge,
    mut accused: Evaluation,
) -> Result<(), Fault> {
    credit(state, &dispute.challenger, dispute.bond)?;
    // Proven wrong twice costs once: stake of one order was at risk.
    if accused.is_struck {
        return Ok(());
    }
    accused.is_struck = true;
    state.put(&(running.id, dispute.validator), &accused);
    let amount = running.order.specification.pay.validator_stake_min;
    let taken = slash(state, &dispute.validator, amount)?;
    let (challenger, client) = (Some(dispute.challenger), running.order.client);
    distribute_slash(state, running.id, dispute.validator, taken, (challenger, client))
}

/// The evaluation was right: the challenger's bond pays the accused.
fn compensate(state: &mut State<'_>, dispute: &Challenge) -> Result<(), Fault> {
    let part = dispute.bond.percent(ACCUSED_PERCENT);
    credit(state, &dispute.validator, part)?;
    burn(state, subtract(dispute.bond, part, "bond")?)
}

fn reward_judges(
    state: &mut State<'_>,
    order: OrderId,
    dispute: &Challenge,
    agreed: (Score, EvaluationDigest),
) -> Result<(), Fault> {
    let reward = state.require::<Parameters>(&())?.judge_reward;
    let right = dispute.judgements.iter().filter(|one| (one.score, one.digest) == agreed);
    for judgement in right {
        let judge: AccountId = judgement.judge;
        let amount = pay_from_audit_fund(state, &judge, reward)?;
        state.emit(Event::JudgePaid { order, judge, amount });
    }
    Ok(())
}
