//! Steps on a device leave the bits of the definitions.

use super::super::tests::{EDGES, assert_same, awkward, normals, with_operators};
use super::*;
use crate::update::{AdamWConstants, AdamWScalars};

/// Steps that follow one another.
const STEPS: u32 = 3;

/// The gradient of a step: ordinary numbers, or awkward ones now and then.
fn gradient(step: u32, count: u32, every: Option<usize>) -> Vec<f32> {
    every.map_or_else(|| normals(step, count), |every| awkward(step, count, every))
}

fn check_adamw(count: u32, every: Option<usize>) {
    let constants = AdamWConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };
    let mut scalars = AdamWScalars::START;
    let mut weights = normals(100, count);
    let mut moments = vec![(0.0, 0.0); weights.len()];
    with_operators(|operators| {
        let there = operators.upload(&weights).unwrap();
        let [first, second] = [0; 2].map(|_| operators.zeros(count).unwrap());
        for number in 0..STEPS {
            scalars.advance(constants.beta1, constants.beta2);
            let step = scalars.step(constants, 1e-3);
            let gradient = gradient(number, count, every);
            for ((weight, moments), gradient) in weights.iter_mut().zip(&mut moments).zip(&gradient)
            {
                let (after, first, second) = step.apply_portable(*weight, *gradient, *moments);
                (*weight, *moments) = (after, (first, second));
            }
            let gradient = operators.upload(&gradient).unwrap();
            operators.adamw(&step, &gradient, &there, [&first, &second]).unwrap();
        }
        let (firsts, seconds): (Vec<f32>, Vec<f32>) = moments.iter().copied().unzip();
        assert_same(&operators.download(&there).unwrap(), &weights, "weights");
        assert_same(&operators.download(&first).unwrap(), &firsts, "first moments");
        assert_same(&operators.download(&second).unwrap(), &seconds, "second moments");
    });
}

fn check_momentum(count: u32, every: Option<usize>) {
    let step = MomentumStep::new(0.9, 0.01, 0.1);
    let mut weights = normals(101, count);
    let mut velocities = vec![0.0; weights.len()];
    with_operators(|operators| {
        let there = operators.upload(&weights).unwrap();
        let velocity = operators.zeros(count).unwrap();
        for number in 0..STEPS {
            let gradient = gradient(number, count, every);
            for ((weight, velocity), gradient) in
                weights.iter_mut().zip(&mut velocities).zip(&gradient)
            {
                (*weight, *velocity) = step.apply_portable(*weight, *gradient, *velocity);
            }
            let gradient = operators.upload(&gradient).unwrap();
            operators.momentum(&step, &gradient, &there, &velocity).unwrap();
        }
        assert_same(&operators.download(&there).unwrap(), &weights, "weights");
        assert_same(&operators.download(&velocity).unwrap(), &velocities, "velocities");
    });
}

#[test]
fn cuda_steps_of_adamw_equal_the_definition() {
    for &count in EDGES {
        check_adamw(count, None);
    }
    check_adamw(600, Some(3));
}

#[test]
fn cuda_steps_of_momentum_equal_the_definition() {
    for &count in EDGES {
        check_momentum(count, None);
    }
    check_momentum(600, Some(3));
}
