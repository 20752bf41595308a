//! Sums longer than a block are made block after block, as the profile says.

#![expect(clippy::disallowed_types, reason = "tests compare with the processor's floats")]

use std::vec::Vec;

use super::machine::Machine;
use super::orders::{MOMENTUM, cnn, mlp, recipe};
use crate::order::OrderSpecification;
use crate::program::{Computation, training};

/// A computation whose first velocities are its gradients, and the state that it starts from.
fn start(mut order: OrderSpecification) -> (Computation, Vec<Vec<u32>>) {
    order.train.recipe = recipe(MOMENTUM);
    let computation = training(&order).unwrap();
    let mut machine = Machine::new(&computation.initial, &[], &[]);
    machine.run(0, |_| false);
    let state = machine.persistent();
    (computation, state)
}

/// What the first operator of this name leaves in its slot.
fn left_by(computation: &Computation, state: &[Vec<u32>], data: &[u8], name: &str) -> Vec<f32> {
    let mut machine = Machine::new(&computation.step, state, data);
    machine.run(0, |operator| operator.name == name);
    let operator = computation.step.operators.iter().find(|one| one.name == name).unwrap();
    let words = &machine.words[usize::from(operator.output)];
    words.iter().map(|word| f32::from_bits(*word)).collect()
}

/// The gradients of all tensors.
fn gradients(computation: &Computation, state: &[Vec<u32>], data: &[u8]) -> Vec<Vec<u32>> {
    let mut machine = Machine::new(&computation.step, state, data);
    machine.run(0, |_| false);
    machine.persistent().split_off(state.len() / 2)
}

/// The sum of products of pairs, block after block; the blocks are given.
fn blocked(blocks: &[Vec<(f32, f32)>]) -> u32 {
    let sums = blocks
        .iter()
        .map(|block| block.iter().fold(0.0_f32, |sum, (left, right)| left.mul_add(*right, sum)));
    sums.reduce(|total, sum| total + sum).unwrap().to_bits()
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place| blake3::hash(&place.to_le_bytes()).as_bytes()[0] % 2).collect()
}

#[test]
fn gradients_over_many_rows_are_sums_of_blocks_of_512() {
    let (rows, features, classes) = (600, 3, 2);
    let (computation, state) = start(mlp((3, 2), &[], 600));
    let data = bytes(1_437 * 4);
    let gradient = left_by(&computation, &state, &data, "logits gradient");
    let inputs = left_by(&computation, &state, &data, "features");
    let found = gradients(&computation, &state, &data);
    for class in 0..classes {
        let of_row = |row: usize| gradient[row * classes + class];
        let ones = |rows: core::ops::Range<usize>| rows.map(|row| (of_row(row), 1.0)).collect();
        assert_eq!(found[0][class], blocked(&[ones(0..512), ones(512..rows)]), "bias {class}");
        for feature in 0..features {
            let pairs = |rows: core::ops::Range<usize>| {
                rows.map(|row| (of_row(row), inputs[row * features + feature])).collect()
            };
            let expected = blocked(&[pairs(0..512), pairs(512..rows)]);
            assert_eq!(found[1][class * features + feature], expected, "{class} {feature}");
        }
    }
}

#[test]
fn gradients_of_convolutions_are_sums_image_after_image_of_blocks_of_512() {
    let (side, kernel, out, images) = (25, 2, 24, 2);
    let (computation, state) = start(cnn([1, 25, 25], &[(1, 2)], (&[], 2), 2));
    let data = bytes(1_437 * (side * side + 1));
    let gradient = left_by(&computation, &state, &data, "rectifier gradient");
    let inputs = left_by(&computation, &state, &data, "features");
    let found = gradients(&computation, &state, &data);
    let pixels = out * out;
    let blocks = |pair: &dyn Fn(usize, usize) -> (f32, f32)| {
        let parts = (0..images).flat_map(|image| {
            [0..512, 512..pixels].map(|part| part.map(|pixel| pair(image, pixel)).collect())
        });
        blocked(&parts.collect::<Vec<Vec<_>>>())
    };
    let of = |image: usize, pixel: usize| gradient[image * pixels + pixel];
    assert_eq!(found[0], [blocks(&|image, pixel| (of(image, pixel), 1.0))]);
    for (place, weight) in found[1].iter().enumerate() {
        let (y, x) = (place / kernel, place % kernel);
        let expected = blocks(&|image, pixel| {
            let row = image * side + pixel / out + y;
            (of(image, pixel), inputs[row * side + pixel % out + x])
        });
        assert_eq!(*weight, expected, "{place}");
    }
}
