//! The canonical product on a device; see [`crate::matmul`].

use aipot_shaders::canonical;

use super::{Layout, OperatorError, Operators, Tensor, kernel};
use crate::device::{ComputeDevice, Kernel};

/// Outputs on a side of a tile of [`LARGE`].
const LARGE_SIDE: u32 = 128;

/// Outputs on a side of a tile of [`SMALL`].
const SMALL_SIDE: u32 = 32;

/// With fewer large tiles than this, small ones keep more of a device busy: an H100 has 132
/// multiprocessors with room for two large tiles each.
const LARGE_TILES_MIN: u64 = 132;

const LARGE: Kernel = kernel("canonical_product_large", canonical::PRODUCT_LARGE);
const SMALL: Kernel = kernel("canonical_product_small", canonical::PRODUCT_SMALL);

/// Sizes of a batch of products.
///
/// K is `groups` times `depth` long; blocks of K end at the end of a group, and the block sums of all groups
/// are added one after the other, as the weight gradient of a convolution wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductShape {
    /// Rows of the left matrix and of the product.
    pub rows: u32,
    /// Columns of the right matrix and of the product.
    pub columns: u32,
    /// Columns of the left matrix, rows of the right one.
    pub depth: u32,
    /// Groups of K; one, mostly.
    pub groups: u32,
    /// Matrices of the outer and the inner batch.
    pub batch: [u32; 2],
}

/// Matrices of a product and where they lie.
#[derive(Debug)]
pub struct Operand<'tensor, D: ComputeDevice> {
    /// The values.
    pub tensor: &'tensor Tensor<D>,
    /// Where they lie.
    pub layout: Layout,
}

/// What is added to a product at the end.
#[derive(Debug)]
pub enum Bias<'tensor, D: ComputeDevice> {
    /// Nothing.
    None,
    /// One value for each row.
    OfRows(&'tensor Tensor<D>),
    /// One value for each column.
    OfColumns(&'tensor Tensor<D>),
}

impl ProductShape {
    /// One product.
    pub fn single(rows: u32, depth: u32, columns: u32) -> Self {
        Self { rows, columns, depth, groups: 1, batch: [1, 1] }
    }

    /// Workgroups for tiles of this side.
    fn workgroups(&self, side: u32) -> [u32; 3] {
        let [outer, inner] = self.batch;
        [self.columns.div_ceil(side), self.rows.div_ceil(side), outer.saturating_mul(inner)]
    }

    /// The kernel with tiles of the better size, and its workgroups.
    fn plan(&self) -> (&'static Kernel, [u32; 3]) {
        let large = self.workgroups(LARGE_SIDE);
        let tile_count =
            large.iter().fold(1_u64, |all, count| all.saturating_mul(u64::from(*count)));
        if tile_count >= LARGE_TILES_MIN && self.rows.min(self.columns) > LARGE_SIDE / 2 {
            (&LARGE, large)
        } else {
            (&SMALL, self.workgroups(SMALL_SIDE))
        }
    }
}

impl<'tensor, D: ComputeDevice> Operand<'tensor, D> {
    /// Matrices that lie so.
    pub fn new(tensor: &'tensor Tensor<D>, layout: Layout) -> Self {
        Self { tensor, layout }
    }

    fn check(&self, operand: &'static str, counts: [u32; 5]) -> Result<(), OperatorError> {
        let (wanted, actual) = (self.layout.reach(counts), u64::from(self.tensor.value_count()));
        if wanted <= actual {
            return Ok(());
        }
        Err(OperatorError::OutOfBounds { operator: "product", operand, wanted, actual })
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// Products of matrices, which overwrite the output. Each element of the output must have a place of
    /// its own.
    ///
    /// # Shapes
    /// `left`: `[rows, depth]`, `right`: `[depth, columns]`, `output`: `[rows, columns]`, each for every matrix
    /// of the batch, left and right for every group of K, too.
    ///
    /// # Errors
    /// [`OperatorError::OutOfBounds`] when a layout reaches beyond its tensor,
    /// [`OperatorError::WrongLength`] when the bias has not one value for each row or column,
    /// [`OperatorError::TooLarge`] beyond 65,535 tiles in a direction or matrices in a batch.
    pub fn product(
        &self,
        shape: ProductShape,
        operands: [Operand<'_, D>; 2],
        bias: Bias<'_, D>,
        output: Operand<'_, D>,
    ) -> Result<(), OperatorError> {
        let (kernel, workgroups) = shape.plan();
        self.product_with(kernel, workgroups, Parts { shape, operands, bias, output })
    }

    fn product_with(
        &self,
        kernel: &Kernel,
        workgroups: [u32; 3],
        parts: Parts<'_, D>,
    ) -> Result<(), OperatorError> {
        let Parts { shape, operands: [left, right], bias, output } = parts;
        let ProductShape { rows, columns, depth, groups, batch: [outer, inner] } = shape;
        left.check("left", [rows, depth, outer, inner, groups])?;
        right.check("right", [depth, columns, outer, inner, groups])?;
        output.check("output", [rows, columns, outer, inner, 1])?;
        let (bias, bias_sizes) = match bias {
            Bias::None => (left.tensor, [0, 0, 0]),
            Bias::OfRows(bias) => {
                bias.check("product", "bias", rows)?;
                (bias, [1, 1, 0])
            }
            Bias::OfColumns(bias) => {
                bias.check("product", "bias", columns)?;
                (bias, [1, 0, 1])
            }
        };
        let mut sizes = vec![rows, columns, depth, groups, inner];
        sizes.extend(bias_sizes);
        sizes
            .extend([left.layout, right.layout, output.layout].into_iter().flat_map(Layout::words));
        let tensors = [left.tensor, right.tensor, bias, output.tensor];
        self.run(kernel, &sizes, &tensors.map(|tensor| &tensor.words), workgroups)
    }
}

/// Everything that makes up a product.
struct Parts<'tensor, D: ComputeDevice> {
    shape: ProductShape,
    operands: [Operand<'tensor, D>; 2],
    bias: Bias<'tensor, D>,
    output: Operand<'tensor, D>,
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
