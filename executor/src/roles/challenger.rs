//! The challenger: compares what others have published with what this node has computed itself.
//!
//! It speaks only of its own results. A model, data or a run that is not here is never a reason to accuse.

use aipot_domain_runtime::call::{CALL_BYTES_MAX, Call};
use aipot_domain_runtime::challenge::{Challenge, SIDE_CALLS_MAX, Subject};
use aipot_domain_runtime::claim::{Claim, RevealedModel};
use aipot_domain_runtime::evaluation::{Evaluation, EvaluationEntry, evaluation_key};
use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::transition::fee;
use aipot_domain_runtime::window::Phase;
use aipot_validator::verdict::{Verdict, judge};

use super::action::{Action, Contradiction};
use super::retrieval::{obtain_models, obtain_training_data};
use super::situation::Situation;
use super::validator::evaluate;
use crate::scheduler::Priority;

/// Blocks between the turns of two challengers, in times of what a call takes to be included: the
/// next one begins when the challenge of the one before would be seen.
const TURN_INCLUSIONS: u32 = 2;

/// What the challenger of this node has to do now.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = audit(situation);
    if situation.view.phase == Phase::Challenge && situation.me.operator.is_some() {
        actions.extend(challenge_trainings(situation));
        actions.extend(challenge_evaluations(situation));
    }
    actions
}

/// Runs the order's recipe, once there are claims to be compared with it, if this node is drawn for the
/// order and has not run it already.
fn audit(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    let is_due = view.phase >= Phase::Reveal && view.phase <= Phase::Challenge;
    let is_drawn = view.running.validators().contains(me);
    let has_claims = view.claims.keys().any(|provider| provider != me);
    let is_recipe = view.specification().train.recipe.is_fixed();
    if !(is_due && is_drawn && has_claims && is_recipe) {
        return Vec::new();
    }
    if situation.knowledge.own_run().is_some() || situation.knowledge.has_given_up {
        return Vec::new();
    }
    vec![obtain_training_data(situation).unwrap_or(Action::Audit)]
}

/// Looks at the trainings behind the claims of others.
fn challenge_trainings(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    let Some((run, own_trace)) = situation.knowledge.own_run() else { return Vec::new() };
    let others = view.models().filter(|(provider, _, _)| provider != me);
    let accusations = others.filter_map(|(provider, claim, model)| {
        let subject = Subject::Training { provider };
        let trace = claim.trace?;
        if trace.final_root == own_trace.final_root && model.root == run.root {
            return None;
        }
        if trace.final_root == own_trace.final_root {
            return Some(prove(subject, model, Contradiction::OtherWeights));
        }
        accuse(situation, subject, &provider)
    });
    accusations.collect()
}

/// Looks at the evaluations of the other validators of the committee.
fn challenge_evaluations(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    if !view.running.validators().contains(me) {
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
    actions.extend(others.filter_map(|(accused, evaluation)| {
        let (subject, claim, published) = first_wrong(situation, accused, evaluation)?;
        accuse_evaluation(situation, subject, (claim, published))
    }));
    actions
}

/// The first wrong entry: proven wrong twice costs the accused no more than once.
fn first_wrong<'view>(
    situation: &Situation<'view>,
    validator: &AccountId,
    evaluation: &Evaluation,
) -> Option<(Subject, &'view Claim, EvaluationEntry)> {
    evaluation.entries.iter().find_map(|entry| {
        let right = recompute(situation, validator, &entry.provider)?;
        let claim = situation.view.claims.get(&entry.provider)?;
        let subject = Subject::Evaluation { validator: *validator, provider: entry.provider };
        (judge(*entry, right) != Verdict::Confirmed).then_some((subject, claim, *entry))
    })
}

fn accuse_evaluation(
    situation: &Situation<'_>,
    subject: Subject,
    (claim, published): (&Claim, EvaluationEntry),
) -> Option<Action> {
    let Subject::Evaluation { validator, provider } = subject else { return None };
    let model = claim.model?;
    let right = recompute(situation, &validator, &provider)?;
    match (published.tally, right.tally) {
        (Some(_), None) => Some(prove(subject, model, Contradiction::OtherHeader)),
        (None, Some(_)) => Some(prove(subject, model, Contradiction::SameHeader)),
        // The score follows from the tally, so one of them is another.
        (Some(_), Some(_)) | (None, None) => accuse(situation, subject, &validator),
    }
}

fn prove(subject: Subject, model: RevealedModel, contradiction: Contradiction) -> Action {
    Action::Prove { subject, model, contradiction }
}

/// Opens a game, unless this node plays about the same already, may still wait for how another's game
/// ends, it is another's turn to begin, or it cannot be paid for.
fn accuse(situation: &Situation<'_>, subject: Subject, accused: &AccountId) -> Option<Action> {
    let view = situation.view;
    let is_open = |one: &Challenge| one.subject == subject && one.dispute.turn().is_some();
    let mut open = view.challenges.values().filter(|one| is_open(one));
    // Another's game may be lost on purpose, so nobody waits for it until it is too late for one's own.
    let may_wait = !situation.is_last_chance();
    let is_disputed = open.any(|one| may_wait || one.challenger == situation.me.account);
    if is_disputed || !can_pay(situation) || !is_my_turn(situation, accused) {
        return None;
    }
    let names = match subject {
        Subject::Training { provider } => situation.short_name(&provider),
        Subject::Evaluation { validator, provider } => {
            format!("{}/{}", situation.short_name(&validator), situation.short_name(&provider))
        }
    };
    let call = Call::Challenge { order: view.id(), subject };
    Some(Action::call(format!("challenge/{names}"), call))
}

/// What `validator` should have said of the model of `provider`; `None` when this node cannot tell.
fn recompute(
    situation: &Situation<'_>,
    validator: &AccountId,
    provider: &AccountId,
) -> Option<EvaluationEntry> {
    let view = situation.view;
    let claim = view.claims.get(provider)?;
    let assessment = situation.knowledge.assessment(&claim.model?)?;
    let beacon = view.running.progress.evaluation_beacon?;
    let key = evaluation_key(validator, &beacon, &claim.commitment);
    Some(assessment.entry(*provider, &key))
}

/// Whether the bond and the fees of all own moves can be paid.
fn can_pay(situation: &Situation<'_>) -> bool {
    let parameters = &situation.me.parameters;
    let fee = fee(parameters, CALL_BYTES_MAX).0.saturating_mul(u128::from(SIDE_CALLS_MAX));
    let needed = parameters.challenge_bond.0.saturating_add(fee);
    situation.me.free.0 >= needed
}

/// Challengers take turns, so that not all of them pay for the same challenge: the validators first, then
/// the providers. All turns begin in the first half of the window.
fn is_my_turn(situation: &Situation<'_>, accused: &AccountId) -> bool {
    let (view, me) = (situation.view, &situation.me.account);
    let drawn = view.running.validators().iter().chain(view.running.providers());
    let mut others = drawn.filter(|operator| *operator != accused);
    let Some(place) = others.position(|operator| operator == me) else { return false };
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let turn_blocks = situation.inclusion_blocks.saturating_mul(TURN_INCLUSIONS);
    let half = view.specification().windows.challenge / 2;
    view.blocks_passed() >= place.saturating_mul(turn_blocks).min(half)
}
