//! Layer normalization on a device has the bits of its written order.

use super::super::tests::{EDGES, assert_same, awkward, normals, product_of, size, with_operators};
use super::*;
use crate::canonical::canonical;
use crate::elementary::rsqrt;
use crate::reduction::mean_portable;

const EPSILON: f32 = 1e-5;

/// Output, rows before gamma and beta, and scales.
type Forward = [Vec<f32>; 3];

/// Gradients of input, gamma and beta.
type Backward = [Vec<f32>; 3];

/// What goes in.
struct Case {
    shape: RowShape,
    input: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    gradient: Vec<f32>,
}

fn expected(case: &Case) -> (Forward, Backward) {
    let width = size(case.shape.length);
    let (mut output, mut normalized, mut scales, mut of_input) = (vec![], vec![], vec![], vec![]);
    for (row, gradient) in case.input.chunks(width).zip(case.gradient.chunks(width)) {
        let mean = mean_portable(row);
        let centered: Vec<f32> = row.iter().map(|x| x - mean).collect();
        let squares: Vec<f32> = centered.iter().map(|c| c * c).collect();
        let scale = rsqrt(mean_portable(&squares) + EPSILON);
        let units: Vec<f32> = centered.iter().map(|c| canonical(c * scale)).collect();
        let places = || units.iter().zip(&case.gamma);
        let outputs = places().zip(&case.beta);
        output.extend(outputs.map(|((unit, gamma), beta)| canonical(unit.mul_add(*gamma, *beta))));
        let weighted: Vec<f32> = gradient.iter().zip(&case.gamma).map(|(g, y)| g * y).collect();
        let products: Vec<f32> = weighted.iter().zip(&units).map(|(u, h)| u * h).collect();
        let (mean, slope) = (mean_portable(&weighted), mean_portable(&products));
        let bent = units.iter().zip(&weighted).map(|(h, u)| (-h).mul_add(slope, u - mean));
        of_input.extend(bent.map(|bent| canonical(bent * scale)));
        normalized.extend(units);
        scales.push(scale);
    }
    let rows = size(case.shape.rows);
    let column_sums = |value: &dyn Fn(usize) -> f32| -> Vec<f32> {
        let terms = |column| (0..rows).map(|row| (value(row * width + column), 1.0)).collect();
        (0..width).map(|column| product_of(&[terms(column)])).collect()
    };
    let of_gamma = column_sums(&|place| case.gradient[place] * normalized[place]);
    let of_beta = column_sums(&|place| case.gradient[place]);
    ([output, normalized, scales], [of_input, of_gamma, of_beta])
}

fn actual(case: &Case) -> (Forward, Backward) {
    with_operators(|operators| {
        let [input, gamma, beta, gradient] = [&case.input, &case.gamma, &case.beta, &case.gradient]
            .map(|values| operators.upload(values).unwrap());
        let count = input.value_count();
        let [output, normalized, of_input, products] =
            [0; 4].map(|_| operators.zeros(count).unwrap());
        let [of_gamma, of_beta] = [0; 2].map(|_| operators.zeros(case.shape.length).unwrap());
        let scales = operators.zeros(case.shape.rows).unwrap();
        let parameters = NormParameters { gamma: &gamma, beta: &beta, epsilon: EPSILON };
        let results = NormResults { output: &output, normalized: &normalized, scales: &scales };
        operators.layer_norm(case.shape, &input, &parameters, &results).unwrap();
        let past = NormPast { gamma: &gamma, normalized: &normalized, scales: &scales };
        let gradients = NormGradients {
            input: &of_input,
            gamma: &of_gamma,
            beta: &of_beta,
            products: &products,
        };
        operators.layer_norm_gradient(case.shape, &gradient, &past, &gradients).unwrap();
        let read = |tensor: &Tensor<_>| operators.download(tensor).unwrap();
        (
            [read(&output), read(&normalized), read(&scales)],
            [read(&of_input), read(&of_gamma), read(&of_beta)],
        )
    })
}

fn check(shape: RowShape, every: Option<usize>) {
    let values = |counter, count| {
        every.map_or_else(|| normals(counter, count), |every| awkward(counter, count, every))
    };
    let count = shape.rows * shape.length;
    let case = Case {
        shape,
        input: values(1, count),
        gamma: values(2, shape.length),
        beta: values(3, shape.length),
        gradient: values(4, count),
    };
    let (expected, actual) = (expected(&case), actual(&case));
    let names = ["output", "normalized", "scales", "input", "gamma", "beta"];
    let pairs = actual.0.iter().chain(&actual.1).zip(expected.0.iter().chain(&expected.1));
    for (name, (actual, expected)) in names.iter().zip(pairs) {
        assert_same(actual, expected, &format!("{name} of {shape:?}, every {every:?}"));
    }
}

#[test]
fn cuda_layer_norm_equals_the_definition_on_every_edge() {
    for &length in EDGES.iter().filter(|&&length| length > 0) {
        for rows in [0, 1, 9] {
            check(RowShape { rows, length }, None);
        }
    }
    check(RowShape { rows: 515, length: 3 }, None);
    check(RowShape { rows: 2, length: 4097 }, None);
}

#[test]
fn cuda_layer_norm_of_awkward_numbers_equals_the_definition() {
    for every in [2, 31, 200] {
        check(RowShape { rows: 17, length: 40 }, Some(every));
    }
}
