//! A state of 1,000 operators and 1,000 running orders, on disk: how long it takes to get there and how
//! many bytes it is. Printed as a table; one run is enough for sizes.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::sync::Arc;
use std::time::Instant;

use aipot_benches::{World, order};
use aipot_domain_runtime::call::Call;
use aipot_executor::bundle::Bundle;
use aipot_executor::chain::{BlockHash, ConsensusBlock};
use aipot_executor::intake::ledger::Ledger;
use aipot_executor::store::NodeDatabase;
use parity_scale_codec::Encode;

/// Operators; the first of them is the client too.
const OPERATORS: u32 = 1_000;
/// Orders, all in the first block.
const ORDERS: u64 = 1_000;
/// The block in which committees begin to be drawn, and some more, since a block draws 256 at most.
const LAST_BLOCK: u32 = 108;

fn main() {
    let world = World::new(OPERATORS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("node.redb");
    let database = Arc::new(NodeDatabase::open(&path).expect("an empty folder"));
    let started = Instant::now();
    let chain = BlockHash::from([0; 32]);
    let ledger = Ledger::open(&database, &world.genesis, chain).expect("an empty database");
    report("genesis of 1,000 operators", started, &ledger, &path);

    let started = Instant::now();
    let (_, record) = ledger.apply(&block(1, submissions(&world))).expect("an empty disk");
    assert_eq!(record.calls.iter().filter(|call| call.is_accepted).count() as u64, ORDERS);
    report("block with 1,000 orders", started, &ledger, &path);

    let started = Instant::now();
    let mut drawn = 0;
    for number in 2..=LAST_BLOCK {
        let (_, record) = ledger.apply(&block(number, Vec::new())).expect("room on the disk");
        drawn += record.events.len();
    }
    assert_eq!(drawn as u64, ORDERS, "every committee is drawn");
    report("107 blocks that draw 1,000 committees", started, &ledger, &path);
}

fn submissions(world: &World) -> Vec<Vec<u8>> {
    let mut bundle = Bundle::new(world.genesis.hash());
    for number in 0..ORDERS {
        let call = world.sign(0, number, Call::SubmitOrder { specification: order(number) });
        assert!(bundle.push(call.encode()), "1,000 orders fit into a bundle");
    }
    vec![bundle.encode()]
}

fn block(number: u32, bundles: Vec<Vec<u8>>) -> ConsensusBlock {
    let hash = |number: u32| BlockHash::from(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let beacon = *blake3::hash(b"beacon").as_bytes();
    let parent = if number == 1 { BlockHash::from([0; 32]) } else { hash(number - 1) };
    ConsensusBlock { number, hash: hash(number), parent, beacon, bundles }
}

fn report(what: &str, started: Instant, ledger: &Ledger, path: &std::path::Path) {
    let elapsed = started.elapsed();
    let pairs = ledger.state().iter_prefix(&[]).expect("a readable state");
    let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    let file = std::fs::metadata(path).map_or(0, |file| file.len());
    println!(
        "{what:<40} {:>8.3} s  {:>8} records  {bytes:>10} bytes of state  {file:>10} bytes on disk",
        elapsed.as_secs_f64(),
        pairs.len(),
    );
}
