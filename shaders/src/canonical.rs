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

/// Layer normalization, entry point `canonical_layer_norm`.
///
/// # Shapes
/// Binding 0: rows, width, epsilon. 1: rows. 2, 3: gamma and beta. 4: output. 5: rows before gamma and beta.
/// 6: one scale a row.
pub const LAYER_NORM: &str = canonical!("rows.cuh", "canonical_layer_norm.cu");

/// The gradient before layer normalization, entry point `canonical_layer_norm_gradient`.
///
/// # Shapes
/// Binding 0: rows, width. 1: gradient behind it. 2: gamma. 3, 4: bindings 5 and 6 of [`LAYER_NORM`].
/// 5: gradient before it. 6: products whose column sums are the gradient of gamma.
pub const LAYER_NORM_GRADIENT: &str = canonical!("rows.cuh", "canonical_layer_norm_gradient.cu");

/// One step of `AdamW`, entry point `canonical_adamw`.
///
/// # Shapes
/// Binding 0: count, beta1, beta2, epsilon, kept, step rate, root. 1: gradient. 2: weights. 3, 4: moments.
pub const ADAMW: &str = canonical!("canonical_adamw.cu");

/// One step of momentum, entry point `canonical_momentum`.
///
/// # Shapes
/// Binding 0: count, momentum, kept, rate. 1: gradient. 2: weights. 3: velocity.
pub const MOMENTUM: &str = canonical!("canonical_momentum.cu");

/// Columns of a convolution, entry point `canonical_patches`.
///
/// # Shapes
/// Binding 0: batch, channels, height, width, kernel. 1: images. 2: columns.
pub const PATCHES: &str = canonical!("images.cuh", "canonical_patches.cu");

/// Columns folded back onto images, entry point `canonical_fold`.
///
/// # Shapes
/// As [`PATCHES`], with columns before images.
pub const FOLD: &str = canonical!("images.cuh", "canonical_fold.cu");

/// The largest of each window of 2 x 2, entry point `canonical_max_pool`.
///
/// # Shapes
/// Binding 0: planes, height, width. 1: images. 2: output. 3: positions.
pub const MAX_POOL: &str = canonical!("images.cuh", "canonical_max_pool.cu");

/// The gradient before [`MAX_POOL`], entry point `canonical_max_pool_gradient`.
///
/// # Shapes
/// Binding 0: planes, height, width. 1: gradient. 2: positions. 3: output.
pub const MAX_POOL_GRADIENT: &str = canonical!("images.cuh", "canonical_max_pool_gradient.cu");

/// Scale and mask of attention, entry point `canonical_mask`.
///
/// # Shapes
/// Binding 0: matrices, tokens, scale. 1: scores, changed in place.
pub const MASK: &str = canonical!("canonical_mask.cu");

/// The gradient of scores from that of probabilities, entry point `canonical_attention_gradient`.
///
/// # Shapes
/// Binding 0: rows, tokens, scale. 1: probabilities. 2: gradient, changed in place.
pub const ATTENTION_GRADIENT: &str = canonical!("rows.cuh", "canonical_attention_gradient.cu");

/// Rows of a table, entry point `canonical_embedding`.
///
/// # Shapes
/// Binding 0: positions, width. 1: tokens. 2: table. 3: output.
pub const EMBEDDING: &str = canonical!("canonical_embedding.cu");

/// The gradient of a table, entry point `canonical_embedding_gradient`.
///
/// # Shapes
/// Binding 0: rows, width, positions. 1: tokens. 2: gradient. 3: output. One workgroup for 32 columns in x
/// and 64 rows in y.
pub const EMBEDDING_GRADIENT: &str = canonical!("canonical_embedding_gradient.cu");
