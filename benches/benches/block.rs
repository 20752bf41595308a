//! A block of 10,000 signed calls from consensus data to the committed state on disk: bundles decoded,
//! signatures checked, calls applied, tree and values written. Beside it the execution alone, so that
//! the share of the store is seen.

use std::hint::black_box;
use std::sync::Arc;

use aipot_benches::World;
use aipot_executor::bundle::Bundle;
use aipot_executor::chain::{BlockHash, ConsensusBlock};
use aipot_executor::intake::execute;
use aipot_executor::intake::ledger::Ledger;
use aipot_executor::store::NodeDatabase;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parity_scale_codec::Encode;

/// Accounts that sign in turn.
const ACCOUNTS: u32 = 1_000;
/// Calls of the block.
const CALLS: usize = 10_000;

fn blocks(criterion: &mut Criterion) {
    let world = World::new(ACCOUNTS);
    let block = block(&world);
    let bytes: usize = block.bundles.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("block of 10,000 calls");
    group.throughput(Throughput::ElementsAndBytes { elements: CALLS as u64, bytes: bytes as u64 });
    group.sample_size(10);
    group.bench_function("execute", |bencher| {
        let genesis = world.genesis.hash();
        bencher.iter(|| {
            let execution = execute(&world.store, &genesis, &block).expect("a store in memory");
            assert_eq!(execution.record.calls.len(), CALLS);
            black_box(execution);
        });
    });
    group.bench_function("execute and commit on disk", |bencher| {
        bencher.iter_batched(
            || fresh_ledger(&world),
            |(folder, ledger)| {
                let (head, record) = ledger.apply(&block).expect("an empty disk");
                assert_eq!(record.calls.len(), CALLS);
                black_box(head);
                folder
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn block(world: &World) -> ConsensusBlock {
    let mut bundles = Vec::new();
    let mut bundle = Bundle::new(world.genesis.hash());
    for call in world.transfers(CALLS) {
        if !bundle.push(call.encode()) {
            let full = std::mem::replace(&mut bundle, Bundle::new(world.genesis.hash()));
            bundles.push(full.encode());
            assert!(bundle.push(call.encode()), "a call fits into an empty bundle");
        }
    }
    bundles.push(bundle.encode());
    let (hash, parent) = (BlockHash::from([1; 32]), BlockHash::from([0; 32]));
    ConsensusBlock { number: 1, hash, parent, beacon: [7; 32], bundles }
}

fn fresh_ledger(world: &World) -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = NodeDatabase::open(folder.path().join("node.redb")).expect("an empty folder");
    let ledger = Ledger::open(&Arc::new(database), &world.genesis, BlockHash::from([0; 32]));
    (folder, ledger.expect("an empty database"))
}

criterion_group!(benches, blocks);
criterion_main!(benches);
