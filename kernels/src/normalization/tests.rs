//! Fast equals portable, bits are those of the vectors, gradients are slopes, errors have bounds.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{
    awkward, bits, error_ulp_of, normals, on_one_two_and_three_threads, shown, sized_lines,
};

/// Rows of several widths; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/normalization.txt");

/// Widths and rows around the edges of lanes, chunks and threads.
const SHAPES: &[(usize, usize)] =
    &[(0, 0), (0, 3), (1, 1), (5, 1), (513, 2), (3, 31), (4, 33), (1030, 64), (2, 4097)];

/// Computes both directions by the definitions.
fn portable(
    layer: LayerNorm<'_>,
    input: &[f32],
    gradient: &[f32],
) -> (LayerNormOutput, LayerNormGradient) {
    let made = layer_norm_portable(layer, input).unwrap();
    let normalized =
        Normalized { values: &made.normalized, inverse_deviations: &made.inverse_deviations };
    let of = layer_norm_gradient_portable(layer.gamma, normalized, gradient).unwrap();
    (made, of)
}

/// Compares both directions with their definitions.
fn check(layer: LayerNorm<'_>, input: &[f32], gradient: &[f32]) {
    let (made, of) = portable(layer, input, gradient);
    let (rows, width) = (made.inverse_deviations.len(), layer.width());
    let room = |count| vec![f32::from_bits(CANONICAL_NAN_BITS); count];
    let (mut output, mut normalized) = (room(input.len()), room(input.len()));
    let mut inverse_deviations = room(rows);
    let rooms = LayerNormRoom {
        output: &mut output,
        normalized: &mut normalized,
        inverse_deviations: &mut inverse_deviations,
    };
    layer_norm(layer, input, rooms).unwrap();
    assert_eq!(bits(&output), bits(&made.output), "{rows} rows of {width}");
    assert_eq!(bits(&normalized), bits(&made.normalized), "{rows} rows of {width}");
    assert_eq!(bits(&inverse_deviations), bits(&made.inverse_deviations));
    let (mut of_input, mut of_gamma) = (room(input.len()), room(width));
    let mut of_beta = room(width);
    let rooms = LayerNormGradientRoom {
        of_input: &mut of_input,
        of_gamma: &mut of_gamma,
        of_beta: &mut of_beta,
    };
    let normalized = Normalized { values: &normalized, inverse_deviations: &inverse_deviations };
    layer_norm_gradient(layer.gamma, normalized, gradient, rooms).unwrap();
    assert_eq!(bits(&of_input), bits(&of.of_input), "{rows} rows of {width}");
    assert_eq!(bits(&of_gamma), bits(&of.of_gamma), "{rows} rows of {width}");
    assert_eq!(bits(&of_beta), bits(&of.of_beta), "{rows} rows of {width}");
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &(rows, width) in SHAPES {
            let gamma = normals("gamma", 0, width);
            let beta = normals("beta", 0, width);
            let layer = LayerNorm { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
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
            let beta = awkward("beta", every, width, every);
            let layer = LayerNorm { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
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
        let [input, gamma, beta, gradient] = ["row", "gamma", "beta", "gradient"]
            .map(|what| normals(&format!("normalization {what}"), width, width));
        let layer = LayerNorm { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
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
fn a_row_of_equal_values_is_its_shift_and_a_nan_or_infinity_spoils_its_row_alone() {
    let layer = LayerNorm { gamma: &[2.0; 4], beta: &[1.0, 2.0, 3.0, 4.0], epsilon: 1e-5 };
    let (infinity, nan) = (f32::INFINITY, f32::from_bits(0xffc0_0001));
    let input = [5.0, 5.0, 5.0, 5.0, infinity, 0.0, 0.0, 0.0, 0.0, nan, 0.0, 0.0];
    let output = layer_norm_portable(layer, &input).unwrap().output;
    assert_eq!(bits(&output[..4]), bits(&[1.0, 2.0, 3.0, 4.0]));
    assert_eq!(bits(&output[4..]), [CANONICAL_NAN_BITS; 8]);
}

/// The layer norm of a row in f64.
fn reference(layer: LayerNorm<'_>, row: &[f32]) -> Vec<f64> {
    let wide: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
    #[expect(clippy::cast_precision_loss, reason = "rows of a test are short")]
    let count = row.len() as f64;
    let mean = wide.iter().sum::<f64>() / count;
    let variance = wide.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let deviation = (variance + f64::from(layer.epsilon)).sqrt();
    let columns = layer.gamma.iter().zip(layer.beta);
    let normalized = wide.iter().map(|x| (x - mean) / deviation).zip(columns);
    normalized.map(|(h, (gamma, beta))| h * f64::from(*gamma) + f64::from(*beta)).collect()
}

/// The largest error of a row, in units of the last place of its largest value, or of 1.
fn error_ulp(layer: LayerNorm<'_>, row: &[f32]) -> f64 {
    let output = layer_norm_portable(layer, row).unwrap().output;
    let largest = output.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
    let pairs = output.iter().zip(reference(layer, row));
    pairs.map(|(value, exact)| error_ulp_of(largest, *value, exact)).fold(0.0, f64::max)
}

#[test]
fn layer_norm_keeps_its_error_bound_from_subnormal_to_large_rows() {
    let mut worst = 0.0_f64;
    for width in [2, 10, 64, 256, 1000] {
        let (gamma, beta) = (vec![1.0; width], vec![0.0; width]);
        let layer = LayerNorm { gamma: &gamma, beta: &beta, epsilon: 1e-5 };
        // From 2^57 on the sum of the squares is no f32.
        for exponent in -149..50 {
            let scale = 2_f32.powi(exponent / 2) * 2_f32.powi(exponent - exponent / 2);
            let row = normals("row", width, width);
            let row: Vec<f32> = row.into_iter().map(|x| (x + 0.5) * scale).collect();
            worst = worst.max(error_ulp(layer, &row));
        }
    }
    println!("layer norm: {worst} ULP of the row's largest or 1");
    assert!(worst < 2.0, "{worst} ULP of the row's largest or 1");
}

#[test]
fn gradients_are_slopes() {
    let (rows, width) = (3, 5);
    let gradient = normals("gradient", 9, rows * width);
    let mut parts =
        [normals("row", 9, rows * width), normals("gamma", 9, width), normals("beta", 9, width)];
    let loss = |[input, gamma, beta]: &[Vec<f32>; 3]| -> f64 {
        let layer = LayerNorm { gamma, beta, epsilon: 1e-5 };
        let rows = input.chunks(width).flat_map(|row| reference(layer, row));
        rows.zip(&gradient).map(|(value, weight)| value * f64::from(*weight)).sum()
    };
    let layer = LayerNorm { gamma: &parts[1], beta: &parts[2], epsilon: 1e-5 };
    let (_, of) = portable(layer, &parts[0], &gradient);
    for (part, expected) in [of.of_input, of.of_gamma, of.of_beta].into_iter().enumerate() {
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
    let layer = LayerNorm { gamma: &[1.0; 2], beta: &[0.0; 3], epsilon: 1e-5 };
    let error = layer_norm_portable(layer, &[0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "beta has 3 values, not 2");
    let layer = LayerNorm { gamma: &[1.0; 2], beta: &[0.0; 2], epsilon: 1e-5 };
    assert!(layer_norm_portable(layer, &[0.0; 3]).is_err());
    let normalized = Normalized { values: &[0.0; 4], inverse_deviations: &[1.0; 2] };
    assert!(layer_norm_gradient_portable(&[1.0; 2], normalized, &[0.0; 3]).is_err());
    let room = LayerNormRoom {
        output: &mut [0.0; 2],
        normalized: &mut [0.0; 2],
        inverse_deviations: &mut [],
    };
    assert!(layer_norm(layer, &[0.0; 2], room).is_err());
}
