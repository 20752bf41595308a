//! A whole network in memory: the real runtime, the real plans, the real trainer; no disk, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::{Operator, Roles};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::primitives::{
    AccountId, Amount, At, Beacon, BlockNumber, GenesisHash, OrderId, Salt,
};
use aipot_domain_runtime::progress::{Committee, OrderRecord, Progress};
use aipot_domain_runtime::state::{State, read_record};
use aipot_domain_runtime::transition::{Applied, apply, tick};
use schnorrkel::{ExpansionMode, MiniSecretKey};

use super::super::{Member, OrderView};
use super::actor::{Actor, Behavior, Conduct};
use crate::node::CallOutcome;
use crate::store::artefacts::ContentHash;

/// Blocks after which an order that is not settled never will be.
const BLOCKS_MAX: u32 = 200;

/// Bytes that peers can fetch.
pub(super) type Served = BTreeMap<ContentHash, Arc<Vec<u8>>>;

/// What an order's client has.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) specification: OrderSpecification,
    pub(super) train: Vec<u8>,
    pub(super) test: Vec<u8>,
    pub(super) base: Vec<u8>,
    pub(super) salt: Salt,
}

/// A call on its way into the next block.
struct Submitted {
    actor: usize,
    order: OrderId,
    name: String,
    call: SignedCall,
}

pub(super) struct World {
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    genesis: GenesisHash,
    head: BlockNumber,
    pub(super) actors: Vec<Actor>,
    pub(super) events: Vec<Event>,
    orders: BTreeSet<OrderId>,
    submitted: Vec<Submitted>,
}

/// Who takes part; the first actor is the client.
pub(super) struct Cast {
    pub(super) provider_count: u8,
    pub(super) validator_count: u8,
}

const PROVIDER: Roles = Roles { provider: true, validator: false };
const VALIDATOR: Roles = Roles { provider: false, validator: true };

impl World {
    pub(super) fn new(cast: &Cast) -> Self {
        let providers = (0..cast.provider_count).map(|_| Some(PROVIDER));
        let validators = (0..cast.validator_count).map(|_| Some(VALIDATOR));
        let roles: Vec<_> = std::iter::once(None).chain(providers).chain(validators).collect();
        let actors: Vec<Actor> =
            (1..).zip(&roles).map(|(seed, roles)| actor(seed, *roles)).collect();
        let accounts = actors.iter().zip(&roles).map(|(actor, roles)| GenesisAccount {
            id: actor.account,
            free: Amount::tokens(1_000),
            operator: roles.map(|roles| (Amount::tokens(100), roles)),
        });
        let genesis = Genesis {
            name: BoundedVec::try_from(b"roles".to_vec()).unwrap(),
            parameters: parameters(),
            accounts: BoundedVec::try_from(accounts.collect::<Vec<_>>()).unwrap(),
        };
        let mut world = Self {
            store: BTreeMap::new(),
            genesis: genesis.hash(),
            head: BlockNumber(0),
            actors,
            events: Vec::new(),
            orders: BTreeSet::new(),
            submitted: Vec::new(),
        };
        let empty = BTreeMap::new();
        let mut state = State::new(&empty);
        genesis.install(&mut state).unwrap();
        world.commit(state.finish().0);
        world
    }

    /// The client submits an order and serves the training data.
    pub(super) fn submit(&mut self, order: &Order) -> OrderId {
        let id = order.specification.id();
        self.actors[0].remember(&order.specification, order);
        let call = Call::SubmitOrder { specification: order.specification.clone() };
        self.send(0, id, "submit".to_owned(), call);
        self.orders.insert(id);
        self.step();
        assert!(self.record(&id).is_some(), "{:?}", self.events);
        id
    }

    /// Everybody acts, then a block passes.
    pub(super) fn step(&mut self) {
        self.act();
        self.block();
    }

    /// Steps until the order is settled; its last state.
    pub(super) fn settle(&mut self, order: &OrderId) -> OrderRecord {
        for _ in 0..BLOCKS_MAX {
            let record = self.record(order).unwrap();
            if record.outcome.is_some() {
                return record;
            }
            self.step();
        }
        panic!("the order is not settled after {BLOCKS_MAX} blocks: {:?}", self.events);
    }

    /// Steps until the committee of an order is drawn.
    pub(super) fn draw(&mut self, order: &OrderId) -> Committee {
        for _ in 0..BLOCKS_MAX {
            if let Some(committee) = self.progress(order).and_then(|progress| progress.committee) {
                return committee;
            }
            self.step();
        }
        panic!("no committee after {BLOCKS_MAX} blocks: {:?}", self.events);
    }

    pub(super) fn record(&self, order: &OrderId) -> Option<OrderRecord> {
        read_record::<OrderRecord>(&self.store, order).unwrap()
    }

    pub(super) fn progress(&self, order: &OrderId) -> Option<Progress> {
        read_record::<Progress>(&self.store, order).unwrap()
    }

    pub(super) fn view(&self, order: &OrderId) -> Option<OrderView> {
        OrderView::read(&self.store, order, self.head).unwrap()
    }

    pub(super) fn free(&self, account: &AccountId) -> Amount {
        read_record::<Account>(&self.store, account).unwrap().unwrap_or_default().free
    }

    /// What an account owns and has at risk as an operator.
    pub(super) fn wealth(&self, account: &AccountId) -> Amount {
        let operator = read_record::<Operator>(&self.store, account).unwrap().unwrap();
        Amount(self.free(account).0 + operator.stake.0)
    }

    pub(super) fn place(&self, account: &AccountId) -> usize {
        self.actors.iter().position(|actor| actor.account == *account).unwrap()
    }

    pub(super) fn behave(&mut self, account: &AccountId, behavior: Behavior) {
        let place = self.place(account);
        self.actors[place].behavior = behavior;
    }

    /// How an actor plays games.
    pub(super) fn conduct(&mut self, account: &AccountId, conduct: Conduct) {
        let place = self.place(account);
        self.actors[place].conduct = conduct;
    }

    /// A copy in which everybody has been restarted.
    pub(super) fn fork(&self) -> Self {
        assert!(self.submitted.is_empty(), "forks are between blocks");
        Self {
            store: self.store.clone(),
            genesis: self.genesis,
            head: self.head,
            actors: self.actors.iter().map(Actor::fork).collect(),
            events: self.events.clone(),
            orders: self.orders.clone(),
            submitted: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.store
    }

    /// Whether any peer would get this file.
    pub(super) fn is_served(&self, hash: ContentHash) -> bool {
        self.served().contains_key(&hash)
    }

    /// An actor's account as the state has it.
    pub(super) fn member(&self, account: &AccountId) -> Member {
        Member::read(&self.store, *account, self.genesis).unwrap()
    }

    fn served(&self) -> Served {
        self.actors.iter().flat_map(Actor::served).collect()
    }

    fn act(&mut self) {
        let views: Vec<_> = self.orders.iter().filter_map(|order| self.view(order)).collect();
        let served = self.served();
        let mut made = Vec::new();
        for place in 0..self.actors.len() {
            let me = self.member(&self.actors[place].account);
            for view in &views {
                let calls = self.actors[place].act(view, &me, &served);
                made.extend(calls.into_iter().map(|(name, call)| (place, view.id(), name, call)));
            }
        }
        for (place, order, name, call) in made {
            self.send(place, order, name, call);
        }
    }

    fn send(&mut self, actor: usize, order: OrderId, name: String, call: Call) {
        let sender = &mut self.actors[actor];
        let known = read_record::<Account>(&self.store, &sender.account).unwrap().unwrap().nonce;
        let under_way = self.submitted.iter().filter(|one| one.actor == actor).count();
        let nonce = known + u64::try_from(under_way).unwrap();
        let call = SignedCall::sign(&sender.keypair, &self.genesis, nonce, call);
        self.submitted.push(Submitted { actor, order, name, call });
    }

    /// Lets a block pass in which nobody acts.
    pub(super) fn block(&mut self) {
        self.head = self.head.after(1);
        let beacon = Beacon(*blake3::hash(&self.head.0.to_le_bytes()).as_bytes());
        let at = At { block: self.head, beacon };
        let submitted = std::mem::take(&mut self.submitted);
        let mut state = State::new(&self.store);
        tick(&mut state, at).unwrap();
        let mut outcomes = Vec::new();
        for Submitted { actor, order, name, call } in submitted {
            let outcome = match apply(&mut state, call, at).unwrap() {
                Applied::Accepted => CallOutcome::Accepted { block: at.block },
                Applied::Refused(refusal) => {
                    CallOutcome::Refused { block: at.block, reason: refusal.to_string() }
                }
                Applied::Skipped(error) => CallOutcome::Dropped { reason: error.to_string() },
            };
            outcomes.push((actor, order, name, outcome));
        }
        let (changes, events) = state.finish();
        self.events.extend(events);
        self.commit(changes);
        for (actor, order, name, outcome) in outcomes {
            self.actors[actor].learn(&order, name, &outcome, self.head);
        }
    }

    fn commit(&mut self, changes: aipot_domain_runtime::state::Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => self.store.insert(key, value),
                None => self.store.remove(&key),
            };
        }
    }
}

fn actor(seed: u8, roles: Option<Roles>) -> Actor {
    let secret = MiniSecretKey::from_bytes(&[seed; 32]).unwrap();
    Actor::new(secret.expand_to_keypair(ExpansionMode::Uniform), roles.unwrap_or_default())
}

pub(super) fn parameters() -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 1,
            window_max_blocks: 40,
            settlement_max_blocks: 200,
            move_window_blocks: 1,
            reward_min: Amount(1),
            training_price: Amount(1),
            evaluation_price: Amount(1),
        },
        orders_per_block_max: 4,
        base_fee: Amount(1_000),
        byte_fee: Amount(1),
        account_deposit_min: Amount(1),
        operator_stake_min: Amount::tokens(10),
        stake_withdrawal_blocks: 200,
        claim_deposit: Amount::tokens(1),
        challenge_bond: Amount::tokens(5),
    }
}
