//! The player: moves in games about this node's own results and in those that it has opened.

use aipot_domain_runtime::challenge::{Challenge, Subject};
use aipot_domain_runtime::window::Phase;

use super::action::Action;
use super::retrieval::{obtain_models, obtain_test_source, obtain_training_data};
use super::situation::Situation;
use crate::store::artefacts::ContentHash;

/// Moves that are due from this node, and what they need.
pub(super) fn plan(situation: &Situation<'_>) -> Vec<Action> {
    if !matches!(situation.view.phase, Phase::Challenge | Phase::ChallengeExtension) {
        return Vec::new();
    }
    let challenges = situation.view.challenges.iter();
    challenges.flat_map(|(number, challenge)| answer(situation, *number, challenge)).collect()
}

/// The move of one game, if it is this node's turn.
fn answer(situation: &Situation<'_>, number: u32, challenge: &Challenge) -> Vec<Action> {
    let me = situation.me.account;
    if challenge.dispute.turn().map(|side| challenge.account(side)) != Some(me) {
        return Vec::new();
    }
    let missing = missing(situation, challenge.subject);
    if !missing.is_empty() {
        return missing;
    }
    vec![Action::Play {
        challenge: number,
        subject: challenge.subject,
        dispute: Box::new(challenge.dispute.clone()),
        deadline: challenge.deadline,
    }]
}

/// What is not here of that from which moves about `subject` are computed.
fn missing(situation: &Situation<'_>, subject: Subject) -> Vec<Action> {
    match subject {
        Subject::Training { .. } => {
            let mut actions: Vec<_> = obtain_training_data(situation).into_iter().collect();
            if actions.is_empty() && situation.knowledge.own_run().is_none() {
                actions.push(Action::Audit);
            }
            actions
        }
        Subject::Evaluation { provider, .. } => {
            let model = situation.view.claims.get(&provider).and_then(|claim| claim.model);
            let is_here = model.is_some_and(|one| situation.files.has(ContentHash(one.root.0)));
            let mut actions = obtain_test_source(situation);
            if !is_here {
                actions.extend(obtain_models(situation));
            }
            actions
        }
    }
}
