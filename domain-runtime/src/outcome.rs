//! Step 9: who has won, decided from the evaluations that stand.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::claim::{Claim, RevealedModel};
use crate::evaluation::Evaluation;
use crate::order::{MILLION, Metric, OrderSpecification, PROVIDERS_MAX, Recipe, VALIDATORS_MAX};
use crate::payment::Payout;
use crate::primitives::{AccountId, ModelRoot, Score};
use crate::progress::TestSource;

/// Most payouts of an order: every provider, every validator, client, audit fund and what is burned.
pub const PAYOUTS_MAX: usize = PROVIDERS_MAX + VALIDATORS_MAX + 4;

/// A model with the score that the validators agree on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Standing {
    /// Who trained it.
    pub provider: AccountId,
    /// The model.
    pub model: RevealedModel,
    /// Its score; the one that most standing evaluations give.
    pub score: Score,
}

/// How an order ended.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Outcome {
    /// Paid models, the best first; empty when the client was refunded.
    pub standings: BoundedVec<Standing, PROVIDERS_MAX>,
    /// On what the models were scored; `None` when it did not come to that.
    pub test_source: Option<TestSource>,
    /// Every share of the escrow.
    pub payouts: BoundedVec<Payout, PAYOUTS_MAX>,
}

impl Outcome {
    /// The best model that satisfied the order.
    pub fn winner(&self) -> Option<&Standing> {
        self.standings.first()
    }
}

/// Ranks the revealed models of an order, the best first; ties go to the earlier claim.
///
/// Of equal models of a contest only the earliest claim counts; all honest results of a fixed recipe are
/// equal. A model without any standing evaluation has no rank.
pub fn rank(
    recipe: &Recipe,
    claims: &BTreeMap<AccountId, Claim>,
    evaluations: &BTreeMap<AccountId, Evaluation>,
) -> Vec<Standing> {
    let mut by_claim: Vec<(u32, AccountId, RevealedModel)> = claims
        .iter()
        .filter(|(_, claim)| !claim.is_void)
        .filter_map(|(provider, claim)| Some((claim.rank, *provider, claim.model?)))
        .collect();
    by_claim.sort_by_key(|(rank, provider, _)| (*rank, *provider));
    let mut seen = BTreeSet::<ModelRoot>::new();
    by_claim.retain(|(_, _, model)| recipe.is_fixed() || seen.insert(model.root));
    let mut standings: Vec<Standing> = by_claim
        .into_iter()
        .filter_map(|(_, provider, model)| {
            let score = agreed_score(&provider, evaluations)?;
            Some(Standing { provider, model, score })
        })
        .collect();
    // Stable: equal scores stay in the order of their claims.
    standings.sort_by_key(|standing| core::cmp::Reverse(standing.score));
    standings
}

/// Whether a score of `answer_count` answers satisfies the order.
///
/// For accuracy the share of correct answers must reach the minimum. For loss the mean loss in
/// millionths of a nat must not exceed it. The lowest score is that of a file that is no model, which no
/// minimum is low enough for.
pub fn satisfies(specification: &OrderSpecification, score: Score, answer_count: u64) -> bool {
    if score == Score::default() {
        return false;
    }
    let bound = u64::from(specification.pay.metric_min_millionths);
    match specification.train.metric {
        Metric::Accuracy => {
            let correct = u64::from(score.correct()).saturating_mul(u64::from(MILLION));
            correct >= bound.saturating_mul(answer_count)
        }
        Metric::Loss => {
            let loss = u64::from(score.loss_q16()).saturating_mul(u64::from(MILLION));
            loss <= bound.saturating_mul(1 << 16)
        }
    }
}

/// Examples in the test set of an order.
pub fn test_example_count(specification: &OrderSpecification, source: &TestSource) -> u32 {
    let data = &specification.data;
    match source {
        TestSource::Revealed(_) => data.test_example_count,
        TestSource::BeaconSplit(_) => data.test_example_count.min(data.train_example_count),
    }
}

/// Answers that a model gives to the test set: one for an example, or one for each token of a text.
pub fn answer_count(specification: &OrderSpecification, source: &TestSource) -> u64 {
    let data = &specification.data;
    let answers = if data.format.is_running() { u64::from(data.feature_count) } else { 1 };
    u64::from(test_example_count(specification, source)).saturating_mul(answers)
}

/// Validators whose every entry stands and agrees, and who left no ranked model out; nobody when no model
/// is ranked, because then nobody has evaluated anything.
pub fn correct_validators(
    ranked: &[Standing],
    evaluations: &BTreeMap<AccountId, Evaluation>,
) -> Vec<AccountId> {
    let is_right = |evaluation: &Evaluation| {
        !evaluation.is_struck
            && !ranked.is_empty()
            && ranked.iter().all(|standing| {
                evaluation
                    .entry_of(&standing.provider)
                    .is_some_and(|entry| entry.score == standing.score)
            })
    };
    evaluations
        .iter()
        .filter(|(_, evaluation)| evaluation.is_revealed && is_right(evaluation))
        .map(|(validator, _)| *validator)
        .collect()
}

/// The score that most standing evaluations give; of equally frequent ones the lower.
fn agreed_score(
    provider: &AccountId,
    evaluations: &BTreeMap<AccountId, Evaluation>,
) -> Option<Score> {
    let mut votes = BTreeMap::<Score, usize>::new();
    let standing = evaluations.values().filter(|one| one.is_revealed && !one.is_struck);
    for entry in standing.filter_map(|evaluation| evaluation.entry_of(provider)) {
        let count = votes.entry(entry.score).or_default();
        *count = count.saturating_add(1);
    }
    votes
        .into_iter()
        .max_by_key(|(score, count)| (*count, core::cmp::Reverse(*score)))
        .map(|one| one.0)
}

#[cfg(test)]
mod tests;
