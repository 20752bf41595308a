//! The same blocks give the same domain, whatever else is on the chain and whatever fails meanwhile.

use std::slice::from_ref;
use std::sync::Arc;

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::Amount;
use aipot_domain_runtime::state::{ReadState, read_record};

use super::fixture::{FREE, block, bundle, genesis, key, ledger, transfer};
use super::index::CallFate;
use super::ledger::{Ledger, LedgerError};
use super::{calls_of, execute};
use crate::chain::{BUNDLE_BYTES_MAX, BlockHash};
use crate::pool::CallHash;
use crate::store::database::faulty::FaultyDisk;
use crate::store::state::StateRoot;

const AMOUNT: Amount = Amount::tokens(1);

fn account(state: &dyn ReadState, number: u8) -> Account {
    read_record(state, &key(number).account()).unwrap().unwrap_or_default()
}

/// Junk that anybody can put on the chain.
fn junk() -> Vec<Vec<u8>> {
    let foreign = bundle(&genesis(&[1]), &[vec![1; 200]]);
    vec![vec![7], b"aipb\x01".to_vec(), b"a remark of somebody else".to_vec(), foreign]
}

#[test]
fn a_transfer_in_a_block_moves_money_and_leaves_its_traces() {
    let genesis = genesis(&[]);
    let ledger = ledger(&genesis);
    let call = transfer(&genesis, 1, 0, AMOUNT);
    let before = ledger.head().unwrap();
    let (head, record) = ledger.apply(&block(1, vec![bundle(&genesis, from_ref(&call))])).unwrap();

    assert_eq!(head, ledger.head().unwrap());
    assert_ne!(head.root, before.root);
    assert!(matches!(record.events.as_slice(), [Event::Transferred { amount: AMOUNT, .. }]));
    let sender = account(ledger.state().as_ref(), 1);
    assert_eq!(sender.nonce, 1);
    assert!(sender.free < FREE.checked_sub(AMOUNT).unwrap());
    let fate = ledger.index().call(&key(1).account(), 0).unwrap();
    let hash = CallHash::of(&call);
    assert_eq!(fate, Some(CallFate { block: 1, hash, refusal: None }));
}

#[test]
fn junk_on_the_chain_changes_nothing() {
    let genesis = genesis(&[]);
    let bundles = vec![bundle(&genesis, &[transfer(&genesis, 1, 0, AMOUNT)])];
    let clean = ledger(&genesis).apply(&block(1, bundles.clone())).unwrap();
    let mut polluted = junk();
    polluted.extend(bundles);
    polluted.extend(junk());
    polluted.push(bundle(&genesis, &[vec![9; 300], transfer(&genesis, 1, 7, AMOUNT)]));
    let mut forged = transfer(&genesis, 2, 0, AMOUNT);
    *forged.last_mut().unwrap() ^= 1;
    polluted.push(bundle(&genesis, &[forged]));
    polluted.push(vec![0; BUNDLE_BYTES_MAX]);
    assert_eq!(ledger(&genesis).apply(&block(1, polluted)).unwrap(), clean);
}

#[test]
fn a_call_in_two_bundles_counts_once() {
    let genesis = genesis(&[]);
    let ledger = ledger(&genesis);
    let twice = bundle(&genesis, &[transfer(&genesis, 1, 0, AMOUNT)]);
    let both =
        bundle(&genesis, &[transfer(&genesis, 1, 0, AMOUNT), transfer(&genesis, 1, 1, AMOUNT)]);
    ledger.apply(&block(1, vec![twice.clone(), both])).unwrap();
    ledger.apply(&block(2, vec![twice])).unwrap();
    assert_eq!(account(ledger.state().as_ref(), 1).nonce, 2);
}

#[test]
fn a_refused_call_costs_its_fee_and_its_reason_can_be_looked_up() {
    let genesis = genesis(&[]);
    let ledger = ledger(&genesis);
    let too_much = transfer(&genesis, 1, 0, Amount::tokens(1_000));
    ledger.apply(&block(1, vec![bundle(&genesis, &[too_much])])).unwrap();
    let fate = ledger.index().call(&key(1).account(), 0).unwrap().unwrap();
    assert!(fate.refusal.unwrap().contains("needed"));
    let sender = account(ledger.state().as_ref(), 1);
    assert_eq!(sender.nonce, 1);
    assert!(sender.free < FREE);
}

#[test]
fn execution_is_a_function_of_state_and_block() {
    let genesis = genesis(&[1, 2]);
    let ledger = ledger(&genesis);
    let calls: Vec<_> = (1..=5).map(|from| transfer(&genesis, from, 0, AMOUNT)).collect();
    let block = block(1, calls.iter().map(|call| bundle(&genesis, from_ref(call))).collect());
    let first = execute(ledger.state().as_ref(), &genesis.hash(), &block).unwrap();
    let again = execute(ledger.state().as_ref(), &genesis.hash(), &block).unwrap();
    assert_eq!(first, again);
    let order: Vec<_> = first.record.calls.iter().map(|call| call.hash).collect();
    assert_eq!(order, calls.iter().map(|call| CallHash::of(call)).collect::<Vec<_>>());
}

#[test]
fn only_calls_of_this_network_are_seen_and_each_once() {
    let (ours, theirs) = (genesis(&[]), genesis(&[1]));
    let call = transfer(&ours, 1, 0, AMOUNT);
    let foreign = bundle(&theirs, &[transfer(&theirs, 1, 0, AMOUNT)]);
    let mine = bundle(&ours, from_ref(&call));
    let block = block(1, vec![foreign, mine.clone(), mine]);
    assert_eq!(calls_of(&ours.hash(), &block), vec![(CallHash::of(&call), call)]);
}

#[test]
fn another_past_is_found_out_and_changes_nothing() {
    let genesis = genesis(&[]);
    let ledger = ledger(&genesis);
    ledger.apply(&block(1, vec![])).unwrap();
    let before = ledger.head().unwrap();
    let mut other = block(2, vec![]);
    other.parent = BlockHash([9; 32]);
    let error = ledger.apply(&other).unwrap_err();
    assert!(matches!(error, LedgerError::OtherChain { number: 1, .. }), "{error}");
    assert!(!error.is_temporary());
    assert_eq!(ledger.head().unwrap(), before);
}

#[test]
fn a_folder_of_another_network_or_chain_is_refused() {
    let disk = FaultyDisk::new();
    let chain = BlockHash([0; 32]);
    drop(Ledger::open(&Arc::new(disk.database()), &genesis(&[]), chain).unwrap());
    let error = Ledger::open(&Arc::new(disk.database()), &genesis(&[1]), chain).unwrap_err();
    assert!(matches!(error, LedgerError::OtherNetwork { .. }), "{error}");
    let other = BlockHash([1; 32]);
    let error = Ledger::open(&Arc::new(disk.database()), &genesis(&[]), other).unwrap_err();
    assert!(matches!(error, LedgerError::OtherChain { number: 0, .. }), "{error}");
}

/// Applies blocks with transfers to a ledger and returns the roots.
fn run(ledger: &Ledger, numbers: std::ops::RangeInclusive<u32>) -> Vec<StateRoot> {
    let genesis = genesis(&[]);
    let apply = |number: u32| {
        let calls = [transfer(&genesis, 1, u64::from(number) - 1, AMOUNT)];
        ledger.apply(&block(number, vec![bundle(&genesis, &calls)])).map(|(head, _)| head.root)
    };
    numbers
        .map(|number| {
            loop {
                match apply(number) {
                    Ok(root) => break root,
                    Err(error) => assert!(error.is_temporary() && error.is_disk_full(), "{error}"),
                }
            }
        })
        .collect()
}

#[test]
fn a_disk_that_fills_at_any_write_loses_nothing() {
    let genesis = genesis(&[]);
    let undisturbed = run(&ledger(&genesis), 1..=2);
    let mut is_over = false;
    let mut writes = 0;
    while !is_over {
        let disk = FaultyDisk::new();
        let database = Arc::new(disk.database());
        let ledger = Ledger::open(&database, &genesis, BlockHash([0; 32])).unwrap();
        let first = run(&ledger, 1..=1);
        disk.fill_after(writes);
        let calls = [transfer(&genesis, 1, 1, AMOUNT)];
        let second = block(2, vec![bundle(&genesis, &calls)]);
        is_over = match ledger.apply(&second) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_disk_full(), "after {writes} writes: {error}");
                false
            }
        };
        disk.make_room();
        // What a start after a crash at this moment would find is whole, too.
        let crashed = Ledger::open(&Arc::new(disk.copy().database()), &genesis, BlockHash([0; 32]));
        let crashed = crashed.unwrap();
        for ledger in [&ledger, &crashed] {
            let (head, _) = ledger.apply(&second).unwrap();
            assert_eq!([first[0], head.root], undisturbed[..], "after {writes} writes");
            let fate = ledger.index().call(&key(1).account(), 1).unwrap();
            assert!(fate.is_some(), "after {writes} writes");
        }
        writes += 1;
    }
    assert!(writes > 4, "the disk failed {writes} times");
}
