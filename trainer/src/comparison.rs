//! The canonical product beside candle's own: the same factors, multiplied by each.
//!
//! What canonical bits cost is a question for a clock; this room only lays out the work.

use std::fmt;
use std::str::FromStr;

use aipot_kernels::chacha8::ChaChaStream;
use aipot_kernels::matmul::{MatmulError, matmul};
use aipot_kernels::matrix::{Matrix, MatrixError};
use candle_core::{Device, Tensor};
use thiserror::Error;

/// Longest side of a factor: a square of it takes 256 MiB.
pub const SIDE_MAX: usize = 8192;

/// Shapes of training: squares, tall ones of convolutions, thin ones of small batches and hidden
/// layers.
pub const SHAPES: [ProductShape; 12] = [
    ProductShape::new(64, 64, 64),
    ProductShape::new(128, 128, 128),
    ProductShape::new(256, 256, 256),
    ProductShape::new(512, 512, 512),
    ProductShape::new(1024, 1024, 1024),
    ProductShape::new(2048, 2048, 2048),
    ProductShape::new(4096, 256, 64),
    ProductShape::new(8192, 64, 64),
    ProductShape::new(8, 1024, 1024),
    ProductShape::new(128, 784, 512),
    ProductShape::new(1024, 256, 768),
    ProductShape::new(64, 800, 576),
];

/// Sizes of a product `[rows, depth] x [depth, columns]`; written `rows x depth x columns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductShape {
    /// Rows of the left factor.
    pub rows: usize,
    /// Columns of the left factor, rows of the right one.
    pub depth: usize,
    /// Columns of the right factor.
    pub columns: usize,
}

/// A text is not a shape.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected three sizes from 1 to {SIDE_MAX} like 64x800x576")]
pub struct UnknownShape;

/// Why a product cannot be computed in both ways.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// The factors are no matrices.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The canonical product failed.
    #[error(transparent)]
    Canonical(#[from] MatmulError),
    /// candle failed.
    #[error("candle's product failed")]
    Candle(#[from] candle_core::Error),
}

impl ProductShape {
    /// A shape of the three sizes in the order of the text.
    pub const fn new(rows: usize, depth: usize, columns: usize) -> Self {
        Self { rows, depth, columns }
    }

    /// Multiply-adds of the product.
    pub fn multiply_adds(self) -> u64 {
        let sizes = [self.rows, self.depth, self.columns];
        let sizes = sizes.map(|size| u64::try_from(size).unwrap_or(u64::MAX));
        sizes.into_iter().fold(1, u64::saturating_mul)
    }
}

impl fmt::Display for ProductShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}x{}", self.rows, self.depth, self.columns)
    }
}

impl FromStr for ProductShape {
    type Err = UnknownShape;

    fn from_str(text: &str) -> Result<Self, UnknownShape> {
        let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
        match sizes.map_err(|_| UnknownShape)?[..] {
            [rows, depth, columns]
                if [rows, depth, columns].iter().all(|side| (1..=SIDE_MAX).contains(side)) =>
            {
                Ok(Self { rows, depth, columns })
            }
            _ => Err(UnknownShape),
        }
    }
}

/// Two factors, as the canonical product and as candle take them.
#[derive(Debug)]
pub struct Factors {
    shape: ProductShape,
    left: Vec<f32>,
    right: Vec<f32>,
    left_tensor: Tensor,
    right_tensor: Tensor,
}

impl Factors {
    /// Made-up factors of a shape: normal numbers, always the same.
    ///
    /// # Errors
    /// [`ComparisonError::Candle`] when candle takes no tensors of that shape.
    pub fn new(shape: ProductShape) -> Result<Self, ComparisonError> {
        let ProductShape { rows, depth, columns } = shape;
        let mut stream = ChaChaStream::derive(&[0; 32], "comparison", shape.multiply_adds());
        let (mut left, mut right) = (vec![0.0; rows * depth], vec![0.0; depth * columns]);
        stream.fill_normal(&mut left);
        stream.fill_normal(&mut right);
        let left_tensor = Tensor::from_slice(&left, (rows, depth), &Device::Cpu)?;
        let right_tensor = Tensor::from_slice(&right, (depth, columns), &Device::Cpu)?;
        Ok(Self { shape, left, right, left_tensor, right_tensor })
    }

    /// The canonical product, with the threads of the current pool.
    ///
    /// # Errors
    /// [`ComparisonError::Matrix`] and [`ComparisonError::Canonical`], as the kernels have them.
    pub fn canonical_product(&self) -> Result<Vec<f32>, ComparisonError> {
        let ProductShape { rows, depth, columns } = self.shape;
        let left = Matrix::new(&self.left, rows, depth)?;
        let right = Matrix::new(&self.right, depth, columns)?;
        Ok(matmul(left, right, None)?)
    }

    /// candle's own product. It runs in the current pool too, but takes its number of threads from
    /// the environment variable `RAYON_NUM_THREADS`; without it, it looks up the machine's cores each
    /// time, which costs more than a small product.
    ///
    /// # Errors
    /// [`ComparisonError::Candle`], as candle has it.
    pub fn candle_product(&self) -> Result<Tensor, ComparisonError> {
        Ok(self.left_tensor.matmul(&self.right_tensor)?)
    }
}

#[cfg(test)]
mod tests;
