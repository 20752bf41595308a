//! The steps by hand, and their fast versions on every edge.

use super::*;
use crate::fixtures::{EDGES, awkward, bits, on_one_two_and_three_threads};

#[test]
fn descent_goes_down_the_gradient() {
    let mut weights = [4.0, -2.0];
    DescentStep::new(0.5, 0.5).apply(&mut weights, &[2.0, 1.0]).unwrap();
    assert_eq!(bits(&weights), bits(&[2.0, -2.0]));
}

#[test]
fn nesterov_looks_ahead() {
    let step = NesterovStep::new(0.5, 0.0, 1.0);
    let (mut weights, mut velocity) = ([0.0], [2.0]);
    // Velocity 1 + 1, and 1 + 1 once more ahead.
    step.apply(&mut weights, &[1.0], &mut velocity).unwrap();
    assert_eq!((weights, velocity), ([-2.0], [2.0]));
}

#[test]
fn fast_equals_portable_on_every_edge() {
    on_one_two_and_three_threads(|| {
        for &count in EDGES {
            let (plain, ahead) = (DescentStep::new(0.1, 0.05), NesterovStep::new(0.9, 0.1, 0.05));
            let mut weights = awkward("weights", 0, count, 11);
            let gradient = awkward("gradient", 1, count, 13);
            let mut velocity = awkward("velocity", 2, count, 17);
            let mut others = weights.clone();
            let expected: (Vec<f32>, Vec<f32>) = (0..count)
                .map(|at| ahead.apply_portable(weights[at], gradient[at], velocity[at]))
                .unzip();
            let of_plain: Vec<f32> =
                (0..count).map(|at| plain.apply_portable(weights[at], gradient[at])).collect();
            ahead.apply(&mut weights, &gradient, &mut velocity).unwrap();
            plain.apply(&mut others, &gradient).unwrap();
            assert_eq!((bits(&weights), bits(&velocity)), (bits(&expected.0), bits(&expected.1)));
            assert_eq!(bits(&others), bits(&of_plain));
        }
    });
}

#[test]
fn values_of_another_count_are_refused() {
    assert!(DescentStep::new(0.0, 0.1).apply(&mut [1.0], &[]).is_err());
    assert!(NesterovStep::new(0.9, 0.0, 0.1).apply(&mut [1.0], &[1.0], &mut []).is_err());
}
