//! CUDA C++ sources of profile P0. There is no WGSL of these: WGSL does not promise a fused multiply-add.
//!
//! In each, binding 0 holds the sizes, and a workgroup has 256 threads. "Rows" are dense, one warp each,
//! eight a workgroup.

/// The CUDA C++ of a kernel of profile P0: the shared parts, then its own file.
macro_rules! canonical {
    ($($file:literal),+) => {
        concat!(
            include_str!("../cuda/words.cuh"),
            include_str!("../cuda/canonical.cuh"),
            $(include_str!(concat!("../cuda/", $file))),+
        )
    };
}

/// A product in tiles of 128 x 128, entry point `canonical_product_large`.
///
/// # Shapes
/// Binding 0: rows, columns, depth, groups of K, inner batch; whether there is a bias, its row and column
/// stride; for left, right and output: offset and strides of row, column, outer and inner batch, and group.
/// 1, 2: left and right. 3: bias, or any. 4: output. One workgroup for each tile in x (columns), y (rows) and
/// z (outer times inner batch).
pub const PRODUCT_LARGE: &str = canonical!("product.cuh", "canonical_product_large.cu");

/// [`PRODUCT_LARGE`] in tiles of 32 x 32, entry point `canonical_product_small`.
pub const PRODUCT_SMALL: &str = canonical!("product.cuh", "canonical_product_small.cu");

/// One function of each element or pair of elements, entry point `canonical_elements`.
///
/// # Shapes
/// Binding 0: count, operation. 1, 2: elements. 3: output, which may be one of the inputs.
pub const ELEMENTS: &str = canonical!("elements.cuh", "canonical_elements.cu");

/// Sum, mean or largest of rows, entry point `canonical_reduce_rows`.
///
/// # Shapes
/// Binding 0: rows, length, operation. 1: rows. 2: one value a row.
pub const REDUCE_ROWS: &str = canonical!("rows.cuh", "canonical_reduce_rows.cu");

/// Products with ones, entry point `canonical_sum_columns`.
///
/// # Shapes
/// Binding 0: columns, rows, groups, strides of row, column and group. 1: values. 2: one value a column.
/// One workgroup for 32 columns.
pub const SUM_COLUMNS: &str = canonical!("canonical_sum_columns.cu");

/// Softmax of rows or its logarithm, entry point `canonical_softmax`.
///
/// # Shapes
/// Binding 0: rows, classes, whether the logarithm. 1: rows. 2: output, which may be the input.
pub const SOFTMAX: &str = canonical!("rows.cuh", "softmax.cuh", "canonical_softmax.cu");

/// Cross-entropy and its gradient, entry point `canonical_cross_entropy`.
///
/// # Shapes
/// Binding 0: rows, classes. 1: logits. 2: labels. 3: one loss a row. 4: gradient of the mean loss.
pub const CROSS_ENTROPY: &str = canonical!("rows.cuh", "softmax.cuh", "canonical_cross_entropy.cu");
