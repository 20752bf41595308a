//! Fast equals portable, bits are those of the vectors, gradients are slopes.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Rows of several widths; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/rms_norm.txt");

/// Widths and rows around the edges of lanes, chunks and threads.
const SHAPES: &[(usize, usize)] =
    &[(0, 0), (0, 3), (1, 1), (5, 1), (513, 2), (3, 31), (4, 33), (1030, 64), (2, 4097)];

/// Computes both directions by the definitions.
fn portable(
    layer: RmsNorm<'_>,
    input: &[f32],
    gradient: &[f32],
) -> (RmsNormOutput, RmsNormGradient) {
    let made = rms_norm_portable(layer, input).unwrap();
    let normalized =
        Normalized { values: &made.normalized, inverse_deviations: &made.inverse_roots };
    let of = rms_norm_gradient_portable(layer.gamma, normalized, gradient).unwrap();
    (made, of)
}

/// Compares both directions with their definitions.
fn check(layer: RmsNorm<'_>, input: &[f32], gradient: &[f32]) {
    let (made, of) = portable(layer, input, gradient);
    let (rows, width) = (made.inverse_roots.len(), layer.gamma.len());
    let room = |count| vec![f32::from_bits(CANONICAL_NAN_BITS); count];
    let (mut output, mut normalized) = (room(input.len()), room(input.len()));
    let mut inverse_roots = room(rows);
    let rooms = RmsNormRoom {
        output: &mut output,
        normalized: &mut normalized,
        inverse_roots: &mut inverse_roots,
    };
    rms_norm(layer, input, rooms).unwrap();
    assert_eq!(bits(&output), bits(&made.output), "{rows} rows of {width}");
    assert_eq!(bits(&normalized), bits(&made.normalized), "{rows} rows of {width}");
    assert_eq!(bits(&inverse_roots), bits(&made.inverse_roots));
    let (mut of_input, mut of_gamma) = (room(input.len()), room(width));
    let rooms = RmsNormGradientRoom { of_input: &mut of_input, of_gamma: &mut of_gamma };
    let normalized = Normalized { values: &normalized, inverse_deviations: &inverse_roots };
    rms_norm_gradient(layer.gamma, normalized, gradient, rooms).unwrap();
    assert_eq!(bits(&of_input), bits(&of.of_input), "{rows} rows of {width}");
    assert_eq!(bits(&of_gamma), bits(&of.of_gamma), "{rows} rows of {width}");
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &(rows, width) in SHAPES {
            let gamma = normals("gamma", 0, width);
            let layer = RmsNorm { gamma: &gamma, epsilon: 1e-5 };
            let input = normals("row", rows, rows * width);
            check(layer, &input, &normals("gradient", rows, rows * width));
        }
    });
}

#[test]
fn fast_equals_portable_with_awkward_numbers() {
    for &(rows, width) in SHAPES {
        for every in [2, 61, 1009] {
            let gamma = awkward("gamma", every, width, every);
            let layer = RmsNorm { gamma: &gamma, epsilon: 1e-5 };
            let input = awkward("row", every, rows * width, every);
            check(layer, &input, &awkward("gradient", every, rows * width, every));
        }
    }
}

#[test]
fn rows_and_gradients_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 18);
    for (sizes, name, words) in lines {
        let width = sizes[0];
        let [input, gamma, gradient] = ["row", "gamma", "gradient"]
            .map(|what| normals(&format!("normalization {what}"), width, width));
        let layer = RmsNorm { gamma: &gamma, epsilon: 1e-5 };
        let (made, of) = portable(layer, &input, &gradient);
        let values = match name {
            "output" => made.output,
            "gradient" => of.of_input,
            _ => of.of_gamma,
        };
        assert_eq!(shown(&values), words, "{name} of {width}");
    }
}

#[test]
fn a_nan_or_infinity_spoils_its_row_alone() {
    let layer = RmsNorm { gamma: &[2.0; 2], epsilon: 0.0 };
    let input = [3.0, 3.0, f32::INFINITY, 0.0, f32::from_bits(0xffc0_0001), 0.0];
    let output = rms_norm_portable(layer, &input).unwrap().output;
    assert!((output[0] - 2.0).abs() < 1e-6 && (output[1] - 2.0).abs() < 1e-6);
    // Infinity over infinity, and nothing over infinity.
    assert_eq!(bits(&output[2..4]), [CANONICAL_NAN_BITS, 0]);
    assert_eq!(bits(&output[4..]), [CANONICAL_NAN_BITS; 2]);
}

/// The norm of a row in f64.
fn reference(gamma: &[f32], epsilon: f32, row: &[f32]) -> Vec<f64> {
    let wide: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
    #[expect(clippy::cast_precision_loss, reason = "rows of a test are short")]
    let count = row.len() as f64;
    let mean = wide.iter().map(|x| x * x).sum::<f64>() / count;
    let root = (mean + f64::from(epsilon)).sqrt();
    wide.iter().zip(gamma).map(|(x, gamma)| x / root * f64::from(*gamma)).collect()
}

#[test]
fn gradients_are_slopes_and_values_are_exact() {
    let (rows, width) = (3, 5);
    let gradient = normals("gradient", 9, rows * width);
    let mut parts = [normals("row", 9, rows * width), normals("gamma", 9, width)];
    let loss = |[input, gamma]: &[Vec<f32>; 2]| -> f64 {
        let rows = input.chunks(width).flat_map(|row| reference(gamma, 1e-5, row));
        rows.zip(&gradient).map(|(value, weight)| value * f64::from(*weight)).sum()
    };
    let layer = RmsNorm { gamma: &parts[1], epsilon: 1e-5 };
    let (made, of) = portable(layer, &parts[0], &gradient);
    let exact = parts[0].chunks(width).flat_map(|row| reference(&parts[1], 1e-5, row));
    for (value, exact) in made.output.iter().zip(exact) {
        assert!((f64::from(*value) - exact).abs() < 1e-6, "{value} {exact}");
    }
    for (part, expected) in [of.of_input, of.of_gamma].into_iter().enumerate() {
        for (index, expected) in expected.into_iter().enumerate() {
            let (step, value) = (1.0 / 4096.0, parts[part][index]);
            parts[part][index] = value + step;
            let (above, high) = (loss(&parts), f64::from(parts[part][index]));
            parts[part][index] = value - step;
            let slope = (above - loss(&parts)) / (high - f64::from(parts[part][index]));
            parts[part][index] = value;
            assert!((slope - f64::from(expected)).abs() < 1e-5, "{part}, {index}: {slope}");
        }
    }
}

#[test]
fn buffers_that_do_not_fit_are_named() {
    let layer = RmsNorm { gamma: &[1.0; 2], epsilon: 1e-5 };
    let error = rms_norm_portable(layer, &[0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "the input has 3 values, not 2");
    let normalized = Normalized { values: &[0.0; 4], inverse_deviations: &[1.0; 2] };
    assert!(rms_norm_gradient_portable(&[1.0; 2], normalized, &[0.0; 3]).is_err());
    assert!(rms_norm_input_gradient(&[1.0; 2], normalized, &[0.0; 4], &mut [0.0; 3]).is_err());
    let room =
        RmsNormRoom { output: &mut [0.0; 2], normalized: &mut [0.0; 2], inverse_roots: &mut [] };
    assert!(rms_norm(layer, &[0.0; 2], room).is_err());
}
