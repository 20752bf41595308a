//! The provider: trains, claims, reveals, and serves chunks of its model.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::claim::{Claim, ClaimOpening, claim_commitment};
use aipot_domain_runtime::primitives::TraceRoot;
use aipot_domain_runtime::window::Phase;

use super::action::Action;
use super::retrieval::{obtain_training_data, serve};
use super::situation::{LocalModel, Situation};
use crate::store::artefacts::ContentHash;

/// Number of a provider's first claim; each better model is claimed with the next one.
const FIRST_SEQUENCE: u32 = 1;

/// For what the secret of a claim is drawn, and the name of the claim.
const CLAIM_PURPOSE: &str = "claim";

/// What the provider of this node has to do now.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    let (view, me) = (situation.view, &situation.me.account);
    if !view.running.providers().contains(me) {
        return Vec::new();
    }
    match (view.phase, view.claims.get(me)) {
        (Phase::Train, None) => train_and_claim(situation),
        (Phase::Train, Some(claim)) => improve(situation, claim),
        (Phase::Reveal, Some(claim)) if claim.model.is_none() => reveal(situation, claim),
        (Phase::Availability, Some(claim)) => serve_model(situation, claim),
        // Claims are closed: a training that is still under way has no use.
        (phase, None) if phase > Phase::Train => vec![Action::FinishTraining],
        _ => Vec::new(),
    }
}

/// The trained model, if its file is still here.
fn model(situation: &Situation<'_>) -> Option<LocalModel> {
    situation.knowledge.model.filter(|model| situation.files.has(ContentHash(model.root.0)))
}

/// The model that was claimed: the last one, or an earlier one that no later claim has replaced in time.
fn claimed_model(situation: &Situation<'_>, claim: &Claim) -> Option<LocalModel> {
    let earlier = situation.knowledge.earlier_models.iter().rev().copied();
    let earlier = earlier.filter(|model| situation.files.has(ContentHash(model.root.0)));
    model(situation).into_iter().chain(earlier).find(|model| is_claimed(situation, claim, model))
}

fn is_claimed(situation: &Situation<'_>, claim: &Claim, model: &LocalModel) -> bool {
    let opening = opening(situation, model, claim.sequence);
    opening.is_some_and(|opening| claim_commitment(&opening) == claim.commitment)
}

fn train_and_claim(situation: &Situation<'_>) -> Vec<Action> {
    if let Some(model) = model(situation) {
        return claim(situation, &model, FIRST_SEQUENCE).into_iter().collect();
    }
    train_in_time(situation)
}

/// Claims a model that is better than the one that is claimed, or goes on looking for one.
fn improve(situation: &Situation<'_>, earlier: &Claim) -> Vec<Action> {
    match model(situation) {
        Some(model) if !is_claimed(situation, earlier, &model) => {
            let sequence = earlier.sequence.saturating_add(1);
            claim(situation, &model, sequence).into_iter().collect()
        }
        Some(_) if situation.knowledge.can_improve => train_in_time(situation),
        _ => Vec::new(),
    }
}

/// Trains, and takes the model as it is when claims close soon.
fn train_in_time(situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = train(situation);
    if situation.is_last_chance() {
        actions.push(Action::FinishTraining);
    }
    actions
}

fn train(situation: &Situation<'_>) -> Vec<Action> {
    if situation.knowledge.has_given_up {
        return Vec::new();
    }
    let fetch = obtain_training_data(situation);
    vec![fetch.unwrap_or(Action::Train)]
}

fn claim(situation: &Situation<'_>, model: &LocalModel, sequence: u32) -> Option<Action> {
    let commitment = claim_commitment(&opening(situation, model, sequence)?);
    let order = situation.view.id();
    let call = Call::Claim { order, commitment, sequence };
    let purpose = match sequence {
        FIRST_SEQUENCE => CLAIM_PURPOSE.to_owned(),
        later => format!("{CLAIM_PURPOSE}-{later}"),
    };
    Some(Action::call(purpose, call))
}

fn reveal(situation: &Situation<'_>, claim: &Claim) -> Vec<Action> {
    let Some(model) = claimed_model(situation, claim) else {
        // The same seed makes the same model again; one that is here is another.
        return if model(situation).is_none() { train(situation) } else { Vec::new() };
    };
    let Some(opening) = opening(situation, &model, claim.sequence) else { return Vec::new() };
    let call = Call::Reveal {
        order: opening.order,
        model_root: opening.model_root,
        byte_count: model.byte_count,
        trace: model.trace,
        salt: opening.salt,
    };
    vec![Action::call("reveal", call)]
}

fn serve_model(situation: &Situation<'_>, claim: &Claim) -> Vec<Action> {
    let Some(model) = claim.model else { return Vec::new() };
    let target = ChunkTarget::Model(situation.me.account);
    serve(situation, target, ContentHash(model.root.0), &claim.requests)
}

/// What the claim commits to; `None` when this account is no operator any more.
fn opening(situation: &Situation<'_>, model: &LocalModel, sequence: u32) -> Option<ClaimOpening> {
    Some(ClaimOpening {
        genesis: situation.me.genesis,
        order: situation.view.id(),
        operator: situation.me.account,
        registration_epoch: situation.me.operator.as_ref()?.registration_epoch,
        sequence,
        model_root: model.root,
        trace_root: model.trace.map_or_else(TraceRoot::default, |trace| trace.root()),
        salt: situation.salt(CLAIM_PURPOSE),
    })
}
