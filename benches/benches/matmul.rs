//! The canonical product beside candle's, which is free in its order of operations: one figure for each
//! shape and side. Both take their number of threads from `RAYON_NUM_THREADS`, which must be set.

use std::hint::black_box;

use aipot_trainer::comparison::{Factors, SHAPES};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn products(criterion: &mut Criterion) {
    // Without the variable candle looks up the cores of the machine in every product.
    let threads = std::env::var("RAYON_NUM_THREADS").expect("RAYON_NUM_THREADS is set, 1 or 2");
    let mut group = criterion.benchmark_group(format!("product on {threads} threads"));
    group.sample_size(10);
    for shape in SHAPES {
        let factors = Factors::new(shape).expect("shapes of a few megabytes");
        group.throughput(Throughput::Elements(shape.multiply_adds()));
        group.bench_with_input(BenchmarkId::new("candle", shape), &factors, |bencher, factors| {
            bencher.iter(|| black_box(factors.candle_product().expect("the factors fit")));
        });
        group.bench_with_input(
            BenchmarkId::new("canonical", shape),
            &factors,
            |bencher, factors| {
                bencher.iter(|| black_box(factors.canonical_product().expect("the factors fit")));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, products);
criterion_main!(benches);
