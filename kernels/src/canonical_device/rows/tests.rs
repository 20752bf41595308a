//! Reductions and softmax of rows have the bits of the portable definitions.

use super::super::tests::{EDGES, assert_same, awkward, normals, size, with_operators};
use super::*;
use crate::canonical::{CANONICAL_NAN_BITS, canonical};
use crate::cross_entropy::cross_entropy_portable;
use crate::matmul::matmul_portable;
use crate::matrix::Matrix;
use crate::reduction::{max, mean_portable, sum_portable};
use crate::softmax::{log_softmax_portable, softmax_portable};

/// Lengths beside [`EDGES`]: around the edges of a chunk, and two levels of them.
const LONG: &[u32] = &[4095, 4096, 4097, 140_000];

fn reduced(reduction: Reduction, shape: RowShape, values: &[f32]) -> Vec<f32> {
    with_operators(|operators| {
        let values = operators.upload(values).unwrap();
        let output = operators.zeros(shape.rows).unwrap();
        operators.reduce_rows(reduction, shape, &values, &output).unwrap();
        operators.download(&output).unwrap()
    })
}

/// A reduction with its definition.
type Defined = (Reduction, fn(&[f32]) -> f32);

fn check_reductions(shape: RowShape, values: &[f32]) {
    let defined: [Defined; 3] =
        [(Reduction::Sum, sum_portable), (Reduction::Mean, mean_portable), (Reduction::Max, max)];
    for (reduction, definition) in defined {
        let rows = (0..size(shape.rows)).map(|row| &values[row * size(shape.length)..]);
        let expected: Vec<f32> = rows.map(|row| definition(&row[..size(shape.length)])).collect();
        let case = format!("{reduction:?} of {shape:?}");
        assert_same(&reduced(reduction, shape, values), &expected, &case);
    }
}

#[test]
fn cuda_reductions_equal_the_definitions_on_every_edge() {
    for &length in EDGES {
        for rows in [0, 1, 7, 8, 9] {
            check_reductions(RowShape { rows, length }, &normals(length, rows * length));
        }
    }
    for &length in LONG {
        check_reductions(RowShape { rows: 2, length }, &normals(length, 2 * length));
    }
}

#[test]
fn cuda_reductions_of_awkward_numbers_equal_the_definitions() {
    for every in [1, 3, 50, 301] {
        let shape = RowShape { rows: 40, length: 47 };
        check_reductions(shape, &awkward(5, 40 * 47, every));
    }
}

#[test]
fn cuda_column_sums_are_products_with_ones() {
    for &(groups, rows) in
        &[(1, 0), (0, 3), (1, 1), (1, 511), (1, 512), (1, 513), (2, 515), (11, 600)]
    {
        for columns in [1, 31, 33] {
            for (is_transposed, every) in [(false, 5000), (true, 5000), (false, 700)] {
                let shape = Columns { groups, rows, columns, is_transposed };
                let values = awkward(rows, groups * rows * columns, every);
                let case = format!("{shape:?}");
                assert_same(&column_sums(shape, &values), &ones_times(shape, &values), &case);
            }
        }
    }
}

fn column_sums(shape: Columns, values: &[f32]) -> Vec<f32> {
    with_operators(|operators| {
        let values = operators.upload(values).unwrap();
        let output = operators.zeros(shape.columns).unwrap();
        operators.sum_columns(shape, &values, &output).unwrap();
        operators.download(&output).unwrap()
    })
}

/// Blocks of 512 rows of each group, multiplied with ones by the canonical product, added in order.
fn ones_times(shape: Columns, values: &[f32]) -> Vec<f32> {
    let (rows, columns) = (size(shape.rows), size(shape.columns));
    let ones = [1.0; 512];
    let mut totals: Option<Vec<f32>> = None;
    for group in values.chunks((rows * columns).max(1)) {
        for first in (0..rows).step_by(512) {
            let count = (rows - first).min(512);
            let strides = if shape.is_transposed { (1, rows) } else { (columns, 1) };
            let block = &group[first * strides.0..];
            let block = Matrix::strided(block, (count, columns), strides).unwrap();
            let ones = Matrix::new(&ones[..count], 1, count).unwrap();
            let sums = matmul_portable(ones, block, None).unwrap();
            totals = Some(match totals {
                None => sums,
                Some(totals) => {
                    totals.iter().zip(&sums).map(|(total, sum)| canonical(total + sum)).collect()
                }
            });
        }
    }
    totals.unwrap_or_else(|| vec![0.0; columns])
}

/// Logits of rows: ordinary ones, and some with infinities, NaN and impossible classes.
fn logits(shape: RowShape, every: usize) -> Vec<f32> {
    let values = awkward(shape.length, shape.rows * shape.length, every);
    values.into_iter().map(|value| value * 8.0).collect()
}

#[test]
fn cuda_softmax_equals_the_definition_on_every_edge() {
    for &length in EDGES.iter().chain(&[4097]).filter(|&&length| length > 0) {
        for every in [100_000, 700, 2] {
            let shape = RowShape { rows: 9, length };
            let logits = logits(shape, every);
            let (softmax_there, logarithm_there) = with_operators(|operators| {
                let there = operators.upload(&logits).unwrap();
                let output = operators.zeros(there.value_count()).unwrap();
                operators.softmax(shape, &there, &output).unwrap();
                operators.log_softmax(shape, &there, &there).unwrap();
                (operators.download(&output).unwrap(), operators.download(&there).unwrap())
            });
            let case = format!("{shape:?}, every {every}");
            assert_same(&softmax_there, &softmax_portable(&logits, size(length)).unwrap(), &case);
            let expected = log_softmax_portable(&logits, size(length)).unwrap();
            assert_same(&logarithm_there, &expected, &case);
        }
    }
}

#[test]
fn cuda_cross_entropy_and_its_gradient_equal_the_definition() {
    for (rows, length) in [(1, 1), (7, 10), (64, 10), (9, 33), (3, 513)] {
        for every in [100_000, 37] {
            check_cross_entropy(RowShape { rows, length }, every);
        }
    }
}

fn check_cross_entropy(shape: RowShape, every: usize) {
    let RowShape { rows, length } = shape;
    let logits = logits(shape, every);
    let labels: Vec<u32> = (0..rows).map(|row| row * 7 % length).collect();
    let (losses, gradient) = with_operators(|operators| {
        let there = operators.upload(&logits).unwrap();
        let labels = operators.upload_labels(&labels, length).unwrap();
        let losses = operators.zeros(rows).unwrap();
        let gradient = operators.zeros(there.value_count()).unwrap();
        operators.cross_entropy(&there, &labels, &losses, &gradient).unwrap();
        (operators.download(&losses).unwrap(), operators.download(&gradient).unwrap())
    });
    let case = format!("{shape:?}, every {every}");
    let expected = cross_entropy_portable(&logits, size(length), &labels).unwrap();
    assert_same(&losses, &expected.losses, &case);
    assert_same(&gradient, &expected.gradient, &case);
}

#[test]
fn cuda_largest_values_order_zeros_and_prefer_nan() {
    let shape = RowShape { rows: 4, length: 2 };
    let values = [-0.0, 0.0, -0.0, -1.0, f32::INFINITY, f32::NAN, f32::NEG_INFINITY, -1.0];
    let expected = [0.0, -0.0, f32::from_bits(CANONICAL_NAN_BITS), -1.0];
    assert_same(&reduced(Reduction::Max, shape, &values), &expected, "max");
}
