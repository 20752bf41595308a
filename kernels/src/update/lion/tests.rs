//! Lion by hand, and its fast version on every edge.

use super::*;
use crate::fixtures::{EDGES, awkward, bits, on_one_two_and_three_threads};

#[test]
fn a_step_moves_by_the_sign_of_the_mixture_only() {
    let step = LionStep::new((0.5, 0.25), 0.5, 0.5);
    // Mixtures 1, -1 and 0; three quarters of the weight stay.
    let (mut weights, mut momentum) = ([4.0, 4.0, 4.0], [1.0, -4.0, 0.0]);
    step.apply(&mut weights, &[1.0, 2.0, 0.0], &mut momentum).unwrap();
    assert_eq!(bits(&weights), bits(&[2.5, 3.5, 3.0]));
    assert_eq!(bits(&momentum), bits(&[1.0, 0.5, 0.0]));
}

#[test]
fn a_gradient_that_is_no_number_is_not_hidden() {
    let (weight, momentum) =
        LionStep::new((0.9, 0.99), 0.0, 0.1).apply_portable(1.0, f32::NAN, 0.0);
    assert!(weight.is_nan() && momentum.is_nan());
}

#[test]
fn fast_equals_portable_on_every_edge() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES {
            let step = LionStep::new((0.9, 0.99), 0.1, 0.05);
            let mut weights = awkward("weights", 0, count, 11);
            let gradient = awkward("gradient", 1, count, 13);
            let mut momentum = awkward("momentum", 2, count, 17);
            let expected: (Vec<f32>, Vec<f32>) = (0..count)
                .map(|at| step.apply_portable(weights[at], gradient[at], momentum[at]))
                .unzip();
            step.apply(&mut weights, &gradient, &mut momentum).unwrap();
            assert_eq!((bits(&weights), bits(&momentum)), (bits(&expected.0), bits(&expected.1)));
        }
    });
}

#[test]
fn values_of_another_count_are_refused() {
    let step = LionStep::new((0.9, 0.99), 0.1, 0.05);
    assert!(step.apply(&mut [1.0], &[1.0, 1.0], &mut [0.0]).is_err());
    assert!(step.apply(&mut [1.0], &[1.0], &mut []).is_err());
}
