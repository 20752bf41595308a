//! Proof of space at the size of the network: one table on one thread and on two, two records at once, and
//! the verifier. The peak memory of one record on one thread is printed first, where the system tells it.

#![expect(clippy::print_stdout, reason = "memory is no time, so criterion has no place for it")]

use std::hint::black_box;

use aipot_kernels::proof_of_space::{
    K, RecordProofs, SBucket, Seed, Variant, find_proofs, is_valid_proof,
};
use criterion::{Criterion, criterion_group, criterion_main};

const SEED: Seed = Seed::new([0; 32]);

fn find(seed: &Seed, variant: Variant) -> RecordProofs {
    find_proofs(seed, K, variant, None, &|| true).expect("nothing stops it")
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// Prints the most memory that this process had, after one record.
fn print_peak_memory() {
    pool(1).install(|| black_box(find(&SEED, Variant::V1)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("peak memory of one record: {}", peak.map_or("unknown", str::trim));
}

fn tables(criterion: &mut Criterion) {
    print_peak_memory();
    let mut group = criterion.benchmark_group("proofs of a record");
    group.sample_size(10);
    for variant in [Variant::V1, Variant::V2] {
        for threads in [1, 2] {
            let pool = pool(threads);
            group.bench_function(format!("{variant}, threads: {threads}"), |bencher| {
                bencher.iter(|| pool.install(|| black_box(find(&SEED, variant))));
            });
        }
    }
    let pools = [pool(1), pool(1)];
    group.bench_function("v1, two records on a thread each", |bencher| {
        bencher.iter(|| side_by_side(&pools));
    });
    group.finish();
}

/// Finds the proofs of one record in each pool, all at once.
fn side_by_side(pools: &[rayon::ThreadPool; 2]) {
    let find_in = |pool: &rayon::ThreadPool, byte| {
        pool.install(|| drop(black_box(find(&Seed::new([byte; 32]), Variant::V1))));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| find_in(&pools[0], 0));
        scope.spawn(|| find_in(&pools[1], 1));
    });
}

fn verification(criterion: &mut Criterion) {
    let record = find(&SEED, Variant::V1);
    let s_bucket = (0..=u16::MAX).map(SBucket::new).find(|&s_bucket| record.is_found(s_bucket));
    let s_bucket = s_bucket.expect("a record has thousands of proofs");
    let proof = record.proof(s_bucket, K).expect("it was found");
    let challenge_index = s_bucket.challenge_index(K);
    criterion.bench_function("verify a proof", |bencher| {
        bencher.iter(|| assert!(is_valid_proof(&SEED, K, challenge_index, black_box(proof))));
    });
}

criterion_group!(benches, tables, verification);
criterion_main!(benches);
