//! The matrix nearest to a direction whose rows or columns stand upright on each other, as Muon steps
//! along it: five steps of Newton and Schulz.

use thiserror::Error;

use super::values::{scale, square_sum};
use crate::canonical::canonical;
use crate::matmul::{MatmulError, matmul_accumulate, matmul_into};
use crate::matrix::{Matrix, MatrixError};

/// Steps of Newton and Schulz.
///
/// # Source
/// Jordan and others, "Muon: an optimizer for hidden layers in neural networks", 2024.
const STEPS: usize = 5;

/// Coefficients of the first, third and fifth power.
///
/// # Source
/// As [`STEPS`].
const COEFFICIENTS: (f32, f32, f32) = (3.4445, -4.7750, 2.0315);

/// Keeps the division by the norm from zero.
///
/// # Source
/// As [`STEPS`].
const EPSILON: f32 = 1e-7;

/// Why a direction has no orthogonal neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OrthogonalError {
    /// The values are no matrix of that shape.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// A product failed.
    #[error(transparent)]
    Product(#[from] MatmulError),
}

/// Memory for matrices up to a size, taken once.
#[derive(Debug, Clone, Default)]
pub struct Orthogonalizer {
    matrix: Vec<f32>,
    next: Vec<f32>,
    product: Vec<f32>,
    square: Vec<f32>,
    sums: Vec<f32>,
}

impl Orthogonalizer {
    /// Replaces a matrix `[rows, columns]`, row-major, by its orthogonal neighbour.
    ///
    /// x = m / (norm(m) + epsilon), then five times: A = x xᵀ; B = b A + c (A A); x = a x + B x, of the
    /// transposed matrix where there are more rows than columns. Products are canonical.
    ///
    /// # Errors
    /// [`OrthogonalError::Matrix`] unless there are `rows * columns` values.
    pub fn orthogonalize(
        &mut self,
        values: &mut [f32],
        (rows, columns): (usize, usize),
    ) -> Result<(), OrthogonalError> {
        let view = Matrix::new(values, rows, columns)?;
        let is_tall = rows > columns;
        let (short, long) = if is_tall { (columns, rows) } else { (rows, columns) };
        let view = if is_tall { view.transposed() } else { view };
        self.matrix.clear();
        self.matrix
            .extend((0..short).flat_map(|row| (0..long).map(move |column| view.at(row, column))));
        let norm = square_sum(&self.matrix, &mut self.sums).sqrt();
        scale(&mut self.matrix, 1.0 / (norm + EPSILON));
        self.next.resize(self.matrix.len(), 0.0);
        self.product.resize(short * short, 0.0);
        self.square.resize(short * short, 0.0);
        for _ in 0..STEPS {
            self.step((short, long))?;
        }
        for (index, value) in values.iter_mut().enumerate() {
            let (row, column) = (index / columns.max(1), index % columns.max(1));
            let place = if is_tall { column * long + row } else { index };
            *value = self.matrix[place];
        }
        Ok(())
    }

    fn step(&mut self, (short, long): (usize, usize)) -> Result<(), OrthogonalError> {
        let (first, third, fifth) = COEFFICIENTS;
        let matrix = Matrix::new(&self.matrix, short, long)?;
        matmul_into(matrix, matrix.transposed(), None, &mut self.product)?;
        let product = Matrix::new(&self.product, short, short)?;
        matmul_into(product, product, None, &mut self.square)?;
        for (square, product) in self.square.iter_mut().zip(&self.product) {
            *square = canonical(third * product + fifth * *square);
        }
        for (next, value) in self.next.iter_mut().zip(&self.matrix) {
            *next = canonical(first * value);
        }
        let factor = Matrix::new(&self.square, short, short)?;
        matmul_accumulate(factor, matrix, &mut self.next)?;
        std::mem::swap(&mut self.matrix, &mut self.next);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
