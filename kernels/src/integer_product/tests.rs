//! Every backend gives the exact sums, up to the deepest and largest.

use super::*;
use crate::chacha8::ChaChaStream;
use crate::fixtures::on_one_two_and_three_threads;
use crate::gpu::Gpu;

/// Rows, depth and columns around the edges of words, tiles of a device, vectors and threads.
const SHAPES: &[(usize, usize, usize)] = &[
    (0, 3, 2),
    (2, 0, 3),
    (2, 3, 0),
    (1, 1, 1),
    (3, 4, 5),
    (15, 63, 17),
    (16, 64, 16),
    (17, 65, 15),
    (33, 513, 31),
    (130, 257, 70),
];

/// The product of two matrices, by some backend.
type Multiply<'a> = &'a dyn Fn(IntegerShape, &[i8], &[i8]) -> Result<Vec<i32>, IntegerProductError>;

fn integers(count: usize, counter: u64) -> Vec<i8> {
    let mut stream = ChaChaStream::derive(&[0; 32], "integers", counter);
    (0..count).map(|_| stream.next_u32().to_le_bytes()[0].cast_signed()).collect()
}

/// Checks any implementation against the portable one, on every case and on the largest sums.
fn check(multiply: Multiply<'_>) {
    for &(rows, depth, columns) in SHAPES {
        let shape = IntegerShape { rows, depth, columns };
        let (left, right) = (integers(rows * depth, 0), integers(columns * depth, 1));
        let expected = integer_product_portable(shape, &left, &right).unwrap();
        assert_eq!(multiply(shape, &left, &right).unwrap(), expected, "{shape:?}");
    }
    let shape = IntegerShape { rows: 1, depth: DEPTH_MAX, columns: 2 };
    let right = [vec![-128; DEPTH_MAX], vec![127; DEPTH_MAX]].concat();
    let sums = multiply(shape, &vec![-128; DEPTH_MAX], &right).unwrap();
    assert_eq!(sums, [0x7fff_c000, -128 * 127 * 131_071]);
    let shape = IntegerShape { rows: 1, depth: DEPTH_MAX + 1, columns: 1 };
    let deep = vec![1; DEPTH_MAX + 1];
    let error = multiply(shape, &deep, &deep).unwrap_err();
    assert_eq!(error.to_string(), "sums of 131072 products may not be exact, those of 131071 are");
    let shape = IntegerShape { rows: 1, depth: 2, columns: 1 };
    let error = multiply(shape, &[1], &[1; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the left matrix has 1 values, not 2");
}

/// The fast version, into fresh memory.
fn fast(shape: IntegerShape, left: &[i8], right: &[i8]) -> Result<Vec<i32>, IntegerProductError> {
    let mut output = vec![i32::MIN; shape.output_values()];
    integer_product(shape, left, right, &mut output).map(|()| output)
}

#[test]
fn the_definition_gives_exact_sums() {
    check(&integer_product_portable);
    let shape = IntegerShape { rows: 2, depth: 3, columns: 2 };
    let product = integer_product_portable(shape, &[1, 2, 3, -4, 5, -6], &[7, 8, 9, 1, 0, -1]);
    assert_eq!(product.unwrap(), [50, -2, -42, 2]);
}

#[test]
fn the_fast_product_equals_the_definition_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| check(&fast));
}

#[test]
fn threads_share_a_large_product_without_changing_it() {
    let shape = IntegerShape { rows: 96, depth: 600, columns: 100 };
    let (left, right) = (integers(96 * 600, 2), integers(100 * 600, 3));
    let expected = integer_product_portable(shape, &left, &right).unwrap();
    on_one_two_and_three_threads(|| assert_eq!(fast(shape, &left, &right).unwrap(), expected));
}

#[test]
fn room_of_another_size_is_refused() {
    let shape = IntegerShape { rows: 1, depth: 1, columns: 1 };
    assert!(integer_product(shape, &[1], &[1], &mut [0; 2]).is_err());
}

#[test]
fn wgpu_integer_product_equals_the_definition_on_every_edge() {
    let gpu = Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    check(&|shape, left, right| integer_product_on(&gpu, shape, left, right));
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_integer_product_equals_the_definition_on_every_edge() {
    let device = crate::cuda::emulation::EmulatedDevice::new();
    check(&|shape, left, right| integer_product_on(&device, shape, left, right));
}
