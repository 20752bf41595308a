//! Layer normalization on a device has the bits of the definitions.

use super::super::tests::{EDGES, assert_same, awkward, normals, with_operators};
use super::*;
use crate::normalization::{
    LayerNorm, LayerNormGradient, LayerNormOutput, Normalized, layer_norm_gradient_portable,
    layer_norm_portable,
};

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
    let layer = LayerNorm { gamma: &case.gamma, beta: &case.beta, epsilon: EPSILON };
    let LayerNormOutput { output, normalized, inverse_deviations } =
        layer_norm_portable(layer, &case.input).unwrap();
    let past = Normalized { values: &normalized, inverse_deviations: &inverse_deviations };
    let LayerNormGradient { of_input, of_gamma, of_beta } =
        layer_norm_gradient_portable(&case.gamma, past, &case.gradient).unwrap();
    ([output, normalized, inverse_deviations], [of_input, of_gamma, of_beta])
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
