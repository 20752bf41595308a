//! The client's side of an order: keeps the test file secret, reveals it in its window, and serves it.
//!
//! Until then the test file lies outside the files that are served to peers.

mod secret;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::order::test_commitment;
use aipot_domain_runtime::window::Phase;

use super::action::Action;
use super::retrieval::serve;
use super::situation::Situation;
use crate::store::artefacts::ContentHash;

pub use secret::{ClientSecret, SecretError, forget, recall, recall_test, remember};

/// What the client behind this node has to do now.
pub fn plan(situation: &Situation<'_>) -> Vec<Action> {
    match situation.view.phase {
        Phase::TestReveal => reveal(situation).into_iter().collect(),
        Phase::TestAvailability
        | Phase::EvaluationCommit
        | Phase::EvaluationReveal
        | Phase::Challenge
        | Phase::ChallengeExtension => keep_available(situation),
        Phase::Open | Phase::Train | Phase::Reveal | Phase::Availability | Phase::Final => {
            Vec::new()
        }
    }
}

fn reveal(situation: &Situation<'_>) -> Option<Action> {
    let view = situation.view;
    let secret = situation.knowledge.secret.as_ref()?;
    if view.running.progress.test.is_some() {
        return publish(situation, secret);
    }
    let is_committed =
        test_commitment(&secret.file, &secret.salt) == view.specification().data.test_commitment;
    if view.running.order.client != situation.me.account || !is_committed {
        return None;
    }
    // Served first: whoever sees the reveal can fetch the file.
    let reveal = || {
        let call = Call::RevealTest { order: view.id(), file: secret.file, salt: secret.salt };
        Action::call("reveal-test", call)
    };
    Some(publish(situation, secret).unwrap_or_else(reveal))
}

/// Serves the revealed test file, and its chunks on the chain as long as they are asked for.
fn keep_available(situation: &Situation<'_>) -> Vec<Action> {
    let (view, progress) = (situation.view, &situation.view.running.progress);
    let (Some(secret), Some(test)) = (&situation.knowledge.secret, progress.test) else {
        return Vec::new();
    };
    if test.file != secret.file {
        return Vec::new();
    }
    if let Some(publish) = publish(situation, secret) {
        return vec![publish];
    }
    if view.phase != Phase::TestAvailability {
        return Vec::new();
    }
    let file = ContentHash(test.file.root.0);
    serve(situation, ChunkTarget::Test, file, &progress.test_requests)
}

fn publish(situation: &Situation<'_>, secret: &ClientSecret) -> Option<Action> {
    let is_here = situation.files.has(ContentHash(secret.file.root.0));
    (!is_here).then_some(Action::PublishTest { file: secret.file })
}
