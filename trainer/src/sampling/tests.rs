//! Tests of sampling: a model that has learnt a text goes on with it, and what is refused.

use super::{Drawing, SamplingError, sample};
use crate::architecture::initial_parameters;
use crate::engine::tests::{ADAMW, GPT, MLP, RECORDS, TEXT, order};
use crate::run::{Trainer, TrainingFile, TrainingOptions};

const GREEDY: Drawing = Drawing { temperature: 0.0, seed: 1 };

#[test]
fn a_model_goes_on_with_the_text_that_it_has_learnt() {
    let (mut specification, mut train) = order(GPT, TEXT, ADAMW);
    // Seven letters stand differently in every example.
    let letters = b"abcdefg".iter().copied().cycle();
    train.iter_mut().zip(letters).for_each(|(byte, letter)| *byte = letter);
    specification.data.train.root = crate::dataset::data_file(&train).root;
    let mut options = TrainingOptions::steps(&specification, 3, 200);
    options.learning_rate = 0.01;
    let file = TrainingFile::new(&train, &specification).unwrap();
    let mut trainer = Trainer::new(&specification, file, options).unwrap();
    while !trainer.is_finished() {
        trainer.step().unwrap();
    }
    let beginning: Vec<u32> = b"abcdefgabcd".iter().copied().map(u32::from).collect();
    let said = sample(&specification, trainer.model(), &beginning, (20, GREEDY)).unwrap();
    let expected: Vec<u32> = b"efgabcdefgabcdefgabc".iter().copied().map(u32::from).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_seed_draws_the_same_tokens_and_another_one_others() {
    let (specification, _) = order(GPT, TEXT, ADAMW);
    let weights = initial_parameters(&specification, 7).unwrap().into_values();
    let with = |seed| {
        let drawing = Drawing { temperature: 1.0, seed };
        sample(&specification, &weights, &[65], (30, drawing)).unwrap()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
    assert_eq!(with(1).len(), 30);
}

#[test]
fn what_cannot_be_gone_on_with_is_refused() {
    let (specification, _) = order(GPT, TEXT, ADAMW);
    let weights = initial_parameters(&specification, 7).unwrap().into_values();
    let refused = |beginning: &[u32], temperature| {
        let drawing = Drawing { temperature, seed: 1 };
        sample(&specification, &weights, beginning, (1, drawing)).unwrap_err()
    };
    assert!(matches!(refused(&[], 1.0), SamplingError::Empty));
    assert!(matches!(
        refused(&[1, 256], 1.0),
        SamplingError::Token { place: 1, token: 256, max: 255 }
    ));
    for value in [-1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(refused(&[1], value), SamplingError::Temperature { .. }));
    }
    let (records, _) = order(MLP, RECORDS, ADAMW);
    let found = sample(&records, &weights, &[1], (1, GREEDY));
    assert!(matches!(found, Err(SamplingError::NotRunning { found: "records" })));
}
