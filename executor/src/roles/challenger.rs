//! The challenger and the judge: compute other validators' evaluations again.
//!
//! Both speak only of what they have computed themselves. A model or data that is not here is never
//! a reason to accuse.

use aipot_domain_runtime::call::{CALL_BYTES_MAX, Call};
use aipot_domain_runtime::challenge::Challenge;
use aipot_domain_runtime::evaluation::{Evaluation, EvaluationEntry, evaluation_key};
use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::transition::fee;
use aipot_domain_runtime::window::Phase;
use aipot_validator::verdict::{Answer, Verdict, judge};

use super::action::Action;
use super::retrieval::obtain_models;
use super::situation::Situation;
use super::validator::evaluate;
use crate::scheduler::Priority;

/// Blocks between the turns of two challengers, in times of what a call takes to be included: the
/// next one begins when the challenge of the one before would be seen.
const TURN_INCLUSIONS: u32 = 2;

/// What the challenger and judge of this node have to do now.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    if situation.view.phase == Phase::Challenge {
        actions.extend(challenge(situation));
    }
    if matches!(situation.view.phase, Phase::Challenge | Phase::ChallengeExtension) {
        actions.extend(sit_in_judgement(situation));
    }
    actions
}

/// Looks at the evaluations of the other validators of the committee.
fn challenge(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    if !view.running.validators().contains(me) || situation.me.operator.is_none() {
        return Vec::new();
    }
    let others = view.evaluations.iter().filter(|(validator, evaluation)| {
        *validator != me && evaluation.is_revealed && !evaluation.is_struck
    });
    let mut others = others.peekable();
    if others.peek().is_none() {
        return Vec::new();
    }
    let mut actions = obtain_models(situation);
    actions.extend(evaluate(situation, Priority::Challenge));
    if can_pay(situation) {
        actions.extend(others.filter_map(|(accused, evaluation)| {
            is_my_turn(situation, accused).then(|| accuse(situation, accused, evaluation))?
        }));
    }
    actions
}

/// Challenges one wrong entry at a time: proven wrong twice costs the accused no more than once.
fn accuse(
    situation: &Situation<'_>,
    validator: &AccountId,
    evaluation: &Evaluation,
) -> Option<Action> {
    let dispute_of = |entry: &EvaluationEntry| {
        let mut challenges = situation.view.challenges.values();
        challenges.find(|one| (one.validator, one.provider) == (*validator, entry.provider))
    };
    let wrong: Vec<_> = evaluation
        .entries
        .iter()
        .filter(|entry| {
            let right = recompute(situation, validator, &entry.provider);
            right.is_some_and(|right| judge(Answer::from(*entry), right) != Verdict::Confirmed)
        })
        .collect();
    let is_open = |challenge: &Challenge| !challenge.is_decided;
    if wrong.iter().any(|entry| dispute_of(entry).is_some_and(is_open)) {
        return None;
    }
    // Without a majority of judges a challenge ends undecided, and the next wrong entry is taken.
    let provider = wrong.into_iter().find(|entry| dispute_of(entry).is_none())?.provider;
    let (accused, accused_of) = (situation.short_name(validator), situation.short_name(&provider));
    let purpose = format!("challenge/{accused}/{accused_of}");
    let call = Call::Challenge { order: situation.view.id(), validator: *validator, provider };
    Some(Action::call(purpose, call))
}

/// What `validator` should have said of the model of `provider`; `None` when this node cannot tell.
fn recompute(
    situation: &Situation<'_>,
    validator: &AccountId,
    provider: &AccountId,
) -> Option<Answer> {
    let view = situation.view;
    let claim = view.claims.get(provider)?;
    let assessment = situation.knowledge.assessment(&claim.model?)?;
    let beacon = view.running.progress.evaluation_beacon?;
    let key = evaluation_key(validator, &beacon, &claim.commitment);
    Some(assessment.answer(&key))
}

/// Whether bond and fee can be paid.
fn can_pay(situation: &Situation<'_>) -> bool {
    let parameters = &situation.me.parameters;
    let fee = fee(parameters, CALL_BYTES_MAX);
    let needed = parameters.challenge_bond.checked_add(fee);
    needed.is_some_and(|needed| situation.me.free >= needed)
}

/// Challengers take turns, so that not all of them pay for the same challenge. All turns begin in the
/// first half of the window.
fn is_my_turn(situation: &Situation<'_>, accused: &AccountId) -> bool {
    let (view, me) = (situation.view, &situation.me.account);
    let mut others = view.running.validators().iter().filter(|validator| *validator != accused);
    let Some(place) = others.position(|validator| validator == me) else { return false };
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let turn_blocks = situation.inclusion_blocks.saturating_mul(TURN_INCLUSIONS);
    let half = view.specification().windows.challenge / 2;
    view.blocks_passed() >= place.saturating_mul(turn_blocks).min(half)
}

/// Judges the challenges for which this node was drawn.
fn sit_in_judgement(situation: &Situation<'_>) -> Vec<Action> {
    let me = situation.me.account;
    let mine: Vec<(u32, &Challenge)> = situation
        .view
        .challenges
        .iter()
        .filter(|(_, one)| !one.is_decided && one.judges.contains(&me))
        .filter(|(_, one)| !one.judgements.iter().any(|judgement| judgement.judge == me))
        .map(|(number, one)| (*number, one))
        .collect();
    if mine.is_empty() {
        return Vec::new();
    }
    let mut actions = obtain_models(situation);
    actions.extend(evaluate(situation, Priority::Challenge));
    actions.extend(mine.into_iter().filter_map(|(number, one)| {
        let Answer { score, digest } = recompute(situation, &one.validator, &one.provider)?;
        let call = Call::Judge { order: situation.view.id(), challenge: number, score, digest };
        Some(Action::call(format!("judge/{number}"), call))
    }));
    actions
}
