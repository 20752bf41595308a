//! After the settlement: files that nobody needs any more make room.

use std::collections::BTreeSet;

use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::progress::{OrderRecord, TestSource};

use super::situation::Knowledge;
use crate::store::artefacts::ContentHash;

/// Files of a settled order that this node can remove: models that did not win, and data, which the
/// client's own node keeps.
pub(super) fn prunable(
    record: &OrderRecord,
    knowledge: &Knowledge,
    account: &AccountId,
) -> BTreeSet<ContentHash> {
    let Some(outcome) = &record.outcome else { return BTreeSet::new() };
    let winner = outcome.winner().map(|standing| standing.model.root);
    let models = knowledge.models_seen.iter().chain(knowledge.own_models().map(|one| &one.root));
    let losers = models.filter(|root| Some(**root) != winner).map(|root| ContentHash(root.0));
    let is_client = record.client == *account || knowledge.secret.is_some();
    let test = match outcome.test_source {
        Some(TestSource::Revealed(file)) => Some(file.root),
        Some(TestSource::BeaconSplit(_)) | None => None,
    };
    let base = record.specification.model.base.map(|file| file.root);
    let data = test.into_iter().chain(base).chain([record.specification.data.train.root]);
    let data = data.filter(|_| !is_client).map(|root| ContentHash(root.0));
    losers.chain(data).collect()
}

/// Files that a running order needs, whatever another one says.
pub(super) fn needed(
    specification: &aipot_domain_runtime::order::OrderSpecification,
    knowledge: &Knowledge,
) -> BTreeSet<ContentHash> {
    let models = knowledge.models_seen.iter().chain(knowledge.own_models().map(|one| &one.root));
    let test = knowledge.secret.iter().map(|secret| secret.file.root);
    let base = specification.model.base.map(|file| file.root);
    let data =
        test.chain(base).chain([specification.data.train.root]).map(|root| ContentHash(root.0));
    models.map(|root| ContentHash(root.0)).chain(data).collect()
}

#[cfg(test)]
mod tests;
