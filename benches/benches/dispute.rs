//! A dispute over a run of 200,000 steps in which one party flipped one bit of one weight: how many rounds
//! and bytes it takes to find the step, and how long the referee needs for the leaf. The other way, which
//! other systems take, stands beside it: running the disputed part again.

use std::hint::black_box;

use aipot_domain_runtime::dispute::{Dispute, Move, ROUNDS_MAX, Side, Stage};
use aipot_domain_runtime::program::{
    Computation, FileRoots, Function, Operand, Operation, Operator, Program, RANK, Slot, SlotIndex,
    SlotKind, View,
};
use aipot_trainer::trace::machine::{Files, Machine};
use aipot_trainer::trace::play::play;
use aipot_trainer::trace::prover::Prover;
use aipot_trainer::trace::recorder::Trace;
use aipot_trainer::trace::replay::{Change, Replay};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// Steps of the run.
const STEPS: u32 = 200_000;
/// Steps between two states that are kept.
const INTERVAL: u32 = 100;
/// Rows of the weights, each a block of K.
const ROWS: u32 = 8;
/// Elements of K in a block.
const DEPTH: u32 = 512;
/// Bytes of roots that may be shown until the step is found.
const STEP_BYTES_MAX: u32 = 4_096;
/// The bit that is flipped: of a weight, far from both ends of the run.
const FLIP: Change = Change { step: 123_456, operator: 2, element: 1_000, bit: 7 };

const WEIGHT: SlotIndex = 0;
const SUMS: SlotIndex = 1;

fn view(slot: SlotIndex, strides: [u32; RANK]) -> View {
    View { slot, offset: 0, strides }
}

fn operator(output: SlotIndex, shape: [u32; RANK], operation: Operation) -> Operator {
    Operator { name: "synthetic", layer: 0, output, shape, operation }
}

/// Each step multiplies the weights with their first row and lets them decay by a little of the result, so
/// that they stay numbers over the whole run.
fn computation() -> Computation {
    let slot = |name, kind, element_count| Slot { name, layer: 0, kind, element_count };
    let slots = vec![
        slot("weight", SlotKind::Persistent, ROWS * DEPTH),
        slot("sums", SlotKind::Scratch, ROWS),
    ];
    let by_row = [DEPTH, 0, 0, 0, 0, 0];
    let product = Operation::Product {
        left: view(WEIGHT, by_row),
        right: view(WEIGHT, [0; RANK]),
        depth: DEPTH,
    };
    let scale = Operation::Map {
        function: Function::Multiply,
        operands: vec![
            Operand::Slot(view(SUMS, [1, 0, 0, 0, 0, 0])),
            Operand::Constant(1e-9_f32.to_bits()),
        ],
    };
    let weight = Operand::Slot(view(WEIGHT, [DEPTH, 1, 0, 0, 0, 0]));
    let update = Operation::Map {
        function: Function::NegativeMultiplyAdd,
        operands: vec![Operand::Slot(view(SUMS, [0; RANK])), weight, weight],
    };
    let normal = Operation::Normal { seed: 1, counter: 0, deviation: 1.0_f32.to_bits() };
    let initial = vec![operator(WEIGHT, [ROWS, DEPTH, 1, 1, 1, 1], normal)];
    let step = vec![
        operator(SUMS, [ROWS, 1, 1, 1, 1, 1], product),
        operator(SUMS, [ROWS, 1, 1, 1, 1, 1], scale),
        operator(WEIGHT, [ROWS, DEPTH, 1, 1, 1, 1], update),
    ];
    Computation {
        initial: Program { slots: slots.clone(), operators: initial },
        step: Program { slots, operators: step },
        step_count: STEPS,
    }
}

/// Runs the whole computation and keeps what a claim commits to.
fn record(computation: &Computation, changes: &[Change]) -> Trace {
    let files = Files::default();
    let machine = Machine::new(computation, files);
    let empty = Trace::new(STEPS, INTERVAL);
    let snapshots = empty.snapshots.clone();
    let mut replay = Replay::new((computation, files), machine, changes.to_vec(), snapshots);
    replay.record(empty, 0).expect("a program without data")
}

fn party<'run>(
    computation: &'run Computation,
    trace: &Trace,
    changes: &[Change],
) -> Prover<'run, Machine<'run>> {
    let files = Files::default();
    let machine = Machine::new(computation, files);
    let snapshots = trace.snapshots.clone();
    Prover::new(Replay::new((computation, files), machine, changes.to_vec(), snapshots))
}

#[expect(clippy::print_stdout, reason = "rounds and bytes are figures of this bench, too")]
fn disputes(criterion: &mut Criterion) {
    let computation = computation();
    let (honest, forged) = (record(&computation, &[]), record(&computation, &[FLIP]));
    let files = FileRoots::default();
    let (mut step_found, mut leaf) = (None, None);
    let outcome = play(
        &computation,
        &mut party(&computation, &forged, &[FLIP]),
        &mut party(&computation, &honest, &[]),
        |dispute, side, action| {
            if let (Stage::Step { step, .. }, None) = (&dispute.stage, step_found) {
                step_found = Some((*step, dispute.round, dispute.posted_bytes));
            }
            if let Move::Leaf(_) = action {
                leaf = Some((dispute.clone(), action.clone()));
            }
            dispute.apply(side, action, &computation, &files)
        },
    );
    let outcome = outcome.expect("both runs are whole");
    let (step, rounds, bytes) = step_found.expect("a step was found");
    println!(
        "step {step} of {STEPS} found in {rounds} rounds and {bytes} bytes of roots; word {:?} in \
         {} rounds and {} bytes; leaf of {} bytes",
        outcome.decision, outcome.rounds, outcome.posted_bytes, outcome.leaf_bytes
    );
    assert_eq!((step, outcome.operator), (FLIP.step, FLIP.operator), "the wrong place was found");
    assert_eq!(outcome.decision.winner, Side::Challenger, "the forger won");
    assert!(rounds <= ROUNDS_MAX && bytes <= STEP_BYTES_MAX, "{rounds} rounds, {bytes} bytes");
    let (dispute, action) = leaf.expect("a leaf was played");
    let mut group = criterion.benchmark_group("dispute");
    group.sample_size(10);
    group.bench_function("referee checks the leaf", |bencher| {
        bencher.iter_batched(
            || dispute.clone(),
            |mut dispute| {
                let judged = dispute.apply(Side::Challenger, &action, &computation, &files);
                judged.expect("played before");
                black_box(dispute);
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("the disputed interval of 100 steps again", |bencher| {
        bencher.iter(|| {
            let mut party = Replay::new(
                (&computation, Files::default()),
                Machine::new(&computation, Files::default()),
                Vec::new(),
                honest.snapshots.clone(),
            );
            black_box(party.root(FLIP.step + INTERVAL - 1).expect("a whole run"));
        });
    });
    group.bench_function("the whole game, both parties", |bencher| {
        bencher.iter(|| play_all(&computation, &forged, &honest));
    });
    group.finish();
}

fn play_all(computation: &Computation, forged: &Trace, honest: &Trace) -> Dispute {
    let files = FileRoots::default();
    let mut last = None;
    let outcome = play(
        computation,
        &mut party(computation, forged, &[FLIP]),
        &mut party(computation, honest, &[]),
        |dispute, side, action| {
            dispute.apply(side, action, computation, &files)?;
            last = Some(dispute.clone());
            Ok(())
        },
    );
    outcome.expect("both runs are whole");
    last.expect("a game has moves")
}

criterion_group!(benches, disputes);
criterion_main!(benches);
