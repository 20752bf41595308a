//! Records and sectors: the erasure code, one encoded record on one thread, and writing a sector out, beside
//! the hashing that writing cannot do without.

use std::convert::Infallible;
use std::hint::black_box;

use aipot_kernels::blake3_tree;
use aipot_kernels::erasure_code::{SCALAR_BYTES, extend, recover};
use aipot_kernels::plotting::{
    BITMAP_BYTES, CheckPolicy, CpuEncoder, EncodeError, FinishedSector, HistorySize, PIECE_BYTES,
    Piece, ProtocolInformation, PublicKey, RECORD_BYTES, RecordEncoder, RecordJob, Sector,
    SectorPlan, SectorView,
};
use aipot_kernels::proof_of_space::{KeepGoing, Seed, Variant};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Pieces of the sector that is written: enough that its parts do not fit a core's cache.
const PIECES: u16 = 128;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// Bytes of which every 32 are a scalar: a zero, then 31 of a keystream.
fn scalar_bytes(seed: u64, bytes: usize) -> Vec<u8> {
    let mut record = vec![0; bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut record);
    record.iter_mut().step_by(SCALAR_BYTES).for_each(|byte| *byte = 0);
    record
}

fn erasure_code(criterion: &mut Criterion) {
    let source = scalar_bytes(0, RECORD_BYTES);
    let mut parity = vec![0; RECORD_BYTES];
    let mut group = criterion.benchmark_group("erasure code of a record");
    group.sample_size(20);
    for threads in [1, 2] {
        let pool = pool(threads);
        group.bench_function(format!("extend, threads: {threads}"), |bencher| {
            bencher.iter(|| pool.install(|| extend(black_box(&source), &mut parity)));
        });
    }
    let parity_chunks = parity.as_chunks::<SCALAR_BYTES>().0;
    let half: Vec<_> = parity_chunks.iter().flat_map(|chunk| [None, Some(*chunk)]).collect();
    let pool = pool(1);
    group.bench_function("recover from parity alone, threads: 1", |bencher| {
        bencher.iter(|| pool.install(|| recover(black_box(&half))));
    });
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let source = scalar_bytes(0, RECORD_BYTES);
    let mut found = Box::new([0; BITMAP_BYTES]);
    let mut group = criterion.benchmark_group("encode a record");
    group.sample_size(10);
    let pool = pool(1);
    for variant in [Variant::V1, Variant::V2] {
        group.bench_function(format!("{variant}, threads: 1"), |bencher| {
            bencher.iter(|| {
                let mut record = source.clone();
                let job = RecordJob {
                    seed: Seed::new([0; 32]),
                    record: &mut record,
                    found: &mut found,
                    sample_ranks: &[],
                    sample_proofs: Vec::new(),
                    is_done: false,
                };
                pool.install(|| CpuEncoder.encode(variant, &mut [job], &|| true)).expect("encoded");
            });
        });
    }
    group.finish();
}

/// Marks half of the s-buckets, other ones for each record, and leaves the chunks as they are.
#[derive(Debug)]
struct Marker;

impl RecordEncoder for Marker {
    fn name(&self) -> String {
        "marker".to_owned()
    }

    fn encode(
        &self,
        _: Variant,
        jobs: &mut [RecordJob<'_>],
        _: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        for job in jobs {
            let (low, high) = job.found.split_at_mut(BITMAP_BYTES / 2);
            let mut keystream = blake3::Hasher::new_keyed(job.seed.as_bytes()).finalize_xof();
            keystream.fill(low);
            low.iter().zip(high).for_each(|(low, high)| *high = !low);
            job.is_done = true;
        }
        Ok(())
    }
}

fn plan() -> SectorPlan {
    let information = ProtocolInformation {
        history_size: HistorySize(1_000),
        max_pieces_in_sector: PIECES,
        recent_segments: HistorySize(5),
        recent_history_fraction: (HistorySize(1), HistorySize(10)),
        min_sector_lifetime: HistorySize(4),
    };
    SectorPlan::new(&PublicKey([0; 32]), 0, &information, PIECES).expect("allowed values")
}

fn sector() -> FinishedSector {
    let piece = |offset: u16| Piece::new(scalar_bytes(offset.into(), PIECE_BYTES));
    let pieces: Result<_, _> = (0..PIECES).map(piece).collect();
    let policy = CheckPolicy { chunks_per_record: 0, recreated_records: 0, seed: [0; 32] };
    let pieces = pieces.expect("made of scalars");
    let mut sector = Sector::new(plan(), Variant::V1, pieces, policy).expect("as planned");
    while !sector.is_done() {
        sector.advance(&Marker, &|| true).expect("nothing is computed");
    }
    sector.finish().expect("done")
}

fn writing(criterion: &mut Criterion) {
    let sector = sector();
    let mut bytes = Vec::with_capacity(sector.byte_count());
    let kept = sector.write(|part| {
        bytes.extend_from_slice(part);
        Ok::<_, Infallible>(())
    });
    kept.expect("memory takes all");
    let mut group = criterion.benchmark_group(format!("a sector of {PIECES} pieces"));
    group.sample_size(10).throughput(Throughput::Bytes(bytes.len() as u64));
    for threads in [1, 2] {
        let pool = pool(threads);
        group.bench_function(format!("write, threads: {threads}"), |bencher| {
            let sink = |part: &[u8]| {
                black_box(part);
                Ok::<_, Infallible>(())
            };
            bencher.iter(|| pool.install(|| sector.write(sink)));
        });
        group.bench_function(format!("hash alone, threads: {threads}"), |bencher| {
            bencher.iter(|| pool.install(|| black_box(blake3_tree::root(&bytes))));
        });
    }
    let plan = plan();
    group.bench_function("check hashes and bitmaps", |bencher| {
        bencher.iter(|| SectorView::new(&bytes, &plan).and_then(|view| view.check()));
    });
    group.finish();
}

criterion_group!(benches, erasure_code, encoding, writing);
criterion_main!(benches);
