//! Calls reach the state of every node, exactly once.

use aipot_domain_runtime::primitives::Amount;

use super::stage::{Stage, transfer};
use crate::intake::fixture::{FREE, genesis, key};
use crate::node::CallOutcome;

const AMOUNT: Amount = Amount::tokens(3);

fn is_accepted(outcome: &CallOutcome) -> bool {
    matches!(outcome, CallOutcome::Accepted { .. })
}

#[test]
fn a_transfer_is_gossiped_bundled_and_applied_on_both_nodes() {
    // Only the second node is an operator, so only it has turns.
    let stage = Stage::new(genesis(&[2]));
    let second = stage.node(2, &[]);
    let first = stage.node(1, &[&second]);
    let call = first.call("pay", transfer(3, AMOUNT));
    second.wait_for_calls(1);
    let outcome = stage.until_over(&[&first, &second], call);

    assert!(is_accepted(&outcome), "{outcome:?}");
    assert_eq!(first.head(), second.head());
    for actor in [&first, &second] {
        let free = actor.account(key(3).account()).free;
        assert_eq!(Some(free), FREE.checked_add(AMOUNT));
    }
}

#[test]
fn the_same_intent_happens_once_however_often_it_is_asked_for() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let calls: Vec<_> = (0..4).map(|_| node.call("pay", transfer(3, AMOUNT))).collect();
    let outcomes: Vec<_> = calls.into_iter().map(|call| stage.until_over(&[&node], call)).collect();
    assert!(outcomes.iter().all(is_accepted), "{outcomes:?}");

    let node = stage.node_in(node.kill(), &[]);
    let again = node.call("pay", transfer(3, AMOUNT));
    assert_eq!(stage.until_over(&[&node], again), outcomes[0]);
    for _ in 0..4 {
        stage.step(&[&node]);
    }
    assert_eq!(node.account(key(1).account()).nonce, 1);
    assert_eq!(Some(node.account(key(3).account()).free), FREE.checked_add(AMOUNT));
}

#[test]
fn a_call_that_was_begun_before_a_kill_is_seen_through_after_the_restart() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let call = node.call("pay", transfer(3, AMOUNT));
    node.wait_for_calls(1);
    drop(call);
    let node = stage.node_in(node.kill(), &[]);
    // Nobody asks for it again, yet it happens.
    stage.until(&[&node], || node.account(key(1).account()).nonce == 1);
    assert_eq!(Some(node.account(key(3).account()).free), FREE.checked_add(AMOUNT));
    let outcome = stage.until_over(&[&node], node.call("pay", transfer(3, AMOUNT)));
    assert!(is_accepted(&outcome), "{outcome:?}");
    assert_eq!(node.account(key(1).account()).nonce, 1);
}

#[test]
fn many_calls_at_once_are_applied_in_their_order() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let calls: Vec<_> =
        (0..20).map(|index| node.call(&format!("pay/{index}"), transfer(3, Amount(1)))).collect();
    for call in calls {
        assert!(is_accepted(&stage.until_over(&[&node], call)));
    }
    assert_eq!(node.account(key(1).account()).nonce, 20);
}

#[test]
fn a_hopeless_call_is_dropped_with_its_reason_and_costs_nothing() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let outcome = stage.until_over(&[&node], node.call("pay", transfer(3, Amount::tokens(1_000))));
    let CallOutcome::Dropped { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("needed"), "{reason}");
    assert_eq!(node.account(key(1).account()).free, FREE);
    // When things have changed the same intent can be tried again.
    let outcome = stage.until_over(&[&node], node.call("pay", transfer(3, AMOUNT)));
    assert!(is_accepted(&outcome), "{outcome:?}");
}

#[test]
fn a_call_whose_nonce_another_call_of_the_account_took_still_happens_once() {
    let stage = Stage::new(genesis(&[1, 2]));
    let node = stage.node(1, &[]);
    // The same key signs elsewhere, and its call is ordered first.
    let other = key(1).sign(&stage.genesis.hash(), 0, transfer(4, Amount(5)));
    let other = crate::intake::fixture::bundle(
        &stage.genesis,
        &[parity_scale_codec::Encode::encode(&other)],
    );
    let chain = stage.chain.clone();
    node.within(async move { crate::chain::Chain::submit(&chain, other).await }).unwrap();
    let call = node.call("pay", transfer(3, AMOUNT));
    node.wait_for_calls(1);
    let outcome = stage.until_over(&[&node], call);
    assert!(is_accepted(&outcome), "{outcome:?}");
    assert_eq!(node.account(key(1).account()).nonce, 2);
    assert_eq!(Some(node.account(key(3).account()).free), FREE.checked_add(AMOUNT));
}

#[test]
fn a_name_that_cannot_be_kept_is_refused() {
    let stage = Stage::new(genesis(&[]));
    let node = stage.node(1, &[]);
    for name in [String::new(), "x".repeat(257)] {
        let error = node.within(node.node.call(&name, transfer(3, AMOUNT))).unwrap_err();
        assert!(error.to_string().contains("allowed 1 to 256"), "{error}");
    }
}

#[test]
fn salts_are_the_same_after_a_restart() {
    let stage = Stage::new(genesis(&[]));
    let node = stage.node(1, &[]);
    let salt = node.node.salt("claim/1");
    let node = stage.node_in(node.stop(), &[]);
    assert_eq!(node.node.salt("claim/1"), salt);
    assert_ne!(node.node.salt("claim/2"), salt);
}
