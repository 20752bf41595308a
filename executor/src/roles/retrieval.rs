//! How revealed files get here: from peers, and if that fails by asking for a chunk on the chain.
//!
//! The request forces the owner to show that it has the file; whoever cannot is punished by the
//! runtime. Nobody is punished because this node could not reach somebody.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::{ChunkRequests, ChunkTarget, chunk_count};
use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::progress::TestSource;

use super::action::Action;
use super::situation::{Situation, number};
use crate::store::artefacts::ContentHash;
use crate::store::base::base_of;

/// Share of the time in which requests are accepted that peers are given first: one third, so that
/// two thirds are left for the request to be included.
const PATIENCE_SHARE: u32 = 3;

/// What it takes to get all revealed models here.
pub(super) fn obtain_models(situation: &Situation<'_>) -> Vec<Action> {
    let models = situation.view.models();
    models
        .flat_map(|(provider, claim, model)| {
            let file = (ContentHash(model.root.0), model.byte_count);
            let target = ChunkTarget::Model(provider);
            let fetch = fetch(situation, file);
            fetch.into_iter().chain(request(situation, target, file, &claim.requests))
        })
        .collect()
}

/// What it takes to get the revealed test data here.
pub(super) fn obtain_test(situation: &Situation<'_>) -> Vec<Action> {
    let progress = &situation.view.running.progress;
    let Some(test) = progress.test else { return Vec::new() };
    let file = (ContentHash(test.file.root.0), test.file.byte_count);
    let request = request(situation, ChunkTarget::Test, file, &progress.test_requests);
    fetch(situation, file).into_iter().chain(request).chain(obtain_base(situation)).collect()
}

/// What it takes to get the training data here, and the base of the model where the order has one.
pub(super) fn obtain_training_data(situation: &Situation<'_>) -> Option<Action> {
    let DataFile { root, byte_count } = situation.view.specification().data.train;
    fetch(situation, (ContentHash(root.0), byte_count)).or_else(|| obtain_base(situation))
}

/// What it takes to get the base of the model here.
fn obtain_base(situation: &Situation<'_>) -> Option<Action> {
    fetch(situation, base_of(situation.view.specification())?)
}

/// What it takes to get everything here from which the test data is made.
pub(super) fn obtain_test_source(situation: &Situation<'_>) -> Vec<Action> {
    match situation.view.running.progress.test_source {
        None => Vec::new(),
        Some(TestSource::BeaconSplit(_)) => obtain_training_data(situation).into_iter().collect(),
        Some(TestSource::Revealed(file)) => {
            let test = fetch(situation, (ContentHash(file.root.0), file.byte_count));
            test.into_iter().chain(obtain_base(situation)).collect()
        }
    }
}

/// Serves every chunk of `file` that somebody waits for, if the file is here.
pub(super) fn serve(
    situation: &Situation<'_>,
    target: ChunkTarget,
    file: ContentHash,
    requests: &ChunkRequests,
) -> Vec<Action> {
    if !situation.files.has(file) {
        return Vec::new();
    }
    let mut chunks: Vec<u64> = requests.iter().map(|request| request.chunk_index).collect();
    chunks.sort_unstable();
    chunks.dedup();
    let target_name = situation.target_name(&target);
    let serve =
        |chunk_index| Action::Serve { target, target_name: target_name.clone(), file, chunk_index };
    chunks.into_iter().map(serve).collect()
}

fn fetch(situation: &Situation<'_>, (hash, byte_count): (ContentHash, u64)) -> Option<Action> {
    (!situation.files.has(hash)).then_some(Action::Fetch { hash, byte_count })
}

/// Asks for a chunk once peers have had their time and as long as an answer can still be demanded.
fn request(
    situation: &Situation<'_>,
    target: ChunkTarget,
    (hash, byte_count): (ContentHash, u64),
    requests: &ChunkRequests,
) -> Option<Action> {
    let (view, me) = (situation.view, situation.me.account);
    if view.phase != target.phase() || situation.files.has(hash) {
        return None;
    }
    let accepted_blocks = view.specification().windows.availability / 2;
    let passed = view.blocks_passed();
    let is_waiting = requests.iter().any(|request| request.requester == me);
    if is_waiting || passed < accepted_blocks / PATIENCE_SHARE || passed >= accepted_blocks {
        return None;
    }
    let purpose = format!("request/{}", situation.target_name(&target));
    // Which chunk is nobody's to foresee: a file with holes is found out like one that is not there.
    let chunk_index = number(&situation.salt(&purpose)) % chunk_count(byte_count);
    let call = Call::RequestChunk { order: view.id(), target, chunk_index };
    Some(Action::call(purpose, call))
}
