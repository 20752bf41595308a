//! What honest people do in each phase, and the lies of the others.

use std::collections::BTreeMap;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::claim::{Claim, ClaimOpening, claim_commitment};
use aipot_domain_runtime::evaluation::{
    Evaluation, EvaluationEntries, EvaluationEntry, EvaluationOpening, Tally, evaluation_commitment,
};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{
    AccountId, Commitment, EvaluationDigest, ModelRoot, OrderId, Salt, Score, TraceRoot,
};
use aipot_domain_runtime::trace::TraceOpening;
use aipot_domain_runtime::window::Phase;

use super::model::Model;
use super::people::{CLIENT, person};
use super::setting::{TEST_SALT, specification, test_file};
use super::world::World;

/// What everybody does in a phase.
type Act = fn(&mut World, &OrderId);

/// What a claim commits to.
struct Claimed {
    model_root: ModelRoot,
    trace: Option<TraceOpening>,
    sequence: u32,
}

/// What people have committed to and must remember.
#[derive(Default)]
pub(crate) struct Said {
    claims: BTreeMap<(OrderId, AccountId), Claimed>,
    evaluations: BTreeMap<(OrderId, AccountId), EvaluationEntries>,
}

/// What hides the commitments of `who`.
pub(crate) fn salt(order: &OrderId, who: &AccountId) -> Salt {
    let secret = [order.as_bytes().as_slice(), who.as_bytes()].concat();
    Salt(blake3::derive_key("aipot test salt v1", &secret))
}

/// The entries with the digest of the first replaced by a constant.
pub(crate) fn lie(entries: &EvaluationEntries) -> EvaluationEntries {
    let mut entries = entries.clone();
    if let Some(tally) = &mut entries.as_mut_slice()[0].tally {
        tally.digest = EvaluationDigest([7; 32]);
    }
    entries
}

/// The entries with the first one turned around: a model is called none, and what is none a model.
pub(crate) fn misjudge(entries: &EvaluationEntries) -> EvaluationEntries {
    let mut entries = entries.clone();
    let first = &mut entries.as_mut_slice()[0];
    let (provider, score) = (first.provider, Score::accuracy(50, 0));
    let digest = EvaluationDigest([7; 32]);
    let perfect = Tally { correct_count: 50, loss_sum_q16: 0, digest };
    *first = match first.tally {
        Some(_) => EvaluationEntry::no_model(provider),
        None => EvaluationEntry { provider, score, tally: Some(perfect) },
    };
    entries
}

impl World {
    /// Submits the test order number `seed`.
    pub(crate) fn submit(&mut self, seed: u64) -> OrderId {
        self.submit_as(&person(CLIENT), specification(seed))
    }

    /// Submits `specification`.
    pub(crate) fn submit_as(
        &mut self,
        client: &AccountId,
        specification: OrderSpecification,
    ) -> OrderId {
        let order = specification.id();
        self.accept(client, Call::SubmitOrder { specification });
        order
    }

    /// The call by which `provider` claims `model`.
    pub(crate) fn claim_call(
        &mut self,
        order: &OrderId,
        provider: &AccountId,
        model: &Model,
    ) -> Call {
        let key = (*order, *provider);
        let sequence = self.said.claims.get(&key).map_or(0, |last| last.sequence + 1);
        let claimed = Claimed { model_root: model.root(), trace: model.trace, sequence };
        self.said.claims.insert(key, claimed);
        self.models.insert(model.root(), model.clone());
        let commitment = claim_commitment(&ClaimOpening {
            genesis: self.genesis,
            order: *order,
            operator: *provider,
            registration_epoch: 0,
            sequence,
            model_root: model.root(),
            trace_root: model.trace.map_or_else(TraceRoot::default, |trace| trace.root()),
            salt: salt(order, provider),
        });
        Call::Claim { order: *order, commitment, sequence }
    }

    /// `provider` claims `model`.
    pub(crate) fn claim(&mut self, order: &OrderId, provider: &AccountId, model: &Model) {
        let call = self.claim_call(order, provider, model);
        self.accept(provider, call);
    }

    /// The call that opens the last claim of `provider`.
    pub(crate) fn reveal_call(&self, order: &OrderId, provider: &AccountId) -> Option<Call> {
        let Claimed { model_root, trace, .. } = *self.said.claims.get(&(*order, *provider))?;
        let byte_count = self.models[&model_root].byte_count();
        let (order, salt) = (*order, salt(order, provider));
        Some(Call::Reveal { order, model_root, byte_count, trace, salt })
    }

    /// `provider` opens its last claim.
    pub(crate) fn reveal(&mut self, order: &OrderId, provider: &AccountId) {
        let call = self.reveal_call(order, provider).expect("there is a claim");
        self.accept(provider, call);
    }

    /// The client reveals the test data, if it has not done so.
    pub(crate) fn reveal_test(&mut self, order: &OrderId) {
        if self.progress(order).test.is_some() {
            return;
        }
        let client = self.order(order).client;
        self.accept(&client, reveal_test_call(order));
    }

    /// What an honest `validator` finds out.
    pub(crate) fn truth(&self, order: &OrderId, validator: &AccountId) -> EvaluationEntries {
        let mut providers = self.committee(order).providers.to_vec();
        providers.sort();
        let entries = providers.iter().filter_map(|provider| {
            let claim = self.read::<Claim>(&(*order, *provider))?;
            let _open = claim.model.filter(|_| !claim.is_void)?;
            let subject = Subject::Evaluation { validator: *validator, provider: *provider };
            Some(match self.player(order, subject) {
                Some(player) => self.entry(order, *provider, &player),
                None => EvaluationEntry::no_model(*provider),
            })
        });
        BoundedVec::try_from(entries.collect::<Vec<_>>()).expect("providers are bounded")
    }

    /// The call by which `validator` commits to `entries`.
    pub(crate) fn commit_call(
        &mut self,
        order: &OrderId,
        validator: &AccountId,
        entries: EvaluationEntries,
    ) -> Call {
        let commitment = self.evaluation_commitment(order, validator, &entries);
        self.said.evaluations.entry((*order, *validator)).or_insert(entries);
        Call::CommitEvaluation { order: *order, commitment }
    }

    /// `validator` commits to `entries`.
    pub(crate) fn commit_to(
        &mut self,
        order: &OrderId,
        validator: &AccountId,
        entries: EvaluationEntries,
    ) {
        let call = self.commit_call(order, validator, entries);
        self.accept(validator, call);
    }

    /// What `validator` commits to with `entries`.
    pub(crate) fn evaluation_commitment(
        &self,
        order: &OrderId,
        validator: &AccountId,
        entries: &EvaluationEntries,
    ) -> Commitment {
        evaluation_commitment(&EvaluationOpening {
            genesis: self.genesis,
            order: *order,
            validator: *validator,
            entries,
            salt: salt(order, validator),
        })
    }

    /// The call that opens what `validator` committed to.
    pub(crate) fn open_call(&self, order: &OrderId, validator: &AccountId) -> Option<Call> {
        let entries = self.said.evaluations.get(&(*order, *validator))?.clone();
        Some(Call::RevealEvaluation { order: *order, entries, salt: salt(order, validator) })
    }

    /// `validator` opens what it committed to.
    pub(crate) fn open(&mut self, order: &OrderId, validator: &AccountId) {
        let call = self.open_call(order, validator).expect("there is a commitment");
        self.accept(validator, call);
    }

    /// Everybody is honest until `order` enters `phase`; each provider has a model of its own.
    pub(crate) fn play_until(&mut self, order: &OrderId, phase: Phase) {
        let steps: [(Phase, Act); 5] = [
            (Phase::Train, Self::all_claim),
            (Phase::Reveal, Self::all_reveal),
            (Phase::TestReveal, Self::reveal_test),
            (Phase::EvaluationCommit, Self::all_commit),
            (Phase::EvaluationReveal, Self::all_open),
        ];
        let now = self.phase(order);
        for (step, act) in steps.into_iter().filter(|(step, _)| *step >= now && *step < phase) {
            self.advance_to(order, step);
            act(self, order);
        }
        self.advance_to(order, phase);
    }

    /// Everybody is honest until `order` is settled.
    pub(crate) fn play(&mut self, order: &OrderId) {
        self.play_until(order, Phase::Challenge);
        self.settle(order);
    }

    /// Every provider that has not claimed claims a model: what the recipe says, or in a contest one of its
    /// own, of which the first one drawn has the best.
    pub(crate) fn all_claim(&mut self, order: &OrderId) {
        let specification = self.order(order).specification;
        for (provider, better) in self.committee(order).providers.iter().zip([3, 2, 1]) {
            if self.read::<Claim>(&(*order, *provider)).is_none() {
                let subject = Subject::Training { provider: *provider };
                let model = match self.player(order, subject) {
                    Some(player) => Model::trained(&specification, &player),
                    None => Model::new(45 + better, better),
                };
                self.claim(order, provider, &model);
            }
        }
    }

    /// Every provider opens its claim, if it has one that is not open.
    pub(crate) fn all_reveal(&mut self, order: &OrderId) {
        for provider in &self.committee(order).providers {
            let claim = self.read::<Claim>(&(*order, *provider));
            if claim.is_some_and(|claim| claim.model.is_none())
                && let Some(call) = self.reveal_call(order, provider)
            {
                self.accept(provider, call);
            }
        }
    }

    /// Every validator that has not committed commits to the truth.
    pub(crate) fn all_commit(&mut self, order: &OrderId) {
        for validator in &self.committee(order).validators {
            if self.read::<Evaluation>(&(*order, *validator)).is_none() {
                let truth = self.truth(order, validator);
                self.commit_to(order, validator, truth);
            }
        }
    }

    /// Every validator opens its commitment, if it has one that is not open.
    pub(crate) fn all_open(&mut self, order: &OrderId) {
        for validator in &self.committee(order).validators {
            let evaluation = self.read::<Evaluation>(&(*order, *validator));
            if evaluation.is_some_and(|evaluation| !evaluation.is_revealed) {
                self.open(order, validator);
            }
        }
    }
}

/// The call by which the client reveals the test data.
pub(crate) fn reveal_test_call(order: &OrderId) -> Call {
    Call::RevealTest { order: *order, file: test_file(), salt: TEST_SALT }
}
