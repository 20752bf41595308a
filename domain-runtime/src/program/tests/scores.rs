//! What an evaluation counts.

#![expect(clippy::disallowed_types, reason = "tests compare with the processor's floats")]

use std::vec::Vec;

use super::machine::Machine;
use super::orders::mlp;
use crate::primitives::Beacon;
use crate::program::{Computation, evaluation, model_header};
use crate::progress::TestSource;

/// Three features, two classes, no hidden layer: logits are these rows times the features.
const WEIGHTS: [[f32; 3]; 2] = [[0.5, -0.25, 0.125], [-0.5, 0.75, 0.25]];
const BIASES: [f32; 2] = [0.25, -0.125];
/// Examples of a file: one batch, and six rows of the next.
const EXAMPLES: u32 = 70;

fn model(header: Vec<u8>) -> Vec<u8> {
    let values = BIASES.into_iter().chain(WEIGHTS.into_iter().flatten());
    header.into_iter().chain(values.flat_map(f32::to_le_bytes)).collect()
}

fn data() -> Vec<u8> {
    let places = (0..EXAMPLES).map(|place| *blake3::hash(&place.to_le_bytes()).as_bytes());
    places.flat_map(|hash| [hash[0], hash[1], hash[2], hash[3] % 2]).collect()
}

fn run(computation: &Computation, model: &[u8], data: &[u8]) -> Vec<Vec<u32>> {
    let mut machine = Machine::new(&computation.initial, &[], data);
    machine.run(0, |_| false);
    let mut state = machine.persistent();
    for number in 0..computation.step_count {
        let mut machine = Machine::new(&computation.step, &state, data);
        machine.model = model;
        machine.run(number, |_| false);
        state = machine.persistent();
    }
    state
}

fn wide(words: &[u32]) -> u64 {
    u64::from(words[1]) << 32 | u64::from(words[0])
}

#[test]
fn every_example_counts_once_and_empty_rows_do_not() {
    let mut order = mlp((3, 2), &[], 2);
    order.data.test_example_count = EXAMPLES;
    order.data.train_example_count = EXAMPLES;
    let (model, data) = (model(model_header(&order).unwrap()), data());
    let (mut correct, mut loss) = (0_u64, 0.0_f64);
    for example in data.chunks(4) {
        let features = [0, 1, 2].map(|place| f64::from(example[place]) / 16.0);
        let logits = [0, 1].map(|class: usize| {
            let weights = WEIGHTS[class].map(f64::from);
            f64::from(BIASES[class]) + weights.iter().zip(features).map(|(w, x)| w * x).sum::<f64>()
        });
        let label = usize::from(example[3]);
        correct += u64::from(logits[label] > logits[1 - label]);
        loss += (logits[0].exp() + logits[1].exp()).ln() - logits[label];
    }
    let file = order.data.train;
    let sources = [TestSource::Revealed(file), TestSource::BeaconSplit(Beacon([9; 32]))];
    let states = sources.map(|source| {
        let computation = evaluation(&order, &file, &source, [1; 32]).unwrap();
        assert_eq!(computation.step_count, 2);
        run(&computation, &model, &data)
    });
    for state in &states {
        assert_eq!(wide(&state[0]), correct);
        let found = f64::from(u32::try_from(wide(&state[1])).unwrap()) / 65_536.0;
        assert!((found - loss).abs() < 0.01, "{found} {loss}");
    }
    // All examples in another order: the same counts, but other logits in each row.
    assert_ne!(states[0][2], states[1][2]);
    let computation = evaluation(&order, &file, &sources[0], [2; 32]).unwrap();
    assert_ne!(run(&computation, &model, &data)[2], states[0][2], "the key changes the digest");
}

#[test]
fn a_file_that_ends_before_its_examples_is_refused() {
    let order = mlp((3, 2), &[], 2);
    let mut file = order.data.train;
    file.byte_count = 360 * 4 - 1;
    assert!(evaluation(&order, &file, &TestSource::Revealed(file), [1; 32]).is_err());
    file.byte_count += 1;
    assert!(evaluation(&order, &file, &TestSource::Revealed(file), [1; 32]).is_ok());
}
