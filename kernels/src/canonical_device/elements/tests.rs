//! Functions of elements have the bits of the scalar definitions, over all of f32.

use super::super::tests::{EDGES, assert_same, awkward, emulated};
use super::*;
use crate::elementary::{erf, exp, log, rsqrt, sqrt, tanh};

/// A function with its scalar definition.
type Defined = (Unary, fn(f32) -> f32);

const FUNCTIONS: &[Defined] = &[
    (Unary::Exp, exp),
    (Unary::Log, log),
    (Unary::Tanh, tanh),
    (Unary::Erf, erf),
    (Unary::Rsqrt, rsqrt),
    (Unary::Sqrt, sqrt),
];

/// A prime distance between bits visits every exponent and many significands.
const STRIDE: usize = 65_521;

/// The function of each value, on a device.
fn on_device(function: Unary, values: &[f32]) -> Vec<f32> {
    let device = emulated();
    let operators = Operators::new(&device);
    let input = operators.upload(values).unwrap();
    let output = operators.zeros(input.value_count()).unwrap();
    operators.unary(function, &input, &output).unwrap();
    operators.download(&output).unwrap()
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
fn cuda_sums_and_products_are_rounded_once_and_may_overwrite_an_operand() {
    let (left, right) = (awkward(1, 700, 3), awkward(2, 700, 2));
    let device = emulated();
    let operators = Operators::new(&device);
    let pairs = || left.iter().zip(&right);
    let canonical = crate::canonical::canonical;
    let expected: [(Binary, Vec<f32>); 2] = [
        (Binary::Add, pairs().map(|(left, right)| canonical(left + right)).collect()),
        (Binary::Multiply, pairs().map(|(left, right)| canonical(left * right)).collect()),
    ];
    for (function, expected) in expected {
        let [left, right] = [&left, &right].map(|values| operators.upload(values).unwrap());
        operators.binary(function, [&left, &right], &left).unwrap();
        assert_same(&operators.download(&left).unwrap(), &expected, &format!("{function:?}"));
    }
}
