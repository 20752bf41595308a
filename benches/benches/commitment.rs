//! BLAKE3 commitment to a model: the root on one thread and on all, beside the `blake3` crate's plain
//! hasher, which is the peer; the chunk proof of the availability calls.

use std::hint::black_box;

use aipot_domain_runtime::chunk::{prove_chunk, verify_chunk};
use aipot_kernels::blake3_tree;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A digits model, and models of 1 and 64 MiB.
const SIZES: [usize; 3] = [69_000, 1 << 20, 64 << 20];

fn commitments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commitment");
    group.sample_size(10);
    for size in SIZES {
        let bytes: Vec<u8> = (0..size).map(|index| (index % 251).to_le_bytes()[0]).collect();
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("blake3 crate", size), &bytes, |bencher, bytes| {
            bencher.iter(|| black_box(blake3::hash(bytes)));
        });
        group.bench_with_input(BenchmarkId::new("model root", size), &bytes, |bencher, bytes| {
            bencher.iter(|| black_box(blake3_tree::root(bytes)));
        });
    }
    group.finish();
    proofs(criterion);
}

fn proofs(criterion: &mut Criterion) {
    let bytes = vec![7_u8; 1 << 20];
    let root = blake3_tree::root(&bytes);
    let proof = prove_chunk(&bytes, 500).expect("1,024 chunks");
    let mut group = criterion.benchmark_group("chunk proof of 1 MiB");
    group.bench_function("prove", |bencher| bencher.iter(|| black_box(prove_chunk(&bytes, 500))));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert!(verify_chunk(&root, 1 << 20, black_box(&proof))));
    });
    group.finish();
}

criterion_group!(benches, commitments);
criterion_main!(benches);
