//! Signed calls a second through `apply` on one core, beside the signature check alone, which no
//! runtime with these signatures can go below.

use std::hint::black_box;

use aipot_benches::{World, at};
use aipot_domain_runtime::call::{SignedCall, VerifiedCall};
use aipot_domain_runtime::state::State;
use aipot_domain_runtime::transition::{Applied, apply, apply_verified, tick};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Accounts that sign in turn.
const ACCOUNTS: u32 = 100;
/// Calls of one iteration.
const CALLS: usize = 1_000;

fn calls(criterion: &mut Criterion) {
    let world = World::new(ACCOUNTS);
    let genesis = world.genesis.hash();
    let calls = world.transfers(CALLS);
    let verified: Vec<VerifiedCall> =
        calls.iter().map(|call| call.clone().verify(&genesis).expect("signed above")).collect();
    let mut group = criterion.benchmark_group("calls");
    group.throughput(Throughput::Elements(CALLS as u64)).sample_size(10);
    group.bench_function("signature check alone (schnorrkel)", |bencher| {
        bencher.iter_batched(
            || calls.clone(),
            |calls| check(calls, &genesis),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("apply", |bencher| {
        bencher.iter_batched(
            || calls.clone(),
            |calls| execute(&world, calls),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("apply without the signature check", |bencher| {
        bencher.iter(|| execute_verified(&world, &verified));
    });
    group.finish();
}

fn check(calls: Vec<SignedCall>, genesis: &aipot_domain_runtime::primitives::GenesisHash) {
    for call in calls {
        black_box(call.verify(genesis).expect("signed above"));
    }
}

fn execute(world: &World, calls: Vec<SignedCall>) {
    let mut state = State::new(&world.store);
    tick(&mut state, at(1)).expect("a store in memory");
    for call in calls {
        let applied = apply(&mut state, call, at(1)).expect("a store in memory");
        assert_eq!(applied, Applied::Accepted);
    }
    black_box(state.finish());
}

fn execute_verified(world: &World, calls: &[VerifiedCall]) {
    let mut state = State::new(&world.store);
    tick(&mut state, at(1)).expect("a store in memory");
    for call in calls {
        let applied = apply_verified(&mut state, call, at(1)).expect("a store in memory");
        assert_eq!(applied, Applied::Accepted);
    }
    black_box(state.finish());
}

criterion_group!(benches, calls);
criterion_main!(benches);
