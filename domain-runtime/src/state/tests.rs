//! Changes are kept or dropped as a whole, and records live under distinct keys.

use alloc::collections::BTreeSet;

use super::*;
use crate::account::{Account, Totals};
use crate::operator::{OperatorAt, OperatorCount};
use crate::primitives::{AccountId, Amount};

const SOMEBODY: AccountId = AccountId([1; 32]);

fn rich(free: u128) -> Account {
    Account { nonce: 0, free: Amount(free) }
}

/// A store that is out of order.
struct Broken;

impl ReadState for Broken {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        Err(StorageFailure { reason: "disk".into() })
    }
}

#[test]
fn a_dropped_change_leaves_no_trace() {
    let store = BTreeMap::new();
    let mut state = State::new(&store);
    state.put(&SOMEBODY, &rich(1));
    state.keep();
    state.put(&SOMEBODY, &rich(2));
    state.remove::<Totals>(&());
    assert_eq!(state.get(&SOMEBODY), Ok(Some(rich(2))));
    state.discard();
    assert_eq!(state.get(&SOMEBODY), Ok(Some(rich(1))));
    let (changes, events) = state.finish();
    let key = record_key::<Account>(&SOMEBODY);
    assert_eq!(changes, BTreeMap::from([(key, Some(rich(1).encode()))]));
    assert_eq!(events, []);
}

#[test]
fn what_was_not_kept_is_not_finished() {
    let store = BTreeMap::new();
    let mut state = State::new(&store);
    state.put(&SOMEBODY, &rich(1));
    assert_eq!(state.finish(), (Changes::new(), Vec::new()));
}

#[test]
fn a_removed_record_hides_the_stored_one() {
    let mut store = BTreeMap::new();
    store.insert(record_key::<Account>(&SOMEBODY), rich(5).encode());
    let mut state = State::new(&store);
    assert_eq!(state.get(&SOMEBODY), Ok(Some(rich(5))));
    assert_eq!(read_record(&store, &SOMEBODY), Ok(Some(rich(5))));
    state.remove::<Account>(&SOMEBODY);
    assert_eq!(state.get::<Account>(&SOMEBODY), Ok(None));
    state.keep();
    assert_eq!(state.get::<Account>(&SOMEBODY), Ok(None));
    let (changes, _) = state.finish();
    assert_eq!(changes.values().cloned().collect::<Vec<_>>(), [None]);
}

#[test]
fn a_failing_store_is_a_fault_and_not_an_empty_record() {
    let state = State::new(&Broken);
    let fault = state.get::<Account>(&SOMEBODY).unwrap_err();
    assert_eq!(fault, Fault::Storage(StorageFailure { reason: "disk".into() }));
}

#[test]
fn a_damaged_or_missing_record_is_a_fault_with_its_table() {
    let mut store = BTreeMap::new();
    let mut bytes = rich(5).encode();
    bytes.push(0);
    store.insert(record_key::<Account>(&SOMEBODY), bytes);
    let state = State::new(&store);
    assert_eq!(state.get::<Account>(&SOMEBODY), Err(Fault::Damaged { table: 2 }));
    assert_eq!(state.require::<Totals>(&()), Err(Fault::Damaged { table: 1 }));
}

#[test]
fn every_table_has_a_number_of_its_own() {
    let tables = [
        crate::genesis::Parameters::TABLE,
        Totals::TABLE,
        Account::TABLE,
        crate::operator::Operator::TABLE,
        OperatorAt::TABLE,
        OperatorCount::TABLE,
        crate::progress::OrderRecord::TABLE,
        crate::claim::Claim::TABLE,
        crate::evaluation::Evaluation::TABLE,
        crate::challenge::Challenge::TABLE,
        crate::agenda::Agenda::TABLE,
        crate::progress::Progress::TABLE,
        crate::submission::OrdersInBlock::TABLE,
        crate::genesis::Network::TABLE,
    ];
    let different: BTreeSet<u8> = tables.into_iter().collect();
    assert_eq!(different.len(), tables.len());
}
