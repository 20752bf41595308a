//! The validator: fetches models and test data, evaluates, commits to its evaluation and opens it.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::evaluation::{
    EvaluationEntries, EvaluationOpening, evaluation_commitment, evaluation_key,
};
use aipot_domain_runtime::primitives::{Commitment, Salt};
use aipot_domain_runtime::window::Phase;

use super::action::Action;
use super::retrieval::{obtain_models, obtain_test, obtain_test_source, obtain_training_data};
use super::situation::Situation;
use crate::scheduler::Priority;
use crate::store::artefacts::ContentHash;

/// For what the secret of a commitment is drawn, and the name of the commitment.
const COMMIT_PURPOSE: &str = "evaluation-commit";

/// What the validator of this node has to do now.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    if !view.running.validators().contains(me) {
        return Vec::new();
    }
    match view.phase {
        Phase::Reveal | Phase::Availability | Phase::TestReveal => obtain_models(situation),
        Phase::TestAvailability => prepare(situation),
        Phase::EvaluationCommit => evaluate_and_commit(situation),
        Phase::EvaluationReveal => reveal(situation).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Gets everything here that an evaluation needs.
fn prepare(situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = obtain_models(situation);
    if situation.view.running.progress.test.is_some() {
        actions.extend(obtain_test(situation));
    } else {
        // The test data was withheld, so a split of the training data will take its place.
        actions.extend(obtain_training_data(situation));
    }
    actions
}

/// Evaluations that are missing and possible, of all models that count.
pub(super) fn evaluate(situation: &Situation<'_>, priority: Priority) -> Vec<Action> {
    let missing = obtain_test_source(situation);
    if !missing.is_empty() || situation.view.running.progress.test_source.is_none() {
        return missing;
    }
    let knowledge = situation.knowledge;
    situation
        .view
        .models()
        .map(|(_, _, model)| model)
        .filter(|model| situation.files.has(ContentHash(model.root.0)))
        .filter(|model| knowledge.assessment(model).is_none() && !knowledge.cannot_assess(model))
        .map(|model| Action::Evaluate { model, priority })
        .collect()
}

fn evaluate_and_commit(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    if view.evaluations.contains_key(me) {
        return Vec::new();
    }
    if let Some(sealed) = &situation.knowledge.sealed {
        return vec![commit(situation, sealed)];
    }
    let mut actions = obtain_models(situation);
    actions.extend(evaluate(situation, Priority::Validation));
    let entries = entries(situation);
    let is_complete = entries.len() == view.models().count();
    if !entries.is_empty() && (is_complete || situation.is_last_chance()) {
        actions.push(Action::Seal { entries });
    }
    actions
}

/// An entry for each model that this node has evaluated, ascending by provider.
fn entries(situation: &Situation<'_>) -> EvaluationEntries {
    let view = situation.view;
    let mut entries = EvaluationEntries::new();
    let Some(beacon) = view.running.progress.evaluation_beacon else { return entries };
    for (provider, claim, model) in view.models() {
        let Some(assessment) = situation.knowledge.assessment(&model) else { continue };
        let key = evaluation_key(&situation.me.account, &beacon, &claim.commitment);
        // There are no more models than providers, and as many entries fit.
        if entries.push(assessment.entry(provider, &key)).is_err() {
            break;
        }
    }
    entries
}

fn commit(situation: &Situation<'_>, entries: &EvaluationEntries) -> Action {
    let (commitment, _) = commitment(situation, entries);
    let call = Call::CommitEvaluation { order: situation.view.id(), commitment };
    Action::call(COMMIT_PURPOSE, call)
}

fn reveal(situation: &Situation<'_>) -> Option<Action> {
    let me = &situation.me.account;
    let evaluation = situation.view.evaluations.get(me).filter(|one| !one.is_revealed)?;
    let entries = situation.knowledge.sealed.clone()?;
    let (commitment, salt) = commitment(situation, &entries);
    if commitment != evaluation.commitment {
        return None;
    }
    let call = Call::RevealEvaluation { order: situation.view.id(), entries, salt };
    Some(Action::call("evaluation-reveal", call))
}

fn commitment(situation: &Situation<'_>, entries: &EvaluationEntries) -> (Commitment, Salt) {
    let salt = situation.salt(COMMIT_PURPOSE);
    let opening = EvaluationOpening {
        genesis: situation.me.genesis,
        order: situation.view.id(),
        validator: situation.me.account,
        entries,
        salt,
    };
    (evaluation_commitment(&opening), salt)
}
