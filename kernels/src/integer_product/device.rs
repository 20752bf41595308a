//! The product of 8-bit integers on a device: four of them in a word, a tile of outputs a workgroup.

use super::{IntegerProductError, IntegerShape};
use crate::device::{ComputeDevice, Kernel, Step, read_words};

/// The kernel, whose entry point bears the name of its file.
const PRODUCT: Kernel = Kernel {
    name: "integer_product",
    wgsl: Some(aipot_shaders::INTEGER_PRODUCT),
    cuda: aipot_shaders::cuda::INTEGER_PRODUCT,
    workgroup_size: TILE_SIDE * TILE_SIDE,
};

/// Rows and columns of the outputs of a workgroup, as written in the shader.
pub(super) const TILE_SIDE: u32 = 16;

/// The most rows, and the most columns: core WebGPU dispatches 65,535 workgroups a side.
const SIDE_MAX: u32 = 65_535 * TILE_SIDE;

/// Integers in one word.
const INTEGERS: usize = 4;

/// The same as [`super::integer_product_portable`], computed on a device.
///
/// # Shapes
/// `left`: `[rows, depth]`, `right`: `[columns, depth]`; the result: `[rows, columns]`.
///
/// # Errors
/// [`IntegerProductError::TooDeep`] or [`IntegerProductError::Length`] as the portable version;
/// [`IntegerProductError::TooLong`] or [`IntegerProductError::Gpu`] when the device cannot do it.
pub fn integer_product_on<D: ComputeDevice>(
    device: &D,
    shape: IntegerShape,
    left: &[i8],
    right: &[i8],
) -> Result<Vec<i32>, IntegerProductError> {
    shape.check(left, right)?;
    let IntegerShape { rows, depth, columns } = shape;
    if shape.output_values() == 0 || depth == 0 {
        return Ok(vec![0; shape.output_values()]);
    }
    let side = |count: usize| u32::try_from(count).ok().filter(|&count| count <= SIDE_MAX);
    let (Some(row_count), Some(column_count)) = (side(rows), side(columns)) else {
        return Err(IntegerProductError::TooLong { rows, columns, max: SIDE_MAX });
    };
    let word_count = u32::try_from(depth.div_ceil(INTEGERS)).expect("a checked depth is small");
    let sizes = device.upload("sizes", &[row_count, word_count, column_count])?;
    let left = device.upload("left matrix", &packed(left, depth))?;
    let right = device.upload("right matrix", &packed(right, depth))?;
    let output_count = u64::from(row_count) * u64::from(column_count);
    let product = device.allocate("product", output_count)?;
    let workgroups = [column_count.div_ceil(TILE_SIDE), row_count.div_ceil(TILE_SIDE), 1];
    let buffers = vec![&sizes, &left, &right, &product];
    device.submit(&[Step::launch(&PRODUCT, buffers, workgroups)], &[])?;
    let words = read_words(device, "product", &product, output_count)?;
    Ok(words.into_iter().map(u32::cast_signed).collect())
}

/// Rows of integers as words, the first integer lowest; the last word of a row is filled with zeros.
fn packed(values: &[i8], depth: usize) -> Vec<u32> {
    let word = |integers: &[i8]| {
        let mut bytes = [0; INTEGERS];
        for (byte, integer) in bytes.iter_mut().zip(integers) {
            *byte = integer.cast_unsigned();
        }
        u32::from_le_bytes(bytes)
    };
    values.chunks(depth).flat_map(|row| row.chunks(INTEGERS).map(word)).collect()
}
