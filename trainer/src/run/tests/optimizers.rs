//! Every optimizer over every architecture: it learns, and a run that is stopped half way ends like one
//! that is not.

use aipot_domain_runtime::order::OrderSpecification;

use super::super::{Trainer, TrainingFile, TrainingOptions};
use crate::checkpoint::Checkpoint;
use crate::dataset::augment::Augmentation;
use crate::engine::tests::{RECORDS, order};
use crate::optimizer::OptimizerOptions;
use crate::schedule::Schedule;

const TEXT: &str =
    "train_examples = 20\ntest_examples = 10\nfeatures = 12\ntrain = { format = \"text\" }";
const MLP: &str = "architecture = \"mlp\"\nhidden = [13, 7]";
const CNN: &str = "architecture = \"cnn\"\nimage = [1, 12, 12]\nhidden = [9]\n\
                   convolutions = [{ outputs = 3, kernel = 3 }]";
const GPT: &str = "architecture = \"gpt\"\nwidth = 8\nlayers = 1\nheads = 2\ncontext = 12";

/// Steps of a whole run.
const STEPS: u64 = 100;

/// Every optimizer with a learning rate that suits it.
const OPTIMIZERS: [(OptimizerOptions, f32); 6] = [
    (OptimizerOptions::DESCENT, 0.1),
    (OptimizerOptions::MOMENTUM, 0.02),
    (OptimizerOptions::NESTEROV, 0.02),
    (OptimizerOptions::ADAMW, 0.01),
    (OptimizerOptions::LION, 0.002),
    (OptimizerOptions::MUON, 0.02),
];

pub(super) fn orders() -> [(OrderSpecification, Vec<u8>); 3] {
    [(MLP, RECORDS), (CNN, RECORDS), (GPT, TEXT)]
        .map(|(model, data)| order(model, data, "\"free\""))
}

/// Options in which everything is used that a checkpoint must bring back.
fn options(
    order: &OrderSpecification,
    (optimizer, learning_rate): (OptimizerOptions, f32),
) -> TrainingOptions {
    let is_image = order.model.architecture.image().is_some();
    TrainingOptions {
        augmentation: Augmentation { flip: is_image, crop_padding: u32::from(is_image) },
        batch_size: 4,
        accumulation: 2,
        learning_rate,
        optimizer,
        clip_norm: Some(1.0),
        average_share: Some(0.9),
        ..TrainingOptions::steps(order, 3, STEPS)
    }
}

fn run_to(trainer: &mut Trainer<'_>, step: u64) -> f32 {
    let mut loss = f32::NAN;
    while trainer.step_index() < step {
        loss = trainer.step().unwrap().loss_nats;
    }
    loss
}

fn bits(model: &[Vec<f32>]) -> Vec<u32> {
    model.iter().flatten().map(|value| value.to_bits()).collect()
}

#[test]
fn a_run_saved_half_way_ends_with_the_same_model_in_every_architecture_and_optimizer() {
    for (specification, train) in &orders() {
        let file = TrainingFile::new(train, specification).unwrap();
        for optimizer in OPTIMIZERS {
            let options = options(specification, optimizer);
            let mut whole = Trainer::new(specification, file, options).unwrap();
            run_to(&mut whole, STEPS);

            let mut first = Trainer::new(specification, file, options).unwrap();
            run_to(&mut first, STEPS / 2);
            let bytes = first.checkpoint().unwrap().to_bytes();
            drop(first);
            let checkpoint = Checkpoint::from_bytes(&bytes, specification).unwrap();
            let mut second = Trainer::resume(specification, file, checkpoint).unwrap();
            assert_eq!(second.step_index(), STEPS / 2);
            run_to(&mut second, STEPS);
            assert_eq!(bits(whole.model()), bits(second.model()), "{optimizer:?}");
            assert_eq!(whole.checkpoint().unwrap(), second.checkpoint().unwrap());
        }
    }
}

#[test]
fn every_optimizer_learns_in_every_architecture() {
    for (specification, train) in &orders() {
        let file = TrainingFile::new(train, specification).unwrap();
        for (optimizer, learning_rate) in OPTIMIZERS {
            let options = TrainingOptions {
                learning_rate,
                optimizer,
                schedule: Schedule::Constant,
                ..TrainingOptions::steps(specification, 3, STEPS)
            };
            let mut trainer = Trainer::new(specification, file, options).unwrap();
            let before = run_to(&mut trainer, 1);
            let after = run_to(&mut trainer, STEPS);
            assert!(after < before * 0.95, "{optimizer:?}: {before} to {after}");
        }
    }
}

#[test]
fn two_batches_of_a_step_are_as_good_as_one_of_both() {
    let (specification, train) = &orders()[0];
    let file = TrainingFile::new(train, specification).unwrap();
    let weights = |batch_size, accumulation| {
        let options = TrainingOptions {
            batch_size,
            accumulation,
            schedule: Schedule::Constant,
            optimizer: OptimizerOptions::DESCENT,
            learning_rate: 0.05,
            ..TrainingOptions::steps(specification, 3, 5)
        };
        let mut trainer = Trainer::new(specification, file, options).unwrap();
        run_to(&mut trainer, 5);
        trainer.model().concat()
    };
    let (one, two) = (weights(8, 1), weights(4, 2));
    let largest = one.iter().zip(&two).map(|(one, two)| (one - two).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-5, "{largest}");
    assert_ne!(weights(4, 1), one);
}

#[test]
fn micro_batches_change_no_bit() {
    for (specification, train) in &orders() {
        let file = TrainingFile::new(train, specification).unwrap();
        let model = |micro_batch| {
            let options = options(specification, (OptimizerOptions::ADAMW, 0.01));
            let mut trainer =
                Trainer::new_in_pieces(specification, file, options, micro_batch).unwrap();
            run_to(&mut trainer, 5);
            bits(trainer.model())
        };
        let whole = model(u32::MAX);
        assert_eq!(model(1), whole);
        assert_eq!(model(3), whole);
    }
}

#[test]
fn clipped_gradients_move_the_weights_by_the_limit() {
    let (specification, train) = &orders()[0];
    let file = TrainingFile::new(train, specification).unwrap();
    let moved = |clip_norm| {
        let options = TrainingOptions {
            clip_norm,
            schedule: Schedule::Constant,
            optimizer: OptimizerOptions::DESCENT,
            learning_rate: 1.0,
            ..TrainingOptions::steps(specification, 3, 1)
        };
        let mut trainer = Trainer::new(specification, file, options).unwrap();
        let before = trainer.model().concat();
        run_to(&mut trainer, 1);
        let after = trainer.model().concat();
        let squares = before.iter().zip(&after).map(|(one, two)| f64::from(two - one).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let free = moved(None);
    assert!(free > 0.5, "{free}");
    assert!((moved(Some(0.25)) - 0.25).abs() < 1e-4);
    assert_eq!(moved(Some(1e6)).to_bits(), free.to_bits());
}

#[test]
fn averages_are_the_model_that_is_delivered() {
    let (specification, train) = &orders()[0];
    let file = TrainingFile::new(train, specification).unwrap();
    let options =
        TrainingOptions { average_share: Some(0.5), ..TrainingOptions::steps(specification, 3, 3) };
    let plain = TrainingOptions { average_share: None, ..options };
    let mut averaged = Trainer::new(specification, file, options).unwrap();
    let mut trainer = Trainer::new(specification, file, plain).unwrap();
    let mut expected = trainer.model().concat();
    for kept in [0.1_f32, 2.0 / 11.0, 0.25] {
        trainer.step().unwrap();
        averaged.step().unwrap();
        for (average, weight) in expected.iter_mut().zip(trainer.model().iter().flatten()) {
            *average = kept * *average + (1.0 - kept) * weight;
        }
    }
    let found = averaged.model().concat();
    let largest = expected.iter().zip(&found).map(|(one, two)| (one - two).abs());
    assert!(largest.fold(0.0, f32::max) < 1e-6);
    assert_ne!(found, trainer.model().concat());
    assert_eq!(averaged.finish().unwrap().into_values().concat(), found);
}
