//! A domain with a clock that the test turns, which checks after every step that no unit is lost.

use std::collections::BTreeMap;

use aipot_domain_runtime::account::{Account, Totals};
use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::genesis::Parameters;
use aipot_domain_runtime::operator::Operator;
use aipot_domain_runtime::primitives::{
    AccountId, Amount, At, Beacon, BlockNumber, GenesisHash, ModelRoot, OrderId,
};
use aipot_domain_runtime::progress::{Committee, OrderRecord, Progress};
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::state::{Changes, Record, State, record_key};
use aipot_domain_runtime::transition::{Applied, apply, tick};
use aipot_domain_runtime::window::Phase;
use schnorrkel::Keypair;

use super::ledger::{Ledger, Store, read};
use super::model::Model;
use super::people::{CLIENT, OUTSIDER, keypair, operators};
use super::play::Said;
use super::setting::{PARAMETERS, genesis};

/// A domain in memory.
pub(crate) struct World {
    /// The state after the last step.
    pub(crate) store: Store,
    /// The network.
    pub(crate) genesis: GenesisHash,
    /// Where the next call is applied.
    pub(crate) at: At,
    /// Everything that has happened.
    pub(crate) events: Vec<(BlockNumber, Event)>,
    /// Models by their root, as if everybody could fetch them.
    pub(crate) models: BTreeMap<ModelRoot, Model>,
    /// What people keep to themselves.
    pub(crate) said: Said,
    people: BTreeMap<AccountId, Keypair>,
    blocks: Vec<Block>,
    beacon_seed: u64,
}

/// A block as it was applied.
struct Block {
    at: At,
    calls: Vec<SignedCall>,
}

impl World {
    /// The test network in its first block.
    pub(crate) fn new() -> Self {
        Self::with(PARAMETERS, 0)
    }

    /// A network with other rules or other beacons.
    pub(crate) fn with(parameters: Parameters, beacon_seed: u64) -> Self {
        let genesis = genesis(parameters);
        let mut world = Self {
            store: Store::new(),
            genesis: genesis.hash(),
            at: At { block: BlockNumber(0), beacon: Beacon::default() },
            events: Vec::new(),
            models: BTreeMap::new(),
            said: Said::default(),
            people: BTreeMap::new(),
            blocks: Vec::new(),
            beacon_seed,
        };
        [CLIENT, OUTSIDER].into_iter().chain(operators()).for_each(|number| world.meet(number));
        let empty = Store::new();
        let mut state = State::new(&empty);
        genesis.install(&mut state).expect("the genesis of the tests is valid");
        let (changes, events) = state.finish();
        world.commit(changes, events);
        world.advance(1);
        world
    }

    /// Lets the world know the key of person `number`.
    pub(crate) fn meet(&mut self, number: u32) {
        let keypair = keypair(number);
        self.people.insert(AccountId(keypair.public.to_bytes()), keypair);
    }

    /// Signs `call` with the right nonce.
    pub(crate) fn sign(&self, who: &AccountId, call: Call) -> SignedCall {
        let nonce = self.account(who).nonce;
        SignedCall::sign(&self.people[who], &self.genesis, nonce, call)
    }

    /// Applies a call of `who`.
    pub(crate) fn call(&mut self, who: &AccountId, call: Call) -> Applied {
        self.apply(self.sign(who, call))
    }

    /// Applies a call of `who`, which must be accepted.
    pub(crate) fn accept(&mut self, who: &AccountId, call: Call) {
        let applied = self.call(who, call);
        assert_eq!(applied, Applied::Accepted, "at block {}", self.at.block);
    }

    /// Applies a signed call and checks what such a call may change.
    pub(crate) fn apply(&mut self, call: SignedCall) -> Applied {
        let (signer, nonce) = (call.signer, call.nonce);
        let before = self.account(&signer);
        let mut state = State::new(&self.store);
        let applied = apply(&mut state, call.clone(), self.at).expect("a map always answers");
        let (changes, events) = state.finish();
        if matches!(applied, Applied::Skipped(_)) {
            assert!(changes.is_empty() && events.is_empty(), "a skipped call changes nothing");
            return applied;
        }
        self.blocks.last_mut().expect("there is a block").calls.push(call);
        if matches!(applied, Applied::Refused(_)) {
            let allowed = [record_key::<Totals>(&()), record_key::<Account>(&signer)];
            assert!(changes.keys().all(|key| allowed.contains(key)), "more than the fee changed");
            assert!(matches!(events.as_slice(), [Event::CallRefused { .. }]), "{events:?}");
        }
        self.commit(changes, events);
        let after = self.account(&signer);
        assert_eq!((before.nonce, after.nonce), (nonce, nonce + 1), "every applied call counts");
        applied
    }

    /// Lets `blocks` blocks begin.
    pub(crate) fn advance(&mut self, blocks: u32) {
        for _ in 0..blocks {
            let block = self.at.block.after(1);
            self.at = At { block, beacon: self.beacon(block) };
            self.blocks.push(Block { at: self.at, calls: Vec::new() });
            let mut state = State::new(&self.store);
            tick(&mut state, self.at).expect("a map always answers");
            let (changes, events) = state.finish();
            self.commit(changes, events);
        }
    }

    /// Lets blocks begin until `order` is in `phase`; it must not be there yet or just now.
    pub(crate) fn advance_to(&mut self, order: &OrderId, phase: Phase) {
        while self.phase(order) < phase {
            self.advance(1);
        }
        assert_eq!(self.phase(order), phase);
    }

    /// Lets blocks begin until `order` is settled.
    pub(crate) fn settle(&mut self, order: &OrderId) {
        while self.read::<Progress>(order).is_some() {
            self.advance(1);
        }
    }

    /// The beacon of `block`.
    pub(crate) fn beacon(&self, block: BlockNumber) -> Beacon {
        let mut seed = self.beacon_seed.to_le_bytes().to_vec();
        seed.extend(block.0.to_le_bytes());
        Beacon(blake3::derive_key("aipot test beacon v1", &seed))
    }

    /// Applies all blocks again, each in one piece, and gives the state that comes out.
    pub(crate) fn replayed(&self, parameters: Parameters) -> Store {
        let mut store = Store::new();
        let mut state = State::new(&store);
        genesis(parameters).install(&mut state).expect("the genesis of the tests is valid");
        let (changes, _) = state.finish();
        write(&mut store, changes);
        for block in &self.blocks {
            let mut state = State::new(&store);
            tick(&mut state, block.at).expect("a map always answers");
            for call in &block.calls {
                apply(&mut state, call.clone(), block.at).expect("a map always answers");
            }
            let (changes, _) = state.finish();
            write(&mut store, changes);
        }
        store
    }

    /// Reads one record.
    pub(crate) fn read<R: Record>(&self, key: &R::Key) -> Option<R> {
        read(&self.store, key)
    }

    /// The account of `who`.
    pub(crate) fn account(&self, who: &AccountId) -> Account {
        self.read(who).unwrap_or_default()
    }

    /// Free money of `who`.
    pub(crate) fn free(&self, who: &AccountId) -> u128 {
        self.account(who).free.0
    }

    /// Stake of `who`.
    pub(crate) fn stake(&self, who: &AccountId) -> u128 {
        self.read::<Operator>(who).map_or(0, |operator| operator.stake.0)
    }

    /// The record of `order`.
    pub(crate) fn order(&self, order: &OrderId) -> OrderRecord {
        self.read(order).expect("the order is known")
    }

    /// The progress of `order`, which must be running.
    pub(crate) fn progress(&self, order: &OrderId) -> Progress {
        self.read(order).expect("the order is running")
    }

    /// The committee of `order`, which must be drawn.
    pub(crate) fn committee(&self, order: &OrderId) -> Committee {
        self.progress(order).committee.expect("the committee is drawn")
    }

    /// The phase of `order` by height.
    pub(crate) fn phase(&self, order: &OrderId) -> Phase {
        let Some(progress) = self.read::<Progress>(order) else { return Phase::Final };
        self.order(order).specification.windows.phase(progress.submitted_at, self.at.block)
    }

    /// What has been destroyed so far.
    pub(crate) fn burned(&self) -> u128 {
        self.read::<Totals>(&()).map_or(0, |totals| totals.burned.0)
    }

    /// Events of one kind, in order.
    pub(crate) fn happened<T>(&self, choose: impl FnMut(&Event) -> Option<T>) -> Vec<T> {
        self.events.iter().map(|(_, event)| event).filter_map(choose).collect()
    }

    /// Everything that `who` lost by slashing.
    pub(crate) fn slashed(&self, who: &AccountId) -> u128 {
        let amounts = self.happened(|event| match event {
            Event::Slashed { operator, amount: Amount(amount), .. } if operator == who => {
                Some(*amount)
            }
            _ => None,
        });
        amounts.iter().sum()
    }

    fn commit(&mut self, changes: Changes, events: Vec<Event>) {
        write(&mut self.store, changes);
        self.events.extend(events.into_iter().map(|event| (self.at.block, event)));
        let ledger = Ledger::of(&self.store);
        assert_eq!(ledger.issued, ledger.sum(), "a unit was lost or made: {ledger:?}");
    }
}

/// The refusal of a call that was refused.
pub(crate) fn refusal(applied: Applied) -> Refusal {
    match applied {
        Applied::Refused(refusal) => refusal,
        other => panic!("refused was expected, found {other:?}"),
    }
}

fn write(store: &mut Store, changes: Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => store.insert(key, value),
            None => store.remove(&key),
        };
    }
}
