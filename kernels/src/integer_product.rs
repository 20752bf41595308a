//! The product of profile P0i: 8-bit integers with signs in, 32-bit ones out, nothing rounded.
//!
//! An exact sum has no order, so any device may compute it as it likes, in WGSL too. Sums are exact
//! up to [`DEPTH_MAX`] products; longer ones are refused.

mod device;

pub use device::integer_product_on;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use thiserror::Error;

use crate::gpu::GpuError;
use crate::length::{self, LengthError};

/// The most products of one sum: of -128 and -128 each, one more would not fit into an i32.
pub const DEPTH_MAX: usize = 131_071;

const _: () = assert!(DEPTH_MAX * 128 * 128 <= 0x7fff_ffff);
const _: () = assert!((DEPTH_MAX + 1) * 128 * 128 > 0x7fff_ffff);

/// Fewer products than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_PRODUCTS_MIN: usize = 1 << 19;

/// Why integers cannot be multiplied.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IntegerProductError {
    /// Sums might not fit into 32 bits.
    #[error("sums of {depth} products may not be exact, those of {DEPTH_MAX} are")]
    TooDeep {
        /// Products of one sum.
        depth: usize,
    },
    /// A device numbers no more rows or columns.
    #[error("{rows} rows and {columns} columns: a device computes at most {max} of each")]
    TooLong {
        /// Rows of the product.
        rows: usize,
        /// Columns of the product.
        columns: usize,
        /// The most of each.
        max: u32,
    },
    /// A buffer has another length than the sizes say.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The device failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// Sizes of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegerShape {
    /// Rows of the left matrix and of the product.
    pub rows: usize,
    /// Columns of the left matrix: products of one sum.
    pub depth: usize,
    /// Columns of the product. The right matrix holds one after the other, as weights are kept.
    pub columns: usize,
}

impl IntegerShape {
    /// Refuses sums that may not be exact, and matrices of other sizes.
    fn check(&self, left: &[i8], right: &[i8]) -> Result<(), IntegerProductError> {
        let Self { rows, depth, columns } = *self;
        if depth > DEPTH_MAX {
            return Err(IntegerProductError::TooDeep { depth });
        }
        length::check("the left matrix", left.len(), length::product(&[rows, depth]))?;
        length::check("the right matrix", right.len(), length::product(&[columns, depth]))?;
        Ok(())
    }

    /// Values of the product.
    fn output_values(&self) -> usize {
        length::product(&[self.rows, self.columns])
    }
}

/// The product. The definition.
///
/// # Shapes
/// `left`: `[rows, depth]`, `right`: `[columns, depth]`; the result: `[rows, columns]`.
///
/// # Errors
/// [`IntegerProductError::TooDeep`] or [`IntegerProductError::Length`].
pub fn integer_product_portable(
    shape: IntegerShape,
    left: &[i8],
    right: &[i8],
) -> Result<Vec<i32>, IntegerProductError> {
    shape.check(left, right)?;
    let element = |row: usize, column: usize| {
        let products = (0..shape.depth).map(|k| {
            i32::from(left[row * shape.depth + k]) * i32::from(right[column * shape.depth + k])
        });
        products.sum()
    };
    let places =
        (0..shape.rows).flat_map(|row| (0..shape.columns).map(move |column| (row, column)));
    Ok(places.map(|(row, column)| element(row, column)).collect())
}

/// The same as [`integer_product_portable`], with vectors and threads.
///
/// # Shapes
/// `left`: `[rows, depth]`, `right`: `[columns, depth]`, `output`: `[rows, columns]`.
///
/// # Errors
/// [`IntegerProductError::TooDeep`] or [`IntegerProductError::Length`].
pub fn integer_product(
    shape: IntegerShape,
    left: &[i8],
    right: &[i8],
    output: &mut [i32],
) -> Result<(), IntegerProductError> {
    shape.check(left, right)?;
    length::check("the output", output.len(), shape.output_values())?;
    if output.is_empty() || shape.depth == 0 {
        output.fill(0);
        return Ok(());
    }
    let rows_min = PARALLEL_PRODUCTS_MIN.div_ceil(shape.columns * shape.depth);
    let rows = output.par_chunks_mut(shape.columns).zip(left.par_chunks(shape.depth));
    rows.with_min_len(rows_min).for_each(|(output, left)| {
        Arch::new().dispatch(ProductRow { left, right, output });
    });
    Ok(())
}

/// One row of the product.
struct ProductRow<'row> {
    left: &'row [i8],
    right: &'row [i8],
    output: &'row mut [i32],
}

impl WithSimd for ProductRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let columns = self.right.chunks_exact(self.left.len());
        for (sum, column) in self.output.iter_mut().zip(columns) {
            *sum = dot(self.left, column);
        }
    }
}

/// Sums of neighboring products, which processors add in pairs; wrapping, for the checked depth
/// keeps every partial sum in range.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn dot(left: &[i8], right: &[i8]) -> i32 {
    let products = left.iter().zip(right).map(|(x, y)| i32::from(*x) * i32::from(*y));
    products.fold(0, i32::wrapping_add)
}

#[cfg(test)]
mod tests;
