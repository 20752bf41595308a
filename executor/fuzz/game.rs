//! Games about a small training: moves as somebody makes them who hopes to win by force.
//!
//! Everything that a move shows is bound by what was shown before, so besides surviving, a game must take
//! no other opening than the true one, and its referee must compute the word that the honest run has.

use std::sync::LazyLock;

use aipot_domain_runtime::{
    call::CALL_BYTES_MAX,
    dispute::{Dispute, Move, Place, Reason, Side, Stage},
    order::{DataFile, FixedRecipe, OrderSpecification, Recipe, RecipeOptimizer, RecipeSchedule},
    primitives::DataRoot,
    program::{Computation, training},
};
use aipot_trainer::trace::{
    file::TraceFile,
    machine::{Files, Machine},
    play::{file_roots, play},
    prover::Prover,
    recorder::{Snapshots, Trace},
    replay::{Change, Replay},
};
use parity_scale_codec::{Decode, DecodeAll, Encode, MaxEncodedLen};

use crate::targets::order::small_order;

/// Steps of the run.
const STEP_COUNT: u32 = 3;
/// Steps between two checkpoints.
const CHECKPOINT_INTERVAL: u32 = 2;
/// One half, as the bits of an f32.
const HALF: u32 = 0x3f00_0000;
/// The bit that is flipped by a forger: one of the exponent, so that something follows from it.
const FORGED_BIT: u8 = 24;
/// The operators in which somebody forges, each in a game of its own.
const FORGED_OPERATORS: [(u32, u32); 6] = [(0, 0), (1, 0), (1, 1), (2, 2), (2, 3), (3, 5)];

/// What somebody does in a position of one of the games.
#[derive(Debug, Encode, Decode)]
struct Attempt {
    position: u8,
    action: Move,
}

/// A game before a move that was made in it, and the right words if the referee is asked for one.
#[derive(Debug)]
struct Position {
    dispute: Dispute,
    side: Side,
    action: Move,
    truth: Option<Vec<u32>>,
}

static COMPUTATION: LazyLock<Computation> =
    LazyLock::new(|| training(&recipe_order()).expect("the order is small"));

static POSITIONS: LazyLock<Vec<Position>> = LazyLock::new(|| {
    let honest = honest_trace();
    FORGED_OPERATORS.iter().flat_map(|place| positions(&honest, *place)).collect()
});

/// Tries a move in a position, for both sides.
pub(crate) fn accepts_move(mut bytes: &[u8]) -> bool {
    let Ok(attempt) = Attempt::decode_all(&mut bytes) else { return false };
    let index = usize::from(attempt.position) % POSITIONS.len();
    let position = &POSITIONS[index];
    let sides = [Side::Challenger, Side::Responder];
    sides.map(|side| is_made(position, side, &attempt.action)).contains(&true)
}

/// Whether the game takes the move; it is as before if not.
fn is_made(position: &Position, side: Side, action: &Move) -> bool {
    let mut dispute = position.dispute.clone();
    let data = train_bytes();
    let files = file_roots(Files { train: &data, ..Files::default() });
    if let Err(refusal) = dispute.apply(side, action, &COMPUTATION, &files) {
        assert_eq!(dispute, position.dispute, "refused, but the game went on");
        assert!(!refusal.to_string().is_empty(), "a refusal without a reason");
        return false;
    }
    assert_eq!(side, position.side, "a move out of turn");
    assert_eq!(dispute.move_count, position.dispute.move_count + 1);
    assert!(dispute.encoded_size() <= Dispute::max_encoded_len(), "a game beyond its bounds");
    assert!(action.encoded_size() <= CALL_BYTES_MAX, "a move that no call can carry");
    match (&position.dispute.stage, action) {
        (_, Move::Output { .. } | Move::Children { .. } | Move::Chunk { .. }) => {
            assert_eq!(*action, position.action, "two openings of one root");
        }
        (_, Move::Leaf(_)) => check_decision(position, &dispute),
        _ => {}
    }
    true
}

/// The referee says the word of the honest run, and whoever said the same has won.
fn check_decision(position: &Position, dispute: &Dispute) {
    let decision = dispute.decision().expect("the leaf is the last move");
    let Reason::Computed { element, posted, computed } = decision.reason else {
        panic!("decided without a word");
    };
    let truth = position.truth.as_ref().expect("the position is a leaf");
    assert_eq!(computed, truth[element as usize], "the referee is wrong about word {element}");
    let winner = if posted == computed { Side::Responder } else { Side::Challenger };
    assert_eq!(decision.winner, winner);
}

/// Every move of every game.
pub(crate) fn moves() -> Vec<Vec<u8>> {
    let attempt = |(position, known): (u8, &Position)| {
        Attempt { position, action: known.action.clone() }.encode()
    };
    (0..).zip(POSITIONS.iter()).map(attempt).collect()
}

/// The positions of a game between the honest and somebody who flips a bit in one operator.
fn positions(honest: &TraceFile, (step, operator): (u32, u32)) -> Vec<Position> {
    let change = Change { step, operator, element: 0, bit: FORGED_BIT };
    let forged = honest.corrupted(&COMPUTATION, change).expect("something follows from the bit");
    let prover = |file| Prover::new(TraceFile::replay(file, &COMPUTATION).expect("a sound trace"));
    let (mut responder, mut challenger) = (prover(&forged), prover(honest));
    let files = file_roots(honest.files());
    let mut positions = Vec::new();
    let played = play(&COMPUTATION, &mut responder, &mut challenger, |dispute, side, action| {
        let truth = match &dispute.stage {
            Stage::Leaf { place, .. } => Some(honest_words(place)),
            _ => None,
        };
        let (dispute_before, action_made) = (dispute.clone(), action.clone());
        positions.push(Position { dispute: dispute_before, side, action: action_made, truth });
        dispute.apply(side, action, &COMPUTATION, &files)
    });
    let outcome = played.expect("the game comes to its end");
    assert_eq!(outcome.decision.winner, Side::Challenger, "the forger has won");
    positions
}

/// What an operator of the honest run writes.
fn honest_words(place: &Place) -> Vec<u32> {
    let data = train_bytes();
    let mut machine = Machine::new(&COMPUTATION, Files { train: &data, ..Files::default() });
    (0..place.step).try_for_each(|step| machine.step(step)).expect("the order is sound");
    machine.begin(place.step).expect("the step exists");
    let operators = 0..=place.operator as usize;
    operators.into_iter().try_for_each(|index| machine.run(index)).expect("the order is sound");
    let (program, _) = COMPUTATION.program(place.step).expect("the step exists");
    let output = program.operators[place.operator as usize].output;
    machine.slots()[usize::from(output)].clone()
}

/// The order of all these games.
pub(crate) fn recipe_order() -> OrderSpecification {
    let mut order = small_order();
    let bytes = train_bytes();
    let root = DataRoot(*blake3::hash(&bytes).as_bytes());
    order.data.train = DataFile { root, byte_count: bytes.len() as u64 };
    order.train.recipe = Recipe::Fixed(FixedRecipe {
        step_count: STEP_COUNT,
        optimizer: RecipeOptimizer::Momentum { momentum: HALF, weight_decay: 0 },
        learning_rate: HALF,
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: CHECKPOINT_INTERVAL,
    });
    order
}

/// Examples of four features of one byte each, and the class.
fn train_bytes() -> Vec<u8> {
    let examples = 0..small_order().data.train_example_count;
    examples
        .flat_map(|number| {
            [1, 3, 5, 7].map(|factor| number * factor % 17).into_iter().chain([number % 2])
        })
        .map(|value| u8::try_from(value).expect("a remainder of 17"))
        .collect()
}

/// The order as it should be carried out.
pub(crate) fn honest_trace() -> TraceFile {
    let train = train_bytes();
    let files = Files { train: &train, ..Files::default() };
    let engine = Machine::new(&COMPUTATION, files);
    let mut replay = Replay::new((&COMPUTATION, files), engine, vec![], Snapshots::default());
    let trace = Trace::new(COMPUTATION.steps(), CHECKPOINT_INTERVAL);
    let trace = replay.record(trace, 0).expect("the order is sound");
    TraceFile { specification: recipe_order(), train, base: vec![], changes: vec![], trace }
}

/// The words of the slots in which the honest run ends.
pub(crate) fn final_words() -> Vec<Vec<u32>> {
    let file = honest_trace();
    let (_, words) = file.trace.snapshots.nearest(COMPUTATION.steps()).expect("the end is kept");
    words.clone()
}

#[cfg(test)]
mod tests;
