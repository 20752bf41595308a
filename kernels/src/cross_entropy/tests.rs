//! Fast equals portable, the gradient is the slope, and even rows cost the logarithm of classes.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Losses and gradients; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/cross_entropy.txt");

/// A label for each row.
fn labels(rows: usize, classes: usize) -> Vec<u32> {
    (0..rows).map(|row| u32::try_from(row * 7 % classes).unwrap()).collect()
}

/// Compares with the definition.
fn check(logits: &[f32], classes: usize) {
    let labels = labels(logits.len() / classes, classes);
    let expected = cross_entropy_portable(logits, classes, &labels).unwrap();
    let (mut losses, mut gradient) = (vec![f32::NAN; labels.len()], vec![f32::NAN; logits.len()]);
    let mean = cross_entropy(logits, classes, &labels, &mut losses, &mut gradient).unwrap();
    assert_eq!(bits(&losses), bits(&expected.losses), "{classes} classes");
    assert_eq!(bits(&gradient), bits(&expected.gradient), "{classes} classes");
    assert_eq!(mean.to_bits(), expected.mean.to_bits(), "{classes} classes");
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for (rows, classes) in [(0, 3), (1, 1), (3, 2), (7, 10), (33, 33), (2000, 10), (100, 513)] {
            check(&normals("cross entropy", rows, rows * classes), classes);
            for every in [2, 3, 101] {
                check(&awkward("cross entropy", rows, rows * classes, every), classes);
            }
        }
    });
}

#[test]
fn losses_and_gradients_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 9);
    for (sizes, name, words) in lines {
        let (rows, classes) = (sizes[0], sizes[1]);
        let logits = normals("cross entropy", rows, rows * classes);
        let made = cross_entropy_portable(&logits, classes, &labels(rows, classes)).unwrap();
        let values = match name {
            "losses" => made.losses,
            "mean" => vec![made.mean],
            _ => made.gradient,
        };
        assert_eq!(shown(&values), words, "{name} of {rows} rows of {classes}");
    }
}

#[test]
fn losses_are_those_of_softmax_and_an_even_row_costs_the_logarithm_of_its_classes() {
    let logits = normals("cross entropy", 0, 60);
    let labels = labels(6, 10);
    let made = cross_entropy_portable(&logits, 10, &labels).unwrap();
    let losses = crate::softmax::negative_log_likelihood(&logits, 10, &labels).unwrap();
    assert_eq!(bits(&made.losses), bits(&losses));
    let even = cross_entropy_portable(&[3.0; 20], 10, &[0, 9]).unwrap();
    assert_eq!(even.mean.to_bits(), log(10.0).to_bits());
}

#[test]
fn the_gradient_is_the_slope_of_the_mean() {
    let mut logits = normals("cross entropy", 1, 12);
    let labels = [1, 3, 0];
    let gradient = cross_entropy_portable(&logits, 4, &labels).unwrap().gradient;
    let step = 1.0 / 64.0;
    for (index, expected) in gradient.into_iter().enumerate() {
        let mut mean_at = |value| {
            let before = std::mem::replace(&mut logits[index], value);
            let mean = cross_entropy_portable(&logits, 4, &labels).unwrap().mean;
            (before, mean)
        };
        let (value, _) = mean_at(0.0);
        let (_, above) = mean_at(value + step);
        let (_, below) = mean_at(value - step);
        mean_at(value);
        let slope = f64::from(above - below) / f64::from(2.0 * step);
        assert!((slope - f64::from(expected)).abs() < 1e-4, "{index}: {slope} and {expected}");
    }
}

#[test]
fn no_rows_have_no_mean_and_what_does_not_fit_is_named() {
    let mean = cross_entropy(&[], 3, &[], &mut [], &mut []).unwrap();
    assert!(mean.is_nan());
    let error = cross_entropy(&[0.0; 3], 3, &[3], &mut [0.0], &mut [0.0; 3]).unwrap_err();
    assert_eq!(error, SoftmaxError::LabelOutOfRange { row: 0, label: 3, classes: 3 });
    let error = cross_entropy(&[0.0; 3], 3, &[0], &mut [], &mut [0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "the losses has 0 values, not 1");
    assert!(cross_entropy(&[0.0; 3], 3, &[0], &mut [0.0], &mut [0.0; 2]).is_err());
}
