//! Tests of evaluation: its bits, what keys make of it, what it commits to.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{Beacon, DataRoot, ModelRoot, Score, to_hex};
use aipot_domain_runtime::program::{self, Computation};
use aipot_domain_runtime::progress::TestSource;
use proptest::prelude::*;

use super::{EvaluateError, Evaluation, evaluate, evaluate_order};
use crate::architecture::initial_parameters;
use crate::dataset::data_file;
use crate::fixtures::{digits_fixture, small_fixture};
use crate::model_file::write_model;
use crate::parameters::Parameters;
use crate::trace::machine::Files;

fn computation(specification: &OrderSpecification, test: &[u8], key: [u8; 32]) -> Computation {
    let file = data_file(test);
    program::evaluation(specification, &file, &TestSource::Revealed(file), key).unwrap()
}

fn of(specification: &OrderSpecification, model: &[u8], test: &[u8]) -> Evaluation {
    let computation = computation(specification, test, [0; 32]);
    let files = Files { test, model, ..Files::default() };
    let found = evaluate(&computation, files).unwrap();
    assert_eq!(evaluate_order(specification, &computation, files).unwrap(), found);
    found
}

fn of_digits() -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let fixture = digits_fixture(0);
    let model = write_model(&initial_parameters(&fixture.specification, 7).unwrap());
    (fixture.specification, model, fixture.files.test)
}

#[test]
fn the_answers_are_those_of_the_golden_vector() {
    // Origin: initial weights of seed 7 on the digits' test part of split seed 0, by the machine that
    // is compared word by word with the referee. Equal in debug and release, on every processor.
    let (specification, model, test) = of_digits();
    let found = of(&specification, &model, &test);
    let found =
        format!("{} {} {}", to_hex(&found.logits_hash()), found.correct_count, found.loss_sum_q16);
    assert_eq!(found, include_str!("../../tests/vectors/evaluation.txt").trim());
}

#[test]
fn threads_change_no_bit() {
    let (specification, model, test) = of_digits();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| of(&specification, &model, &test))
    };
    let one = with(1);
    assert_eq!(with(2), one);
    assert_eq!(with(3), one);
}

#[test]
fn a_tally_is_what_the_program_ends_in() {
    let (specification, model, test) = of_digits();
    let evaluation = of(&specification, &model, &test);
    for key in [[0; 32], [7; 32]] {
        let computation = computation(&specification, &test, key);
        let files = Files { test: &test, model: &model, ..Files::default() };
        let mut machine = super::Machine::new(&computation, files);
        (0..computation.steps()).for_each(|step| machine.step(step).unwrap());
        let final_root = crate::trace::state::persistent_root(machine.persistent());
        assert_eq!(evaluation.tally(&key).final_root(), final_root);
    }
}

#[test]
fn keys_hide_the_answers_from_each_other() {
    let (specification, model, test) = of_digits();
    let evaluation = of(&specification, &model, &test);
    let (one, two) = (evaluation.tally(&[1; 32]), evaluation.tally(&[2; 32]));
    assert_ne!(one.digest, two.digest);
    assert_eq!((one.correct_count, one.loss_sum_q16), (two.correct_count, two.loss_sum_q16));
    assert_eq!(one, of(&specification, &model, &test).tally(&[1; 32]));
}

#[test]
fn weights_beyond_all_numbers_still_have_one_score() {
    let fixture = small_fixture();
    let specification = &fixture.specification;
    for value in [f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let weights = vec![vec![0.0; 4], vec![value; 12], vec![0.0; 2], vec![value; 8]];
        let model = write_model(&Parameters::new(specification, weights).unwrap());
        let evaluation = of(specification, &model, &fixture.files.test);
        // Every loss is the largest that 32 bits hold.
        let losses = u64::from(u32::MAX) * u64::from(specification.data.test_example_count);
        assert_eq!(evaluation.loss_sum_q16, losses, "{value}");
        assert_eq!(evaluation, of(specification, &model, &fixture.files.test));
    }
}

#[test]
fn the_engine_gives_the_answers_of_the_program_for_every_network() {
    use crate::engine::tests::{ADAMW, CNN, GPT, GRAPH, MLP, RECORDS, TEXT, TOKEN_GRAPH, order};
    let networks =
        [(MLP, RECORDS), (CNN, RECORDS), (GRAPH, RECORDS), (GPT, TEXT), (TOKEN_GRAPH, TEXT)];
    for (model, data) in networks {
        let (specification, train) = order(model, data, ADAMW);
        let model = write_model(&initial_parameters(&specification, 7).unwrap());
        // The split of a beacon has another count of examples than whole batches.
        let source = TestSource::BeaconSplit(Beacon([3; 32]));
        let file = specification.data.train;
        let computation = program::evaluation(&specification, &file, &source, [0; 32]).unwrap();
        let mut hostile = train.clone();
        // Labels that no class has.
        hostile.iter_mut().skip(144).step_by(145).take(3).for_each(|label| *label = 255);
        for train in [&train, &hostile] {
            let files = Files { train, model: &model, ..Files::default() };
            let expected = evaluate(&computation, files).unwrap();
            assert_eq!(evaluate_order(&specification, &computation, files).unwrap(), expected);
        }
    }
}

#[test]
fn a_split_of_the_training_data_is_evaluated_alike() {
    let fixture = digits_fixture(0);
    let specification = &fixture.specification;
    let model = write_model(&initial_parameters(specification, 7).unwrap());
    let files = Files { train: &fixture.files.train, model: &model, ..Files::default() };
    let with = |beacon| {
        let source = TestSource::BeaconSplit(Beacon([beacon; 32]));
        let file = specification.data.train;
        let computation = program::evaluation(specification, &file, &source, [0; 32]).unwrap();
        evaluate(&computation, files).unwrap()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1).logits_hash(), with(2).logits_hash());
}

#[test]
fn files_of_another_length_and_other_programs_are_refused() {
    let (specification, model, test) = of_digits();
    let computation = computation(&specification, &test, [0; 32]);
    let short = Files { test: &test[1..], model: &model, ..Files::default() };
    assert!(matches!(evaluate(&computation, short), Err(EvaluateError::Machine(_))));
    let mut other = computation.clone();
    other.step.operators.pop();
    let files = Files { test: &test, model: &model, ..Files::default() };
    let found = evaluate(&other, files);
    assert!(matches!(found, Err(EvaluateError::NoEvaluation)), "{found:?}");
}

proptest! {
    /// The root of an evaluation changes with everything that it commits to.
    #[test]
    fn the_root_commits_to_all_its_parts(part in 0_usize..4, byte in 0_usize..32, flip in 1_u8..) {
        let (mut model, mut data, mut logits, mut score) = ([1; 32], [2; 32], [3; 32], 4_u64);
        let root = |model, data, logits, score| {
            let evaluation =
                Evaluation { correct_count: 0, loss_sum_q16: 0, logits_roots: vec![logits] };
            evaluation.root(ModelRoot(model), DataRoot(data), Score(score))
        };
        let before = root(model, data, logits, score);
        match part {
            0 => model[byte] ^= flip,
            1 => data[byte] ^= flip,
            2 => logits[byte] ^= flip,
            _ => score ^= u64::from(flip) << (byte % 8 * 8),
        }
        prop_assert_ne!(before, root(model, data, logits, score));
    }
}
