//! Kills, forks, junk and strangers do not change where the domain stands.

use std::sync::Arc;

use aipot_domain_runtime::primitives::Amount;
use futures::FutureExt;

use super::stage::{Actor, Stage, transfer};
use crate::chain::Chain;
use crate::intake::fixture::{genesis, key};
use crate::intake::follow::IntakeError;
use crate::intake::ledger::LedgerError;
use crate::keystore::KeyError;
use crate::node::{KEY_FILE, NodeError, StartError, StopReason};

const AMOUNT: Amount = Amount::tokens(1);

fn pay(stage: &Stage, payer: &Actor, actors: &[&Actor], intent: &str) {
    stage.until_over(actors, payer.call(intent, transfer(3, AMOUNT)));
}

#[test]
fn a_killed_node_resumes_with_the_same_root() {
    let stage = Stage::new(genesis(&[1]));
    let (first, second) = (stage.node(1, &[]), stage.node(2, &[]));
    pay(&stage, &first, &[&first, &second], "one");
    let before = second.head();
    let folder = second.kill();
    pay(&stage, &first, &[&first], "two");

    let second = stage.node_in(folder, &[]);
    assert!(second.head().block >= before.block);
    stage.step(&[&first, &second]);
    assert_eq!(first.head(), second.head());
}

#[test]
fn a_node_that_joins_late_derives_the_same_domain() {
    let stage = Stage::new(genesis(&[1]));
    let first = stage.node(1, &[]);
    for intent in ["one", "two", "three"] {
        pay(&stage, &first, &[&first], intent);
    }
    let late = stage.node(2, &[&first]);
    stage.step(&[&first, &late]);
    assert_eq!(first.head(), late.head());
}

#[test]
fn a_forked_tip_does_not_disturb() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let call = node.call("pay", transfer(3, AMOUNT));
    node.wait_for_calls(1);
    for _ in 0..6 {
        stage.step(&[&node]);
        stage.chain.fork(1).unwrap();
    }
    stage.until_over(&[&node], call);
    let late = stage.node(2, &[]);
    stage.step(&[&node, &late]);
    assert_eq!(node.head(), late.head());
    assert_eq!(node.account(key(1).account()).nonce, 1);
}

#[test]
fn junk_on_the_chain_is_passed_over() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let before = node.head().root;
    let chain = stage.chain.clone();
    node.within(async move {
        for junk in [vec![0; 3], b"aipb\x01garbage".to_vec(), vec![0xFF; 100_000]] {
            chain.submit(junk).await.unwrap();
        }
    });
    for _ in 0..4 {
        stage.step(&[&node]);
    }
    assert_eq!(node.head().root, before);
    pay(&stage, &node, &[&node], "pay");
}

#[test]
fn a_folder_of_another_network_is_refused() {
    let mut stage = Stage::new(genesis(&[1]));
    let folder = stage.node(1, &[]).stop();
    stage.genesis = genesis(&[2]);
    let error = stage.refusal_in(&folder);
    let is_named = matches!(error, StartError::Ledger(LedgerError::OtherNetwork { .. }));
    assert!(is_named, "{error}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new(genesis(&[1]));
    let folder = stage.node(1, &[]).stop();
    let path = folder.path().join(KEY_FILE);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = stage.refusal_in(&folder);
    let is_named = matches!(error, StartError::NodeKey(KeyError::Permissions { .. }));
    assert!(is_named, "{error}");
}

#[test]
fn a_folder_in_use_is_refused() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let error = stage.refusal_in(&node.folder);
    assert!(matches!(error, StartError::Database(_)), "{error}");
}

#[test]
fn a_chain_with_another_past_makes_the_node_stop_acting() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    for _ in 0..5 {
        stage.step(&[&node]);
    }
    let folder = node.stop();
    // The same chain from its beginning, but with other blocks.
    let other = Stage::new(genesis(&[1]));
    let stranger = other.chain.clone();
    futures::executor::block_on(async { stranger.submit(vec![1]).await }).unwrap();
    for _ in 0..9 {
        other.chain.produce_block().unwrap();
    }
    let node = other.node_in(folder, &[]);
    let reason = node.within(node.node.stopped());
    let StopReason::Failed(error) = &reason else { panic!("{reason}") };
    let is_named = matches!(**error, IntakeError::Ledger(LedgerError::OtherChain { .. }));
    assert!(is_named, "{error}");
    let error = node.within(node.node.call("pay", transfer(3, AMOUNT))).unwrap_err();
    assert!(matches!(error, NodeError::Stopped { .. }), "{error}");
}

#[test]
fn a_shutdown_ends_roles_and_calls_and_frees_the_folder() {
    let stage = Stage::new(genesis(&[]));
    let node = stage.node(1, &[]);
    let waiting = node.call("pay", transfer(3, AMOUNT));
    node.wait_for_calls(1);
    node.within(node.node.shutdown());
    let outcome = node.within(waiting).unwrap();
    assert!(matches!(outcome, Err(NodeError::Stopped { .. })), "{outcome:?}");
    assert!(node.node.stopped().now_or_never().is_some());
    let folder = node.kill();
    let node = stage.node_in(folder, &[]);
    stage.until_over(&[&node], node.call("pay", transfer(3, AMOUNT)));
}

#[test]
fn roles_are_started_on_the_node_and_told_of_its_end() {
    let stage = Stage::new(genesis(&[]));
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let chain = Arc::new(stage.chain.clone());
    let mut configuration =
        crate::node::NodeConfiguration::new(folder.path(), stage.genesis.clone(), chain);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    configuration.roles.push(Box::new(move |node| {
        Box::pin(async move {
            let reason = node.stopped().await;
            sender.send((node.account(), reason.to_string())).unwrap();
        })
    }));
    let node = runtime.block_on(crate::node::Node::start(configuration)).unwrap();
    runtime.block_on(node.shutdown());
    let (account, reason) = runtime.block_on(receiver).unwrap();
    assert_eq!(account, node.account());
    assert_eq!(reason, StopReason::Requested.to_string());
}
