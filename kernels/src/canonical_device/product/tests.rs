//! Products on a device have the bits of the definition, whatever the tiles.

use super::super::tests::{assert_same, awkward, device, normals, product_of, size};
use super::*;
use crate::matmul::matmul_portable;
use crate::matrix::Matrix;

/// Inner lengths around the edges of a tile and of a block of K.
const DEPTHS: &[u32] = &[0, 1, 2, 7, 8, 9, 15, 16, 17, 511, 512, 513, 1025];

/// A kernel, the side of its tiles, and rows and columns around their edges.
type Case = (&'static Kernel, u32, &'static [(u32, u32)]);

const CASES: &[Case] = &[
    (&SMALL, SMALL_SIDE, &[(1, 1), (1, 33), (31, 32), (33, 31), (0, 3), (3, 0)]),
    (&LARGE, LARGE_SIDE, &[(1, 1), (129, 5), (127, 128)]),
];

/// The product by one kernel.
fn product(
    (kernel, side): (&Kernel, u32),
    (rows, depth, columns): (u32, u32, u32),
    [left, right]: [&[f32]; 2],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let device = device();
    let operators = Operators::new(&device);
    let shape = ProductShape::single(rows, depth, columns);
    let [left, right] = [left, right].map(|values| operators.upload(values).unwrap());
    let bias = bias.map(|bias| operators.upload(bias).unwrap());
    let output = operators.zeros(rows * columns).unwrap();
    let parts = Parts {
        shape,
        operands: [
            Operand::new(&left, Layout::dense(depth)),
            Operand::new(&right, Layout::dense(columns)),
        ],
        bias: bias.as_ref().map_or(Bias::None, Bias::OfColumns),
        output: Operand::new(&output, Layout::dense(columns)),
    };
    operators.product_with(kernel, shape.workgroups(side), parts).unwrap();
    operators.download(&output).unwrap()
}

/// Checks both kernels against the definition, on values made by `values(counter, count)`.
fn check(depths: &[u32], values: impl Fn(u32, u32) -> Vec<f32>) {
    for &(kernel, side, shapes) in CASES {
        for &(rows, columns) in shapes {
            for &depth in depths {
                check_one((kernel, side), (rows, depth, columns), &values);
            }
        }
    }
}

/// Checks one product with and without a bias.
fn check_one(
    (kernel, side): (&Kernel, u32),
    (rows, depth, columns): (u32, u32, u32),
    values: impl Fn(u32, u32) -> Vec<f32>,
) {
    let left = values(depth, rows * depth);
    let right = values(depth + 1, depth * columns);
    let bias = values(depth + 2, columns);
    let matrices = [
        Matrix::new(&left, size(rows), size(depth)).unwrap(),
        Matrix::new(&right, size(depth), size(columns)).unwrap(),
    ];
    for bias in [None, Some(bias.as_slice())] {
        let expected = matmul_portable(matrices[0], matrices[1], bias).unwrap();
        let sides = [left.as_slice(), right.as_slice()];
        let actual = product((kernel, side), (rows, depth, columns), sides, bias);
        assert_same(
            &actual,
            &expected,
            &format!("{} of {rows} x {depth} x {columns}", kernel.name),
        );
    }
}

#[test]
fn cuda_products_equal_the_definition_on_every_edge() {
    check(DEPTHS, normals);
}

#[test]
fn cuda_products_of_awkward_numbers_equal_the_definition() {
    for every in [3, 97, 401] {
        check(&[1, 17, 513], |counter, count| awkward(counter, count, every));
    }
}

#[test]
fn cuda_products_of_tiny_numbers_keep_minus_zero() {
    // -2^-149 * 2^-149 rounds to -0, which a further product with zeros would turn into +0.
    for &(kernel, side, _) in CASES {
        let tiny = f32::from_bits(1);
        let actual = product((kernel, side), (1, 1, 1), [&[-tiny], &[tiny]], None);
        assert_same(&actual, &[-0.0], kernel.name);
    }
}

/// Layouts of queries, keys and values in rows `[token, 3 * width]` of heads `[heads, head_width]`.
#[test]
fn cuda_products_of_packed_heads_equal_products_of_cut_out_heads() {
    let (examples, tokens, heads, head_width) = (2, 37, 3, 5);
    let width = heads * head_width;
    let packed = normals(1, examples * tokens * 3 * width);
    let layout = |part: u32| Layout {
        offset: part * width,
        row_stride: 3 * width,
        column_stride: 1,
        outer_stride: tokens * 3 * width,
        inner_stride: head_width,
        group_stride: 0,
    };
    let device = device();
    let operators = Operators::new(&device);
    let tensor = operators.upload(&packed).unwrap();
    let scores = operators.zeros(examples * heads * tokens * tokens).unwrap();
    let shape = ProductShape {
        rows: tokens,
        columns: tokens,
        depth: head_width,
        groups: 1,
        batch: [examples, heads],
    };
    let square = tokens * tokens;
    let of_scores =
        Layout { outer_stride: heads * square, inner_stride: square, ..Layout::dense(tokens) };
    let operands =
        [Operand::new(&tensor, layout(0)), Operand::new(&tensor, layout(1).transposed())];
    operators.product(shape, operands, Bias::None, Operand::new(&scores, of_scores)).unwrap();
    let actual = operators.download(&scores).unwrap();

    let cut = |example: u32, head: u32, part: u32| {
        let first = example * tokens * 3 * width + part * width + head * head_width;
        let shape = (size(tokens), size(head_width));
        Matrix::strided(&packed[size(first)..], shape, (size(3 * width), 1)).unwrap()
    };
    let mut expected = Vec::new();
    for (example, head) in (0..examples).flat_map(|at| (0..heads).map(move |head| (at, head))) {
        let (queries, keys) = (cut(example, head, 0), cut(example, head, 1));
        expected.extend(matmul_portable(queries, keys.transposed(), None).unwrap());
    }
    assert_same(&actual, &expected, "scores");
}

#[test]
fn cuda_groups_of_k_end_blocks_and_are_added_in_order() {
    let (groups, depth, rows, columns) = (3, 515, 3, 4);
    let (left, right) = (normals(1, groups * rows * depth), normals(2, groups * depth * columns));
    let bias = normals(3, rows);
    let device = device();
    let operators = Operators::new(&device);
    let [left_there, right_there, bias_there] =
        [&left, &right, &bias].map(|values| operators.upload(values).unwrap());
    let output = operators.zeros(rows * columns).unwrap();
    let of_left = Layout { group_stride: rows * depth, ..Layout::dense(depth) };
    let of_right = Layout { group_stride: depth * columns, ..Layout::dense(columns) };
    let shape = ProductShape { groups, ..ProductShape::single(rows, depth, columns) };
    let operands = [Operand::new(&left_there, of_left), Operand::new(&right_there, of_right)];
    // Columns of the output lie side by side.
    let place = Operand::new(&output, Layout::dense(rows).transposed());
    operators.product(shape, operands, Bias::OfRows(&bias_there), place).unwrap();

    let (rows, columns, depth) = (size(rows), size(columns), size(depth));
    let term = |group: usize, row: usize, column: usize, k: usize| {
        let left = left[(group * rows + row) * depth + k];
        (left, right[(group * depth + k) * columns + column])
    };
    let mut expected = Vec::new();
    for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
        let terms = |group| (0..depth).map(|k| term(group, row, column, k)).collect();
        let groups: Vec<Vec<_>> = (0..size(groups)).map(terms).collect();
        expected.push(product_of(&groups) + bias[row]);
    }
    assert_same(&operators.download(&output).unwrap(), &expected, "groups");
}

#[test]
fn cuda_plans_take_large_tiles_where_there_are_enough() {
    assert_eq!(ProductShape::single(64, 784, 256).plan().0.name, SMALL.name);
    assert_eq!(ProductShape::single(2048, 768, 3072).plan().0.name, LARGE.name);
    assert_eq!(ProductShape::single(1_000_000, 768, 10).plan().0.name, SMALL.name);
}

#[test]
fn cuda_layouts_beyond_their_tensor_are_refused() {
    let device = device();
    let operators = Operators::new(&device);
    let values = operators.zeros(6).unwrap();
    let operand = |layout| Operand::new(&values, layout);
    let shape = ProductShape::single(2, 3, 2);
    let dense = [operand(Layout::dense(3)), operand(Layout { offset: 1, ..Layout::dense(2) })];
    let output = operators.zeros(4).unwrap();
    let output = Operand::new(&output, Layout::dense(2));
    let error = operators.product(shape, dense, Bias::None, output).unwrap_err();
    let OperatorError::OutOfBounds { operand, wanted, actual, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((operand, wanted, actual), ("right", 7, 6));
}
