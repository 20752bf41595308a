//! Tests of trace files: what was written comes back, anything else is refused.

use aipot_domain_runtime::order::{FixedRecipe, Recipe, RecipeOptimizer, RecipeSchedule};
use aipot_domain_runtime::program::{Computation, training};

use super::{CHANGES_MAX, CorruptError, MAGIC, TraceFile, TraceFileError};
use crate::fixtures::small_fixture;
use crate::trace::fixtures::{tiny_data, tiny_network};
use crate::trace::machine::{Files, Machine};
use crate::trace::recorder::{Snapshots, Trace};
use crate::trace::replay::{Change, Replay};

fn file() -> TraceFile {
    let (computation, data) = (tiny_network(6), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let engine = Machine::new(&computation, files);
    let mut replay = Replay::new((&computation, files), engine, vec![], Snapshots::default());
    let trace = replay.record(Trace::new(7, 2), 0).unwrap();
    let fixture = small_fixture();
    let changes = vec![Change { step: 1, operator: 2, element: 3, bit: 4 }];
    let train = fixture.files.train;
    TraceFile { specification: fixture.specification, train, base: vec![], changes, trace }
}

/// Puts the right hash at the end of a changed file.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 32;
    let footer = *blake3::hash(&bytes[..end]).as_bytes();
    bytes[end..].copy_from_slice(&footer);
    bytes
}

#[test]
fn what_was_written_is_read() {
    let file = file();
    let bytes = file.to_bytes();
    let read = TraceFile::from_bytes(&bytes).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.check(&tiny_network(6)), Ok(()));
}

#[test]
fn a_damaged_file_is_refused() {
    let bytes = file().to_bytes();
    let error = |bytes: &[u8]| TraceFile::from_bytes(bytes).unwrap_err();
    for place in [MAGIC.len(), bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        assert!(matches!(error(&damaged), TraceFileError::Damaged { .. }), "byte {place}");
    }
    assert_eq!(error(&bytes[1..]), TraceFileError::Foreign);
    assert_eq!(error(b""), TraceFileError::Foreign);
    assert_eq!(error(MAGIC), TraceFileError::Foreign);
    let longer = sealed([&bytes[..bytes.len() - 32], &[0; 33]].concat());
    assert!(matches!(error(&longer), TraceFileError::Content { .. }));
    let shorter = sealed([&bytes[..bytes.len() - 40], &[0; 32]].concat());
    assert!(matches!(error(&shorter), TraceFileError::Content { .. }));
}

#[test]
fn foreign_content_is_refused() {
    let mut other_data = file();
    other_data.train.push(b'\n');
    let error = TraceFile::from_bytes(&other_data.to_bytes()).unwrap_err();
    assert_eq!(error, TraceFileError::OtherData);
    let mut changed = file();
    changed.changes = vec![changed.changes[0]; CHANGES_MAX + 1];
    let error = TraceFile::from_bytes(&changed.to_bytes()).unwrap_err();
    assert_eq!(error, TraceFileError::TooManyChanges { found: CHANGES_MAX + 1, max: CHANGES_MAX });
}

#[test]
fn a_record_of_another_run_is_refused() {
    let other = tiny_network(5);
    let expected = TraceFileError::WrongStepCount { expected: 6, found: 7 };
    assert_eq!(file().check(&other), Err(expected));
    let mut fewer = file();
    fewer.trace.roots.pop();
    let expected = TraceFileError::WrongRootCount { expected: 3, found: 2 };
    assert_eq!(fewer.check(&tiny_network(6)), Err(expected));
    let mut wrong = file();
    wrong.trace.roots[1] = [0; 32];
    let expected = TraceFileError::WrongState { state: 5 };
    assert_eq!(wrong.check(&tiny_network(6)), Err(expected));
}

/// A run of a recipe over small data.
fn recipe() -> (TraceFile, Computation) {
    let mut fixture = small_fixture();
    fixture.specification.train.batch_size = 2;
    fixture.specification.train.recipe = Recipe::Fixed(FixedRecipe {
        step_count: 6,
        optimizer: RecipeOptimizer::Momentum { momentum: 0.5_f32.to_bits(), weight_decay: 0 },
        learning_rate: 0.125_f32.to_bits(),
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: 2,
    });
    let (specification, train) = (fixture.specification, fixture.files.train);
    let computation = training(&specification).unwrap();
    let trace = Trace::new(computation.steps(), 2);
    let mut file = TraceFile { specification, train, base: vec![], changes: vec![], trace };
    file.trace = file.replay(&computation).unwrap().record(file.trace.clone(), 0).unwrap();
    (file, computation)
}

#[test]
fn a_forged_run_is_as_before_up_to_the_flipped_bit() {
    let (honest, computation) = recipe();
    let change = Change { step: 4, operator: 0, element: 1, bit: 24 };
    let forged = honest.corrupted(&computation, change).unwrap();
    assert_eq!(forged.changes, [change]);
    // States 3, 5 and 7 are checkpoints; step 4 leads to state 5.
    let is_same = |index: usize| forged.trace.roots[index] == honest.trace.roots[index];
    assert_eq!([0, 1, 2].map(is_same), [true, false, false]);
    assert_eq!(forged.check(&computation), Ok(()));
    assert_eq!(forged.replay(&computation).unwrap().root(7).unwrap(), forged.trace.roots[2]);
}

#[test]
fn a_bit_from_which_nothing_follows_is_refused() {
    let (honest, computation) = recipe();
    // The loss is reported, but no weight depends on it.
    let operators = &computation.step.operators;
    let loss = operators.iter().position(|operator| operator.name == "loss").unwrap();
    let change = Change { step: 4, operator: u32::try_from(loss).unwrap(), element: 0, bit: 30 };
    let error = honest.corrupted(&computation, change).unwrap_err();
    assert!(matches!(error, CorruptError::NoEffect { .. }), "{error}");
    let missing = Change { operator: u32::try_from(operators.len()).unwrap(), ..change };
    let error = honest.corrupted(&computation, missing).unwrap_err();
    assert!(matches!(error, CorruptError::Replay(_)), "{error}");
}
