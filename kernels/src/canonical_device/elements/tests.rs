//! Functions of elements have the bits of the scalar definitions, over all of f32.

use super::super::tests::{EDGES, assert_same, awkward, with_operators};
use super::*;
use crate::activation::{
    gelu_gradient_portable, gelu_portable, relu_gradient_portable, relu_portable,
};
use crate::canonical::canonical;
use crate::elementary::{erf, exp, log, rsqrt, sqrt, tanh};

/// A function with its scalar definition.
type Defined = (Unary, fn(f32) -> f32);

/// A function of two elements with its scalar definition.
type DefinedOfTwo = (Binary, fn(f32, f32) -> f32);

const FUNCTIONS: &[Defined] = &[
    (Unary::Exp, exp),
    (Unary::Log, log),
    (Unary::Tanh, tanh),
    (Unary::Erf, erf),
    (Unary::Rsqrt, rsqrt),
    (Unary::Sqrt, sqrt),
    (Unary::Relu, relu_portable),
    (Unary::Gelu, gelu_portable),
];

/// A prime distance between bits visits every exponent and many significands.
const STRIDE: usize = 65_521;

/// The function of each value, on a device.
fn on_device(function: Unary, values: &[f32]) -> Vec<f32> {
    with_operators(|operators| {
        let input = operators.upload(values).unwrap();
        let output = operators.zeros(input.value_count()).unwrap();
        operators.unary(function, &input, &output).unwrap();
        operators.download(&output).unwrap()
    })
}

#[test]
fn cuda_functions_equal_their_definitions_all_over() {
    let mut values: Vec<f32> = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits).collect();
    values.extend(awkward(0, 500, 1));
    // Where the functions change from one formula to another.
    for edge in [0.625_f32, 0.875, 4.0, 88.72, -103.97, -104.0, 89.0, f32::MIN_POSITIVE] {
        let bits = edge.to_bits();
        values.extend(
            (bits - 2..=bits + 2).flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)]),
        );
    }
    for &(function, definition) in FUNCTIONS {
        let expected: Vec<f32> = values.iter().map(|value| definition(*value)).collect();
        assert_same(&on_device(function, &values), &expected, &format!("{function:?}"));
    }
}

#[test]
fn cuda_functions_cover_every_count() {
    for &count in EDGES {
        let values = awkward(count, count, 5);
        let expected: Vec<f32> = values.iter().map(|value| exp(*value)).collect();
        assert_same(&on_device(Unary::Exp, &values), &expected, &format!("{count} values"));
    }
}

#[test]
fn cuda_functions_of_two_equal_their_definitions_and_may_overwrite_an_operand() {
    let defined: [DefinedOfTwo; 4] = [
        (Binary::Add, |left, right| canonical(left + right)),
        (Binary::Multiply, |left, right| canonical(left * right)),
        (Binary::ReluGradient, |gradient, output| relu_gradient_portable(output, gradient)),
        (Binary::GeluGradient, |gradient, x| gelu_gradient_portable(x, gradient)),
    ];
    for (counter, (function, definition)) in (0..).zip(defined) {
        let (left, right) = (awkward(counter, 700, 3), awkward(counter + 5, 700, 2));
        let values = left.iter().zip(&right);
        let expected: Vec<f32> = values.map(|(left, right)| definition(*left, *right)).collect();
        let actual = with_operators(|operators| {
            let [left, right] = [&left, &right].map(|values| operators.upload(values).unwrap());
            operators.binary(function, [&left, &right], &left).unwrap();
            operators.download(&left).unwrap()
        });
        assert_same(&actual, &expected, &format!("{function:?}"));
    }
}
