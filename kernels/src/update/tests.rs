//! Fast equals portable, the bits are those of the vectors, and the steps are those of the papers.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{EDGES, awkward, bits, normals, on_one_two_and_three_threads};

/// Weights and moments after some steps; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/update.txt");

/// The constants of the paper, with a weight decay that shows.
const CONSTANTS: AdamWConstants =
    AdamWConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

/// The third step at a learning rate of 1/1000.
fn third_step() -> AdamWStep {
    let mut scalars = AdamWScalars::START;
    (0..3).for_each(|_| scalars.advance(CONSTANTS.beta1, CONSTANTS.beta2));
    scalars.step(CONSTANTS, 0.001)
}

#[test]
fn steps_are_those_of_the_vectors() {
    let mut lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let mut scalars = AdamWScalars::START;
    let (mut weights, mut velocity) = (normals("update weights", 0, 8), vec![0.0; 8]);
    let (mut first, mut second) = (vec![0.0; 8], vec![0.0; 8]);
    let mut expect = |name: &str, values: &[f32]| {
        let shown: Vec<String> = bits(values).iter().map(|bits| format!("{bits:08x}")).collect();
        assert_eq!(format!("{name} {}", shown.join(" ")), lines.next().unwrap());
    };
    for step_index in 0..3 {
        let gradient = normals("update gradient", step_index, 8);
        scalars.advance(CONSTANTS.beta1, CONSTANTS.beta2);
        let step = scalars.step(CONSTANTS, 0.001);
        step.apply(&mut weights, &gradient, &mut first, &mut second).unwrap();
        expect("powers", &[scalars.power1, scalars.power2]);
        expect("weights", &weights);
        expect("first", &first);
        expect("second", &second);
    }
    let mut weights = normals("update weights", 0, 8);
    for step_index in 0..3 {
        let gradient = normals("update gradient", step_index, 8);
        let step = MomentumStep::new(0.9, 0.01, 0.05);
        step.apply(&mut weights, &gradient, &mut velocity).unwrap();
        expect("momentum_weights", &weights);
        expect("velocity", &velocity);
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn fast_adamw_equals_portable_on_every_edge() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES.iter().chain(&[CHUNK_VALUES + 1, 2 * CHUNK_VALUES + 9]) {
            let step = third_step();
            let mut weights = awkward("weights", 0, count, 11);
            let gradient = awkward("gradient", 1, count, 13);
            let mut first = awkward("first", 2, count, 17);
            let mut second: Vec<f32> =
                awkward("second", 3, count, 19).iter().map(|value| value.abs()).collect();
            let of_each: Vec<_> = (0..count)
                .map(|at| step.apply_portable(weights[at], gradient[at], (first[at], second[at])))
                .collect();
            step.apply(&mut weights, &gradient, &mut first, &mut second).unwrap();
            let expected = |choose: fn(&(f32, f32, f32)) -> f32| {
                bits(&of_each.iter().map(choose).collect::<Vec<f32>>())
            };
            assert_eq!(bits(&weights), expected(|each| each.0), "{count} values");
            assert_eq!(bits(&first), expected(|each| each.1), "{count} values");
            assert_eq!(bits(&second), expected(|each| each.2), "{count} values");
        }
    });
}

#[test]
fn fast_momentum_equals_portable_on_every_edge() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES.iter().chain(&[CHUNK_VALUES + 1, 2 * CHUNK_VALUES + 9]) {
            let step = MomentumStep::new(0.9, 0.01, 0.05);
            let mut weights = awkward("weights", 0, count, 11);
            let gradient = awkward("gradient", 1, count, 13);
            let mut velocity = awkward("velocity", 2, count, 17);
            let of_each: Vec<_> = (0..count)
                .map(|at| step.apply_portable(weights[at], gradient[at], velocity[at]))
                .collect();
            step.apply(&mut weights, &gradient, &mut velocity).unwrap();
            let of_weights: Vec<f32> = of_each.iter().map(|each| each.0).collect();
            let of_velocity: Vec<f32> = of_each.iter().map(|each| each.1).collect();
            assert_eq!(bits(&weights), bits(&of_weights), "{count} values");
            assert_eq!(bits(&velocity), bits(&of_velocity), "{count} values");
        }
    });
}

#[test]
fn the_first_step_of_adamw_goes_by_the_learning_rate_against_the_gradient() {
    let mut scalars = AdamWScalars::START;
    scalars.advance(CONSTANTS.beta1, CONSTANTS.beta2);
    let step = scalars.step(AdamWConstants { weight_decay: 0.0, ..CONSTANTS }, 0.001);
    for gradient in [3.0, -0.5, 100.0] {
        let (weight, ..) = step.apply_portable(1.0, gradient, (0.0, 0.0));
        let moved = f64::from(weight) - 1.0 + 0.001 * f64::from(gradient.signum());
        assert!(moved.abs() < 1e-7, "{gradient}: {weight}");
    }
}

#[test]
fn many_steps_of_adamw_follow_the_paper_in_f64() {
    let wide = |value: f32| f64::from(value);
    let (beta1, beta2) = (wide(CONSTANTS.beta1), wide(CONSTANTS.beta2));
    let mut scalars = AdamWScalars::START;
    let (mut weight, mut moments) = (0.7, (0.0, 0.0));
    let (mut exact, mut exact_first, mut exact_second) = (0.7_f64, 0.0_f64, 0.0_f64);
    for count in 1..=1000 {
        let gradient = normals("gradient", count.try_into().unwrap(), 1)[0];
        scalars.advance(CONSTANTS.beta1, CONSTANTS.beta2);
        let step = scalars.step(CONSTANTS, 0.001);
        let (next, first, second) = step.apply_portable(weight, gradient, moments);
        (weight, moments) = (next, (first, second));
        exact_first = beta1 * exact_first + (1.0 - beta1) * wide(gradient);
        exact_second = beta2 * exact_second + (1.0 - beta2) * wide(gradient).powi(2);
        let corrected_first = exact_first / (1.0 - beta1.powi(count));
        let corrected_second = exact_second / (1.0 - beta2.powi(count));
        exact -= 0.001 * (corrected_first / (corrected_second.sqrt() + 1e-8) + 0.01 * exact);
    }
    // The share that is kept is rounded by up to 2^-25, a thousand times in the same direction.
    assert!((wide(weight) - exact).abs() < 1000.0 * 2_f64.powi(-25), "{weight} against {exact}");
}

#[test]
fn a_nan_gradient_makes_everything_the_one_nan() {
    let (weight, first, second) =
        third_step().apply_portable(1.0, f32::from_bits(0xffc0_0001), (0.0, 0.0));
    assert_eq!([weight, first, second].map(f32::to_bits), [CANONICAL_NAN_BITS; 3]);
}

#[test]
fn a_weight_without_gradient_only_decays_and_one_without_decay_stays() {
    let (weight, ..) = third_step().apply_portable(2.0, 0.0, (0.0, 0.0));
    assert_eq!(weight.to_bits(), (2.0 * third_step().kept).to_bits());
    assert_eq!(MomentumStep::new(0.9, 0.0, 0.1).apply_portable(2.0, 0.0, 0.0), (2.0, 0.0));
}

#[test]
fn tensors_of_different_lengths_are_refused() {
    let (step, mut three, mut two) = (third_step(), [0.0; 3], [0.0; 2]);
    let error = step.apply(&mut three, &[0.0; 2], &mut [0.0; 3], &mut [0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "the gradient has 2 values, not 3");
    assert!(step.apply(&mut three, &[0.0; 3], &mut two, &mut [0.0; 3]).is_err());
    assert!(step.apply(&mut three, &[0.0; 3], &mut [0.0; 3], &mut two).is_err());
    let step = MomentumStep::new(0.9, 0.0, 0.1);
    assert!(step.apply(&mut three, &[0.0; 3], &mut two).is_err());
    assert!(step.apply(&mut three, &[0.0; 2], &mut [0.0; 3]).is_err());
}
