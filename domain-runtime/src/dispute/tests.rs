//! Tests of the game: who wins, at which place, and what is refused.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::program::{
    Batch, DataInput, File, Function, Layout, Operand, Operation, Operator, Picker, RANK,
    Reduction, Slot, SlotIndex, SlotKind, View,
};
use crate::reference::{Files, Flip, Party, play};

/// Weights of the computation, more than one chunk of them.
const WEIGHTS: u32 = 700;
/// Rows of a batch.
const ROWS: u32 = 4;
/// Steps of the run, enough for two rounds.
const STEPS: u32 = 20;

const WEIGHT: SlotIndex = 0;
const FEATURES: SlotIndex = 1;
const SUMS: SlotIndex = 2;
const MEAN: SlotIndex = 3;
const DATA: SlotIndex = 4;

fn view(slot: SlotIndex, strides: [u32; RANK]) -> View {
    View { slot, offset: 0, strides }
}

fn row(count: u32) -> [u32; RANK] {
    [count, 1, 1, 1, 1, 1]
}

/// Steps with a stride for the first side only.
fn along(stride: u32) -> [u32; RANK] {
    [stride, 0, 0, 0, 0, 0]
}

fn slots() -> Vec<Slot> {
    let slot = |name, kind, element_count| Slot { name, layer: 0, kind, element_count };
    std::vec![
        slot("weight", SlotKind::Persistent, WEIGHTS),
        slot("features", SlotKind::Scratch, ROWS * WEIGHTS),
        slot("sums", SlotKind::Scratch, ROWS),
        slot("mean", SlotKind::Scratch, 1),
        slot("data", SlotKind::File { file: File::Train, byte_offset: 0 }, 0),
    ]
}

fn operator(output: SlotIndex, shape: [u32; RANK], operation: Operation) -> Operator {
    Operator { name: "test", layer: 0, output, shape, operation }
}

/// Weights move against the mean of their products with the features of a batch.
fn computation() -> Computation {
    let batch = Batch { picker: Picker::Shuffled { seed: 3 }, rows: ROWS, example_count: 9 };
    let layout = Layout::Records { value_bytes: 1, feature_count: WEIGHTS };
    let data = DataInput { slot: DATA, layout, batch };
    let normal = Operation::Normal { seed: 5, counter: 0, deviation: 0x3f80_0000 };
    let product = Operation::Product {
        left: view(FEATURES, along(WEIGHTS)),
        right: view(WEIGHT, [0; RANK]),
        depth: 512,
    };
    let mean = Operation::Reduce {
        reduction: Reduction::Mean,
        input: view(SUMS, [0; RANK]),
        length: ROWS,
    };
    let update = Operation::Map {
        function: Function::NegativeMultiplyAdd,
        operands: std::vec![
            Operand::Slot(view(MEAN, [0; RANK])),
            Operand::Constant(0x3a83_126f),
            Operand::Slot(view(WEIGHT, along(1))),
        ],
    };
    let step = std::vec![
        operator(FEATURES, [ROWS, WEIGHTS, 1, 1, 1, 1], Operation::Feature { data, divisor: 255 }),
        operator(SUMS, row(ROWS), product),
        operator(MEAN, row(1), mean),
        operator(WEIGHT, row(WEIGHTS), update),
    ];
    let initial = std::vec![operator(WEIGHT, row(WEIGHTS), normal)];
    Computation {
        initial: Program { slots: slots(), operators: initial },
        step: Program { slots: slots(), operators: step },
        step_count: STEPS,
    }
}

fn files() -> Files {
    let train = (0..9 * (WEIGHTS + 1)).map(|index| (index * 7 % 251) as u8).collect();
    Files { train, ..Files::default() }
}

#[test]
fn a_flipped_bit_is_found_where_it_was_flipped() {
    let (computation, files) = (computation(), files());
    let honest = Party::honest(&computation, &files);
    let places = [(0, 0, 650), (1, 0, 1_500), (7, 1, 3), (20, 2, 0), (13, 3, 256)];
    for (step, operator, element) in places {
        let flip = Flip { step, operator, element, bit: 20 };
        let forger = honest.forging(flip);
        let (dispute, leaf_bytes) = play(&forger, &honest, forger.root(STEPS + 1));
        let decision = dispute.decision().unwrap();
        assert_eq!(decision.winner, Side::Challenger, "{flip:?}");
        let Reason::Computed { element: found, posted, computed } = decision.reason else {
            panic!("decided by {:?}", decision.reason)
        };
        assert_eq!((found, posted ^ computed), (element, 1 << 20));
        assert!(dispute.round <= ROUNDS_MAX, "{} rounds", dispute.round);
        assert!(leaf_bytes <= LEAF_BYTES_MAX, "{leaf_bytes} bytes");
    }
}

#[test]
fn a_false_challenge_loses() {
    let (computation, files) = (computation(), files());
    let honest = Party::honest(&computation, &files);
    let flip = Flip { step: 4, operator: 3, element: 9, bit: 0 };
    let liar = honest.forging(flip);
    let (dispute, _) = play(&honest, &liar, honest.root(STEPS + 1));
    assert_eq!(dispute.decision().unwrap().winner, Side::Responder);
}

#[test]
fn a_challenger_that_sees_no_difference_loses() {
    let (computation, files) = (computation(), files());
    let honest = Party::honest(&computation, &files);
    let (dispute, _) = play(&honest, &honest, honest.root(STEPS + 1));
    assert_eq!(dispute.decision().unwrap().winner, Side::Responder);
}

#[test]
fn the_silent_party_loses() {
    let computation = computation();
    let mut dispute = Dispute::new(&computation, [1; 32]);
    assert_eq!(dispute.turn(), Some(Side::Responder));
    dispute.time_out();
    let decision = Decision { winner: Side::Challenger, reason: Reason::Silence };
    assert_eq!(dispute.decision(), Some(decision));
    dispute.time_out();
    assert_eq!(dispute.decision(), Some(decision));
}

/// Every stage of a game of a forger against an honest challenger, with the move that comes next.
fn stages(computation: &Computation, files: &Files) -> Vec<(Dispute, Side, Move)> {
    let honest = Party::honest(computation, files);
    let flip = Flip { step: 7, operator: 0, element: 1_499, bit: 3 };
    let forger = honest.forging(flip);
    let mut dispute = Dispute::new(computation, forger.root(STEPS + 1));
    let mut stages = Vec::new();
    while let Some(side) = dispute.turn() {
        let party = if side == Side::Responder { &forger } else { &honest };
        let action = party.action(&dispute, side).unwrap();
        stages.push((dispute.clone(), side, action.clone()));
        dispute.apply(side, &action, computation, &files.roots()).unwrap();
    }
    stages
}

fn other(side: Side) -> Side {
    if side == Side::Responder { Side::Challenger } else { Side::Responder }
}

#[test]
fn a_refused_move_changes_nothing() {
    let (computation, files) = (computation(), files());
    let stages = stages(&computation, &files);
    let kind = |action: &Move| core::mem::discriminant(action);
    for (dispute, side, action) in &stages {
        let mut tried = dispute.clone();
        let refused = tried.apply(other(*side), action, &computation, &files.roots());
        assert!(matches!(refused, Err(MoveError::OutOfTurn { .. })), "{refused:?}");
        assert_eq!(tried, *dispute);
        let foreign = stages.iter().map(|(_, _, one)| one).filter(|one| kind(one) != kind(action));
        for foreign in foreign {
            let refused = tried.apply(*side, foreign, &computation, &files.roots());
            assert!(refused.is_err(), "{foreign:?} was taken for {action:?}");
            assert_eq!(tried, *dispute);
        }
    }
}

#[test]
fn wrong_counts_and_proofs_are_refused() {
    let (computation, files) = (computation(), files());
    for (mut dispute, side, action) in stages(&computation, &files) {
        let spoilt = match action {
            Move::Bisect { roots } | Move::EnterStep { roots, .. } if roots.is_empty() => continue,
            Move::Bisect { roots } => {
                let roots = BoundedVec::try_from(roots[1..].to_vec()).unwrap();
                Move::Bisect { roots }
            }
            Move::EnterStep { scratch_root, roots } => {
                let roots = BoundedVec::try_from(roots[1..].to_vec()).unwrap();
                Move::EnterStep { scratch_root, roots }
            }
            Move::Pick { .. } => Move::Pick { part: 200 },
            Move::Output { old, new, path } => Move::Output { old: new, new: old, path },
            Move::Children { values } => {
                let mut values = values.into_inner();
                values[0][0] ^= 1;
                Move::Children { values: BoundedVec::try_from(values).unwrap() }
            }
            Move::Chunk { bytes } => {
                let mut bytes = bytes.to_vec();
                bytes[5] ^= 1;
                Move::Chunk { bytes: BoundedBytes::try_from(bytes).unwrap() }
            }
            Move::Leaf(mut leaf) => {
                leaf.openings = BoundedVec::new();
                Move::Leaf(leaf)
            }
        };
        let before = dispute.clone();
        let refused = dispute.apply(side, &spoilt, &computation, &files.roots());
        assert!(refused.is_err(), "{spoilt:?} was taken");
        assert_eq!(dispute, before);
    }
}

#[test]
fn no_altered_leaf_is_taken() {
    let (computation, files) = (computation(), files());
    let stages = stages(&computation, &files);
    let (dispute, side, action) = stages.last().unwrap();
    let Move::Leaf(leaf) = action else { panic!("the last move is the leaf") };
    let alter = |change: &dyn Fn(&mut SlotOpening)| {
        let mut altered = leaf.clone();
        for opening in altered.openings.as_mut_slice() {
            change(opening);
        }
        let mut tried = dispute.clone();
        let refused = tried.apply(*side, &Move::Leaf(altered), &computation, &files.roots());
        assert!(matches!(refused, Err(MoveError::Leaf(_))), "{refused:?}");
        assert_eq!(tried, *dispute);
    };
    alter(&|opening| opening.slot = 99);
    alter(&|opening| opening.root[0] ^= 1);
    alter(&|opening| opening.path.push([0; 32]).unwrap());
    alter(&|opening| opening.chunks = BoundedVec::new());
    alter(&|opening| {
        for proof in opening.chunks.as_mut_slice() {
            let mut bytes = proof.bytes.to_vec();
            bytes[0] ^= 1;
            proof.bytes = BoundedBytes::try_from(bytes).unwrap();
        }
    });
}

#[test]
fn an_unknown_step_or_operator_is_refused() {
    let computation = computation();
    let place = Place { step: STEPS + 5, operator: 0, before: [0; 32] };
    let mut dispute = Dispute::new(&computation, [1; 32]);
    dispute.stage = Stage::Output { place, after: [0; 32] };
    let action = Move::Output { old: [0; 32], new: [0; 32], path: BoundedVec::new() };
    let refused = dispute.apply(Side::Responder, &action, &computation, &FileRoots::default());
    let unknown = MoveError::UnknownOperator { step: STEPS + 5, operator: 0 };
    assert_eq!(refused, Err(unknown));
    let place = Place { step: 1, operator: 77, before: [0; 32] };
    dispute.stage = Stage::Output { place, after: [0; 32] };
    let refused = dispute.apply(Side::Responder, &action, &computation, &FileRoots::default());
    assert_eq!(refused, Err(MoveError::UnknownOperator { step: 1, operator: 77 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is forged is found, and nothing else.
    #[test]
    fn any_flip_is_found(
        step in 0..=STEPS, operator in 0_u32..4, place in any::<u32>(), bit in 0_u32..32,
    ) {
        let (computation, files) = (computation(), files());
        let (program, _) = computation.program(step).unwrap();
        let operator = operator % program.operators.len() as u32;
        let output = program.operators[operator as usize].output;
        let element = place % program.slots[usize::from(output)].element_count;
        let honest = Party::honest(&computation, &files);
        let flip = Flip { step, operator, element, bit };
        let forger = honest.forging(flip);
        let forged = forger.root(STEPS + 1);
        // A flip that later steps swallow changes no result, and there is nothing to challenge.
        prop_assume!(forged != honest.root(STEPS + 1));
        let (dispute, _) = play(&forger, &honest, forged);
        let reason = dispute.decision().unwrap().reason;
        let is_found = matches!(
            reason,
            Reason::Computed { element: found, posted, computed }
                if found == element && posted ^ computed == 1 << bit
        );
        prop_assert!(is_found, "{flip:?}: {reason:?}");
    }

    /// Bisections cut evenly and end at neighbours.
    #[test]
    fn a_bisection_ends_at_neighbours(high in 1_u32..2_000_000, target in any::<u32>()) {
        let target = target % high;
        let mut bisection = Bisection::new((0, [0; 32]), (high, [1; 32]));
        let mut rounds = 0;
        while bisection.found().is_none() {
            let points = bisection.points();
            prop_assert!(!points.is_empty() && points.len() <= POSTS_MAX);
            let roots: Vec<_> = points.iter().map(|one| [u8::from(*one > target); 32]).collect();
            bisection.post(&roots).unwrap();
            let ends = bisection.ends();
            let part = ends.windows(2).position(|pair| pair[0].0 <= target && target < pair[1].0);
            bisection.pick(part.unwrap() as u8).unwrap();
            rounds += 1;
        }
        prop_assert_eq!(bisection.found().unwrap().0, target);
        prop_assert!(rounds <= 6);
    }
}
