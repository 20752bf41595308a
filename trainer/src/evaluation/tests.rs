//! Tests of evaluation: its bits, its arithmetic on losses, what it commits to.

use aipot_domain_runtime::order::{DataFormat, Metric};
use aipot_domain_runtime::primitives::{DataRoot, ModelRoot, Score, to_hex};
use proptest::prelude::*;

use super::{EvaluateError, Evaluation, evaluate, evaluation_root, keyed_logits_digest, mean_q16};
use crate::architecture::initial_parameters;
use crate::dataset::{Dataset, data_file};
use crate::fixtures::{Fixture, digits_fixture, small_fixture};
use crate::parameters::Parameters;

fn of_digits() -> (Fixture, Evaluation) {
    let fixture = digits_fixture(0);
    let parameters = initial_parameters(&fixture.specification, 7).unwrap();
    let evaluation = evaluate(&parameters, &fixture.test, &fixture.specification).unwrap();
    (fixture, evaluation)
}

#[test]
fn the_logits_are_those_of_the_golden_vector() {
    // Origin: initial weights of seed 7 on the digits' test part of split seed 0, first release.
    // Equal in debug and release, on every processor: this is the contract of profile P0.
    let (_, evaluation) = of_digits();
    let score = evaluation.score.0;
    let found = format!("{} {score}", to_hex(&evaluation.logits_hash()));
    assert_eq!(found, include_str!("../../tests/vectors/logits_hash_and_score.txt").trim());
}

#[test]
fn threads_change_no_bit() {
    let fixture = digits_fixture(0);
    let parameters = initial_parameters(&fixture.specification, 7).unwrap();
    // The larger part, so that the kernels do use their threads.
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(&parameters, &fixture.train, &fixture.specification)).unwrap()
    };
    let one = with(1);
    for threads in [2, 3] {
        let other = with(threads);
        assert_eq!(other.logits_hash(), one.logits_hash());
        assert_eq!(other.score, one.score);
    }
}

#[test]
fn an_example_is_answered_alone_as_among_others() {
    let fixture = digits_fixture(0);
    let mut specification = fixture.specification.clone();
    let parameters = initial_parameters(&specification, 7).unwrap();
    let all = evaluate(&parameters, &fixture.train, &specification).unwrap();
    specification.data.test_example_count = 1;
    for (index, record) in fixture.files.train.chunks(65).enumerate().step_by(400) {
        let alone = Dataset::read_test(record, &specification.data).unwrap();
        let alone = evaluate(&parameters, &alone, &specification).unwrap();
        assert_eq!(alone.logits, all.logits[index * 10..][..10]);
    }
}

#[test]
fn the_score_follows_the_metric() {
    let (fixture, by_accuracy) = of_digits();
    let mut specification = fixture.specification.clone();
    specification.train.metric = Metric::Loss;
    let parameters = initial_parameters(&specification, 7).unwrap();
    let by_loss = evaluate(&parameters, &fixture.test, &specification).unwrap();
    let Evaluation { correct_count, loss_q16, example_count, .. } = by_accuracy;
    assert_eq!(example_count, 360);
    assert_eq!(by_accuracy.score, Score::accuracy(correct_count, loss_q16));
    assert_eq!(by_loss.score, Score::loss(loss_q16));
    assert_eq!(by_loss.logits, by_accuracy.logits);
}

#[test]
fn losses_are_rounded_to_the_nearest_and_kept_in_32_bits() {
    let one = 1.0 / 65_536.0;
    assert_eq!(mean_q16(&[1.0]), 65_536);
    assert_eq!(mean_q16(&[one * 2.5, one * 3.5]), 3);
    assert_eq!(mean_q16(&[one * 0.4, one * 0.4]), 0);
    assert_eq!(mean_q16(&[0.0, -0.0, -one]), 0);
    assert_eq!(mean_q16(&[f32::INFINITY]), u32::MAX);
    assert_eq!(mean_q16(&[f32::NAN]), u32::MAX);
    assert_eq!(mean_q16(&[f32::NAN, 0.0]), u32::MAX / 2);
    assert_eq!(mean_q16(&[1e30; 5]), u32::MAX);
    assert_eq!(mean_q16(&[]), u32::MAX);
}

#[test]
fn answers_beyond_all_numbers_still_have_one_score() {
    let fixture = small_fixture();
    let specification = &fixture.specification;
    let huge = vec![vec![0.0; 4], vec![f32::MAX; 12], vec![0.0; 2], vec![f32::MAX; 8]];
    let parameters = Parameters::new(specification, huge).unwrap();
    let evaluation = evaluate(&parameters, &fixture.test, specification).unwrap();
    assert!(evaluation.logits.iter().all(|logit| *logit == f32::INFINITY));
    assert_eq!(evaluation.loss_q16, u32::MAX);
    assert_eq!(evaluation, evaluate(&parameters, &fixture.test, specification).unwrap());
}

#[test]
fn data_of_another_shape_is_refused() {
    let (digits, small) = (digits_fixture(0), small_fixture());
    let parameters = initial_parameters(&small.specification, 1).unwrap();
    let found = evaluate(&parameters, &digits.test, &small.specification);
    assert_eq!(found, Err(EvaluateError::FeatureCount { features: 64, inputs: 3 }));
    let mut data = small.specification.data.clone();
    data.class_count = 5;
    let test = Dataset::read_test(&small.files.test, &data).unwrap();
    let found = evaluate(&parameters, &test, &small.specification);
    assert_eq!(found, Err(EvaluateError::ClassCount { classes: 5, outputs: 2 }));
}

#[test]
fn text_is_no_data_for_a_model_of_features() {
    let fixture = small_fixture();
    let parameters = initial_parameters(&fixture.specification, 1).unwrap();
    let mut data = fixture.specification.data.clone();
    data.format = DataFormat::Text;
    let test = Dataset::read_test(b"running", &data).unwrap();
    let found = evaluate(&parameters, &test, &fixture.specification);
    assert_eq!(found, Err(EvaluateError::Text));
}

#[test]
fn keys_hide_the_answers_from_each_other() {
    let (_, evaluation) = of_digits();
    let digest = |key| evaluation.keyed_digest(&[key; 32]);
    assert_ne!(digest(1), digest(2));
    assert_eq!(digest(1), keyed_logits_digest(&[1; 32], &evaluation.logits));
    let bytes: Vec<u8> = evaluation.logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
    assert_eq!(digest(1).0, *blake3::keyed_hash(&[1; 32], &bytes).as_bytes());
    assert_eq!(evaluation.logits_hash(), *blake3::hash(&bytes).as_bytes());
}

proptest! {
    /// The root of an evaluation changes with everything that it commits to.
    #[test]
    fn the_root_commits_to_all_its_parts(part in 0_usize..4, byte in 0_usize..32, flip in 1_u8..) {
        let (mut model, mut data, mut logits, mut score) = ([1; 32], [2; 32], [3; 32], 4_u64);
        let root = |model, data, logits, score| {
            evaluation_root(ModelRoot(model), DataRoot(data), logits, Score(score))
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

    /// Examples in another order have the same score.
    #[test]
    fn the_score_does_not_depend_on_the_order_of_examples(seed: u64, rotation in 1_usize..5) {
        let fixture = small_fixture();
        let parameters = initial_parameters(&fixture.specification, seed).unwrap();
        let mut bytes = fixture.files.train.clone();
        bytes.rotate_left(rotation * 4);
        let mut data = fixture.specification.data.clone();
        data.train = data_file(&bytes);
        let turned = Dataset::read_train(&bytes, &data).unwrap();
        let first = evaluate(&parameters, &fixture.train, &fixture.specification).unwrap();
        let second = evaluate(&parameters, &turned, &fixture.specification).unwrap();
        prop_assert_eq!(first.score, second.score);
    }
}
