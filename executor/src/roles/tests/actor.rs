//! One node of the network in memory: does what the plans say, or deviates in one way.

mod behavior;
mod game;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, OrderId, Salt};
use aipot_trainer::dataset::data_file;
use aipot_trainer::trace::file::TraceFile;
use schnorrkel::Keypair;

use super::super::call_ledger::CallLedger;
use super::super::client::ClientSecret;
use super::super::{Action, Files, Knowledge, Member, OrderView, Secrets, Situation, plan};
use super::world::{Order, Served};
use crate::node::CallOutcome;
use crate::store::artefacts::ContentHash;
pub(super) use behavior::{Behavior, Conduct, Moment};

/// Rounds in which what was learnt leads to further actions within one block.
const ROUNDS_MAX: usize = 8;

pub(super) struct Actor {
    pub(super) keypair: Keypair,
    pub(super) account: AccountId,
    pub(super) behavior: Behavior,
    pub(super) conduct: Conduct,
    pub(super) files: Disk,
    /// Moves that its conduct kept it from making.
    pub(super) withheld_move_count: usize,
    roles: Roles,
    tests: BTreeMap<OrderId, (ClientSecret, Vec<u8>)>,
    /// Own runs of recipes, as they are on disk.
    traces: BTreeMap<OrderId, TraceFile>,
    knowledge: BTreeMap<OrderId, Knowledge>,
    calls: CallLedger,
    under_way: BTreeMap<(OrderId, String), u32>,
    /// How signed calls ended, by the number of the try, as it is on disk.
    ended: BTreeMap<(OrderId, String, u32), CallOutcome>,
    training_count: usize,
}

/// The files of an actor.
#[derive(Clone, Default)]
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

    /// The bytes of a file; none of one that is not here.
    fn read(&self, root: [u8; 32]) -> &[u8] {
        self.0.get(&ContentHash(root)).map_or(&[], |bytes| bytes.as_slice())
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
            conduct: Conduct::Playing,
            files: Disk::default(),
            withheld_move_count: 0,
            roles,
            tests: BTreeMap::new(),
            traces: BTreeMap::new(),
            knowledge: BTreeMap::new(),
            calls: CallLedger::default(),
            under_way: BTreeMap::new(),
            ended: BTreeMap::new(),
            training_count: 0,
        }
    }

    /// The same account on a machine without any files.
    pub(super) fn stranger(other: &Self) -> Self {
        Self::new(other.keypair.clone(), other.roles)
    }

    /// The same node on a machine of its own, restarted.
    pub(super) fn fork(&self) -> Self {
        let mut fork = Self {
            behavior: self.behavior,
            conduct: self.conduct,
            files: self.files.clone(),
            tests: self.tests.clone(),
            traces: self.traces.clone(),
            knowledge: self.knowledge.clone(),
            ended: self.ended.clone(),
            training_count: self.training_count,
            ..Self::stranger(self)
        };
        fork.restart();
        fork
    }

    /// Keeps the files of an own order.
    pub(super) fn remember(&mut self, specification: &OrderSpecification, order: &Order) {
        self.files.put(order.train.clone());
        self.files.put(order.base.clone());
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

    /// Forgets what a process forgets when it is killed; files, notes and signed calls stay.
    pub(super) fn restart(&mut self) {
        let kept = std::mem::take(&mut self.knowledge);
        for (order, knowledge) in kept {
            let Knowledge { model, audit, sealed, secret, .. } = knowledge;
            let kept = Knowledge { model, audit, sealed, secret, ..Knowledge::default() };
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
            for action in self.plan(view, me, &knowledge) {
                calls.extend(self.take_up(action, view, &mut knowledge, served));
            }
        }
        self.knowledge.insert(order, knowledge);
        calls.extend(self.mischief(view));
        calls
    }

    /// Does an action that is due and that this node is willing to do.
    fn take_up(
        &mut self,
        action: Action,
        view: &OrderView,
        knowledge: &mut Knowledge,
        served: &Served,
    ) -> Option<(String, Call)> {
        let (order, name) = (view.id(), action.name());
        let number = self.due(&order, &name, view.head)?;
        if !self.behavior.is_willing(&action) {
            return None;
        }
        let call = self.perform(action, view, knowledge, served)?;
        self.under_way.insert((order, name.clone()), number);
        Some((name, call))
    }

    /// The number of the try that is due. One that an earlier process has made is not made again: how it
    /// ended is known at once.
    fn due(&mut self, order: &OrderId, name: &str, head: BlockNumber) -> Option<u32> {
        if self.under_way.contains_key(&(*order, name.to_owned())) {
            return None;
        }
        loop {
            let number = self.calls.due(order, name, head)?;
            let Some(outcome) = self.ended.get(&(*order, name.to_owned(), number)) else {
                return Some(number);
            };
            self.calls.ended(order, name, outcome, head);
        }
    }

    pub(super) fn learn(
        &mut self,
        order: &OrderId,
        name: String,
        outcome: &CallOutcome,
        head: BlockNumber,
    ) {
        self.calls.ended(order, &name, outcome, head);
        let number = self.under_way.remove(&(*order, name.clone()));
        if let (Some(number), false) = (number, matches!(outcome, CallOutcome::Dropped { .. })) {
            self.ended.insert((*order, name, number), outcome.clone());
        }
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
}
