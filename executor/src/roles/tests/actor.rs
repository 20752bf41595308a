//! One node of the network in memory: does what the plans say, or deviates in one way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::prove_chunk;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::{EvaluationEntries, EvaluationEntry};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{
    AccountId, BlockNumber, EvaluationDigest, ModelRoot, OrderId, Salt, Score,
};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::{Dataset, data_file};
use aipot_trainer::model_file::write_model;
use aipot_trainer::run::{Trainer, TrainingOptions};
use aipot_validator::test_set::OrderFiles;
use schnorrkel::Keypair;

use super::super::call_ledger::CallLedger;
use super::super::client::ClientSecret;
use super::super::perform::training_seed;
use super::super::{
    Action, Assessment, Examination, Files, Knowledge, LocalModel, Member, OrderView, Secrets,
    Situation, model_key, plan,
};
use super::world::{Order, Served};
use crate::node::CallOutcome;
use crate::store::artefacts::ContentHash;

/// Rounds in which what was learnt leads to further actions within one block.
const ROUNDS_MAX: usize = 8;

/// In what a node deviates from the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Behavior {
    /// In nothing.
    Honest,
    /// Claims and reveals, but gives its files to nobody.
    Withholding,
    /// Gives its files to nobody, but proves on the chain that it has them.
    Unreachable,
    /// Claims a file that is no model.
    Garbage,
    /// Says the same of every model, without looking.
    Constant,
    /// Says the right score with a made-up digest, as if copied from somebody.
    CopiedScore,
    /// Says the right score with the digest that somebody else must publish.
    Echo,
}

pub(super) struct Actor {
    pub(super) keypair: Keypair,
    pub(super) account: AccountId,
    pub(super) behavior: Behavior,
    pub(super) files: Disk,
    roles: Roles,
    tests: BTreeMap<OrderId, (ClientSecret, Vec<u8>)>,
    knowledge: BTreeMap<OrderId, Knowledge>,
    calls: CallLedger,
    under_way: BTreeSet<(OrderId, String)>,
    training_count: usize,
}

/// The files of an actor.
#[derive(Default)]
pub(super) struct Disk(BTreeMap<ContentHash, Arc<Vec<u8>>>);

impl Files for Disk {
    fn has(&self, hash: ContentHash) -> bool {
        self.0.contains_key(&hash)
    }
}

impl Disk {
    fn put(&mut self, bytes: Vec<u8>) -> ContentHash {
        let hash = ContentHash::of(&bytes);
        self.0.insert(hash, Arc::new(bytes));
        hash
    }
}

struct OwnSecrets(AccountId);

impl Secrets for OwnSecrets {
    fn salt(&self, purpose: &str) -> Salt {
        let key = [self.0.as_bytes().as_slice(), purpose.as_bytes()].concat();
        Salt(*blake3::hash(&key).as_bytes())
    }
}

impl Actor {
    pub(super) fn new(keypair: Keypair, roles: Roles) -> Self {
        Self {
            account: AccountId(keypair.public.to_bytes()),
            keypair,
            behavior: Behavior::Honest,
            files: Disk::default(),
            roles,
            tests: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            calls: CallLedger::default(),
            under_way: BTreeSet::new(),
            training_count: 0,
        }
    }

    /// The same account on a machine without any files.
    pub(super) fn stranger(other: &Self) -> Self {
        Self::new(other.keypair.clone(), other.roles)
    }

    /// Keeps the files of an own order.
    pub(super) fn remember(&mut self, specification: &OrderSpecification, order: &Order) {
        self.files.put(order.train.clone());
        let secret = ClientSecret { file: data_file(&order.test), salt: order.salt };
        self.tests.insert(specification.id(), (secret, order.test.clone()));
    }

    /// Puts a file here, as if it had been fetched before.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) {
        self.files.put(bytes);
    }

    /// What peers get from here.
    pub(super) fn served(&self) -> Served {
        match self.behavior {
            Behavior::Withholding | Behavior::Unreachable => Served::new(),
            _ => self.files.0.clone(),
        }
    }

    /// Forgets what a process forgets when it is killed; files and signed calls stay.
    pub(super) fn restart(&mut self) {
        let kept = std::mem::take(&mut self.knowledge);
        for (order, knowledge) in kept {
            let Knowledge { model, sealed, secret, .. } = knowledge;
            let kept = Knowledge { model, sealed, secret, ..Knowledge::default() };
            self.knowledge.insert(order, kept);
        }
        self.calls = CallLedger::default();
    }

    /// How many models were trained.
    pub(super) fn training_count(&self) -> usize {
        self.training_count
    }

    /// Does everything that is due and gives the calls that it leads to.
    pub(super) fn act(
        &mut self,
        view: &OrderView,
        me: &Member,
        served: &Served,
    ) -> Vec<(String, Call)> {
        let order = view.id();
        let mut knowledge = self.knowledge.remove(&order).unwrap_or_default();
        knowledge.secret = self.tests.get(&order).map(|(secret, _)| *secret);
        knowledge.observe(view);
        let mut calls = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let actions = self.plan(view, me, &knowledge);
            let due: Vec<Action> = actions
                .into_iter()
                .filter(|action| !self.under_way.contains(&(order, action.name())))
                .filter(|action| self.calls.due(&order, &action.name(), view.head).is_some())
                .filter(|action| self.is_willing(action))
                .collect();
            for action in due {
                let name = action.name();
                let call = self.perform(action, view, &mut knowledge, served);
                calls.extend(call.map(|call| (name, call)));
            }
            self.under_way.extend(calls.iter().map(|(name, _)| (order, name.clone())));
        }
        self.knowledge.insert(order, knowledge);
        calls
    }

    pub(super) fn learn(
        &mut self,
        order: &OrderId,
        name: String,
        outcome: &CallOutcome,
        head: BlockNumber,
    ) {
        self.calls.ended(order, &name, outcome, head);
        self.under_way.remove(&(*order, name));
    }

    /// What is due with all that this node knows.
    pub(super) fn plan_now(&self, view: &OrderView, me: &Member) -> Vec<Action> {
        let nothing = Knowledge::default();
        self.plan(view, me, self.knowledge.get(&view.id()).unwrap_or(&nothing))
    }

    /// What would be due with other knowledge.
    pub(super) fn plan(&self, view: &OrderView, me: &Member, knowledge: &Knowledge) -> Vec<Action> {
        let situation = Situation {
            view,
            me,
            knowledge,
            files: &self.files,
            secrets: &OwnSecrets(self.account),
            inclusion_blocks: 1,
        };
        plan(&situation, self.roles)
    }

    fn is_willing(&self, action: &Action) -> bool {
        let gives_away = matches!(action, Action::Serve { .. } | Action::PublishTest { .. });
        !(gives_away && self.behavior == Behavior::Withholding)
    }

    fn perform(
        &mut self,
        action: Action,
        view: &OrderView,
        knowledge: &mut Knowledge,
        served: &Served,
    ) -> Option<Call> {
        match action {
            Action::Fetch { hash, byte_count } => {
                let bytes = served.get(&hash)?;
                let length = u64::try_from(bytes.len()).unwrap();
                if length <= byte_count {
                    self.files.0.insert(hash, Arc::clone(bytes));
                }
                None
            }
            Action::Train => {
                self.train(view, knowledge);
                None
            }
            Action::FinishTraining => None,
            Action::Evaluate { model, .. } => {
                self.evaluate(view, &model, knowledge);
                None
            }
            Action::Seal { entries } => {
                knowledge.sealed = Some(self.said(&entries));
                None
            }
            Action::PublishTest { .. } => {
                let test = self.tests.get(&view.id()).unwrap().1.clone();
                self.files.put(test);
                None
            }
            Action::Serve { target, file, chunk_index, .. } => {
                let proof = prove_chunk(&self.files.0[&file], chunk_index).unwrap();
                Some(Call::ServeChunk { order: view.id(), target, proof })
            }
            Action::Call { call, .. } => Some(*call),
        }
    }

    fn train(&mut self, view: &OrderView, knowledge: &mut Knowledge) {
        let specification = view.specification();
        let bytes = &self.files.0[&ContentHash(specification.data.train.root.0)];
        let Ok(data) = Dataset::read_train(bytes, &specification.data) else {
            knowledge.has_given_up = true;
            return;
        };
        let seed = training_seed(&OwnSecrets(self.account), &view.id());
        let options = TrainingOptions::recipe(specification, seed);
        let mut trainer = Trainer::new(specification, &data, options).unwrap();
        while !trainer.is_finished() {
            trainer.step().unwrap();
        }
        let bytes = match self.behavior {
            Behavior::Garbage => vec![7; 3_000],
            _ => write_model(&trainer.finish().unwrap()),
        };
        let byte_count = u64::try_from(bytes.len()).unwrap();
        let root = ModelRoot(self.files.put(bytes).0);
        knowledge.model = Some(LocalModel { root, byte_count });
        self.training_count += 1;
    }

    fn evaluate(&self, view: &OrderView, model: &RevealedModel, knowledge: &mut Knowledge) {
        let progress = &view.running.progress;
        let specification = view.specification();
        let source = progress.test_source.unwrap();
        let beacon = progress.evaluation_beacon.unwrap();
        let examination = Examination { specification, source, beacon };
        let test = match source {
            TestSource::Revealed(file) => Some(&self.files.0[&ContentHash(file.root.0)]),
            TestSource::BeaconSplit(_) => None,
        };
        let train = self.files.0.get(&ContentHash(specification.data.train.root.0));
        let files = OrderFiles {
            train: train.map_or(&[], |bytes| bytes.as_slice()),
            test: test.map(|bytes| bytes.as_slice()),
        };
        let bytes = &self.files.0[&ContentHash(model.root.0)];
        let key = model_key(model);
        if let Ok(assessment) = Assessment::compute(&examination, (model, bytes), files) {
            knowledge.assessments.insert(key, Arc::new(assessment));
        } else {
            knowledge.needs_training_data = true;
            *knowledge.failures.entry(key).or_default() += 1;
        }
    }

    /// What this validator says, given the truth.
    fn said(&self, truth: &EvaluationEntries) -> EvaluationEntries {
        let lie = |entry: EvaluationEntry| {
            let made_up = EvaluationDigest([3; 32]);
            match self.behavior {
                Behavior::Constant => {
                    EvaluationEntry { score: Score::accuracy(30, 0), digest: made_up, ..entry }
                }
                Behavior::CopiedScore => EvaluationEntry { digest: made_up, ..entry },
                Behavior::Echo => {
                    // The digest of the next entry, computed under a key for another model.
                    let digest = truth.iter().find(|one| one.provider != entry.provider);
                    EvaluationEntry { digest: digest.map_or(made_up, |one| one.digest), ..entry }
                }
                _ => entry,
            }
        };
        let said: Vec<EvaluationEntry> = truth.iter().map(|entry| lie(*entry)).collect();
        BoundedVec::try_from(said).unwrap()
    }
}
