//! The optimizers against ten steps of their peers in `PyTorch`, and their independence of threads.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Optimizer, OptimizerError, OptimizerOptions, OptimizerState, TensorShape};
use crate::engine::tests::{RECORDS, order};

/// Ten steps of every optimizer; the script that made it is `benches/peers/optimizers.py`.
const PEERS: &str = include_str!("fixtures/peers.json");

/// How far values of about 1 may lie from `PyTorch`'s after ten steps, which round elsewhere.
const DISTANCE_MAX: f32 = 2e-5;

#[derive(Deserialize)]
struct Peers {
    rows: usize,
    columns: usize,
    learning_rate: f32,
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    after: BTreeMap<String, Vec<f32>>,
}

fn options(name: &str) -> (OptimizerOptions, bool) {
    match name {
        "descent" => (OptimizerOptions::Descent { weight_decay: 0.02 }, false),
        "momentum" => (OptimizerOptions::Momentum { momentum: 0.9, weight_decay: 0.02 }, false),
        "nesterov" => (OptimizerOptions::Nesterov { momentum: 0.9, weight_decay: 0.02 }, false),
        "adamw" => (OptimizerOptions::ADAMW, false),
        "lion" => (OptimizerOptions::LION, false),
        "muon" => (OptimizerOptions::MUON, true),
        other => panic!("{other}"),
    }
}

fn steps(
    options: OptimizerOptions,
    shape: TensorShape,
    start: &[f32],
    (gradients, rate): (&[Vec<f32>], f32),
) -> Vec<f32> {
    let state = OptimizerState::new(options, &[shape]);
    let mut optimizer = Optimizer::new(options, vec![shape], state).unwrap();
    let mut weights = [start.to_vec()];
    for gradient in gradients {
        optimizer.step(&mut weights, std::slice::from_ref(gradient), rate).unwrap();
    }
    let [weights] = weights;
    weights
}

#[test]
fn ten_steps_end_where_those_of_pytorch_do() {
    let peers: Peers = serde_json::from_str(PEERS).unwrap();
    let Peers { rows, columns, .. } = peers;
    assert_eq!(peers.after.len(), 6);
    for (name, expected) in &peers.after {
        let (options, is_hidden) = options(name);
        let value_count = peers.start.len();
        let other = TensorShape::Other { value_count };
        let shape = if is_hidden { TensorShape::Hidden { rows, columns } } else { other };
        let run = (peers.gradients.as_slice(), peers.learning_rate);
        let found = steps(options, shape, &peers.start, run);
        let distances = expected.iter().zip(&found).map(|(one, two)| (one - two).abs());
        let largest = distances.fold(0.0, f32::max);
        assert!(largest < DISTANCE_MAX, "{name}: {largest}");
        let moved = peers.start.iter().zip(&found).map(|(one, two)| (one - two).abs());
        assert!(moved.fold(0.0, f32::max) > 100.0 * DISTANCE_MAX, "{name} moved nothing");
    }
}

#[test]
fn momentum_follows_its_formula() {
    let options = OptimizerOptions::Momentum { momentum: 0.5, weight_decay: 0.0 };
    let shape = TensorShape::Other { value_count: 1 };
    let found = steps(options, shape, &[1.0], (&[vec![1.0], vec![1.0]], 0.1));
    // Velocities 1 and 1.5 at a rate of 0.1.
    assert!((found[0] - 0.75).abs() < 1e-6, "{}", found[0]);
}

#[test]
fn threads_change_no_bit() {
    let start: Vec<f32> = (0..60_000_u16).map(|index| f32::from(index) / 7.0).collect();
    let gradient: Vec<f32> = (0..60_000_u16).map(|index| f32::from(index) - 9.5).collect();
    let shape = TensorShape::Hidden { rows: 300, columns: 200 };
    for options in [OptimizerOptions::ADAMW, OptimizerOptions::LION, OptimizerOptions::MUON] {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| steps(options, shape, &start, (std::slice::from_ref(&gradient), 0.1)))
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(3));
    }
}

#[test]
fn muon_takes_the_matrices_of_hidden_layers_only() {
    let mlp = "architecture = \"mlp\"\nhidden = [13, 5]";
    let (specification, _) = order(mlp, RECORDS, "\"free\"");
    let shapes = TensorShape::of_order(&specification).unwrap();
    let hidden = |rows, columns| TensorShape::Hidden { rows, columns };
    let other = |value_count| TensorShape::Other { value_count };
    let expected = [other(13), hidden(13, 144), other(5), hidden(5, 13), other(5), other(25)];
    assert_eq!(shapes, expected);

    let gpt = "architecture = \"gpt\"\nwidth = 8\nlayers = 1\nheads = 2\ncontext = 12";
    let text = "train_examples = 4\ntest_examples = 2\nfeatures = 12\n\
                train = { format = \"text\" }";
    let (specification, _) = order(gpt, text, "\"free\"");
    let shapes = TensorShape::of_order(&specification).unwrap();
    let matrices = shapes.iter().filter(|shape| matches!(shape, TensorShape::Hidden { .. }));
    // Attention in and out, perceptron in and out; neither output layer nor embeddings.
    assert_eq!(matrices.count(), 4);
}

#[test]
fn a_state_of_another_optimizer_and_gradients_of_another_length_are_refused() {
    let shape = TensorShape::Other { value_count: 2 };
    let state = OptimizerState::new(OptimizerOptions::LION, &[shape]);
    let refused = Optimizer::new(OptimizerOptions::ADAMW, vec![shape], state.clone());
    assert!(matches!(refused, Err(OptimizerError::State)));
    let mut optimizer = Optimizer::new(OptimizerOptions::LION, vec![shape], state).unwrap();
    let mut weights = [vec![1.0, 2.0]];
    let refused = optimizer.step(&mut weights, &[vec![1.0]], 0.1);
    assert!(matches!(refused, Err(OptimizerError::Length(_))));
    assert_eq!(weights, [vec![1.0, 2.0]]);
}
