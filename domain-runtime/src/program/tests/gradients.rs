//! The gradients that programs compute are the slopes of the loss that they compute.

#![expect(clippy::disallowed_types, reason = "tests compare with the processor's floats")]

use std::vec::Vec;

use super::machine::Machine;
use super::orders::{MOMENTUM, cnn, gpt, mlp, recipe};
use crate::order::OrderSpecification;
use crate::order::tensors::tensors;
use crate::program::training;

/// Parameters of each tensor that are moved.
const SAMPLES: usize = 5;

/// Bytes that look drawn.
pub(super) fn bytes(count: usize, below: u8) -> Vec<u8> {
    (0..count).map(|place| blake3::hash(&place.to_le_bytes()).as_bytes()[0] % below).collect()
}

/// Compares gradients with the change of the loss over a small step of a weight, tensor by tensor.
pub(super) fn check(order: OrderSpecification, data: &[u8], step: f32) {
    check_over(order, (data, &[]), step);
}

/// As [`check`], over a base file.
pub(super) fn check_over(mut order: OrderSpecification, (data, base): (&[u8], &[u8]), step: f32) {
    order.train.recipe = recipe(MOMENTUM);
    let computation = training(&order).unwrap();
    let mut initial = Machine::new(&computation.initial, &[], data);
    initial.words.resize(computation.initial.slots.len(), Vec::new());
    initial.model = base;
    initial.run(0, |_| false);
    let mut state = initial.persistent();
    let tensors = tensors(&order).unwrap();
    // Weights that make every branch count: those of 0.02 hardly bend anything.
    for (words, tensor) in state.iter_mut().zip(&tensors) {
        let is_small = tensor.start == crate::order::tensors::Start::Small;
        let factor = if is_small { 20.0 } else { 1.0 };
        let is_idle =
            tensor.start == crate::order::tensors::Start::Zeros && tensor.shape.len() == 2;
        let drawn = bytes(words.len(), 255);
        for (word, drawn) in words.iter_mut().zip(drawn) {
            // Nothing comes through a matrix of zeros.
            let idle = f32::from(drawn) / 255.0 - 0.5;
            let weight = if is_idle { idle } else { f32::from_bits(*word) * factor };
            *word = weight.to_bits();
        }
    }
    let mut machine = Machine::new(&computation.step, &state, data);
    machine.model = base;
    machine.run(0, |_| false);
    // A velocity starts at zero, so after one step it is the gradient.
    let gradients = &machine.persistent()[tensors.len()..];
    let loss = |place: usize, element: usize, change: f32| {
        let mut moved = state.clone();
        let word = &mut moved[place][element];
        *word = (f32::from_bits(*word) + change).to_bits();
        let mut machine = Machine::new(&computation.step, &moved, data);
        machine.model = base;
        f64::from(machine.loss())
    };
    for (place, (gradient, tensor)) in gradients.iter().zip(&tensors).enumerate() {
        let size = gradient.iter().map(|word| f32::from_bits(*word).abs()).fold(0.0, f32::max);
        assert!(size > 0.0, "{} has no gradient", tensor.name);
        let (mut checked, stride) = (0, gradient.len().div_ceil(SAMPLES));
        for element in (0..gradient.len()).step_by(stride) {
            let (above, middle, below) = (
                loss(place, element, step),
                loss(place, element, 0.0),
                loss(place, element, -step),
            );
            // At a bend the slopes of the two sides differ; there none is checked.
            if ((above - middle) - (middle - below)).abs() > f64::from(step) * 0.01 {
                continue;
            }
            checked += 1;
            let slope = (above - below) / f64::from(2.0 * step);
            let found = f64::from(f32::from_bits(gradient[element]));
            let error = (slope - found).abs();
            assert!(
                error < 4e-4 + 0.02 * slope.abs(),
                "{} {element}: {found} {slope}",
                tensor.name
            );
        }
        assert!(checked > 0, "no value of {} was checked", tensor.name);
    }
}

/// Records of features of 0 to 1 and a label.
pub(super) fn records(order: &mut OrderSpecification) -> Vec<u8> {
    order.data.feature_divisor = 255;
    let values = order.data.feature_count as usize + 1;
    let mut bytes = bytes(order.data.train_example_count as usize * values, 255);
    for record in bytes.chunks_mut(values) {
        record[values - 1] %= 3;
    }
    bytes
}

#[test]
fn gradients_of_linear_layers_are_slopes() {
    let mut order = mlp((5, 3), &[7, 4], 6);
    let data = records(&mut order);
    check(order, &data, 1.0 / 1024.0);
}

#[test]
fn gradients_of_convolutions_are_slopes() {
    let mut order = cnn([2, 8, 12], &[(3, 3), (4, 2)], (&[5], 3), 3);
    let data = records(&mut order);
    check(order, &data, 1.0 / 1024.0);
}

#[test]
fn gradients_of_attention_are_slopes() {
    let order = gpt([6, 2, 2, 5], 3);
    let data = bytes(1_437 * 5 + 1, 255);
    check(order, &data, 1.0 / 128.0);
}
