//! Root mean square norm: every row gets a mean square of 1, then a learned scale; its gradient.
//!
//! A row x of width n: m = mean(x x); r = rsqrt(m + epsilon); h = x r; y = h gamma. Means are those
//! of [`crate::reduction`].
//!
//! Backward, with g the gradient behind: that of gamma is the column sums of g h. Before the norm:
//! t = g gamma; c = mean(t h); fma(-h, c, t) r.
//!
//! # Source
//! Zhang and Sennrich, "Root mean square layer normalization", 2019, equation 4.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Normalized, PARALLEL_VALUES_MIN, check_gradient, normalize_rows};
use crate::canonical::canonical;
use crate::elementary::rsqrt;
use crate::length::{self, LengthError};
use crate::matrix::Matrix;
use crate::reduction;
use crate::row_span::{RowSpan, RunningSums};

/// What is learned of a root mean square norm, and what keeps its root from zero.
#[derive(Debug, Clone, Copy)]
pub struct RmsNorm<'values> {
    /// Scale of each column.
    pub gamma: &'values [f32],
    /// Added to the mean square.
    pub epsilon: f32,
}

impl RmsNorm<'_> {
    /// Gives the number of rows.
    fn check(&self, input: &[f32]) -> Result<usize, LengthError> {
        let rows = input.len().checked_div(self.gamma.len()).unwrap_or(0);
        length::check("the input", input.len(), rows * self.gamma.len())?;
        Ok(rows)
    }
}

/// What the definition of the norm gives.
#[derive(Debug, Clone, PartialEq)]
pub struct RmsNormOutput {
    /// y: `[rows, width]`.
    pub output: Vec<f32>,
    /// h: `[rows, width]`.
    pub normalized: Vec<f32>,
    /// r: `[rows]`.
    pub inverse_roots: Vec<f32>,
}

/// What the definition of its gradient gives.
#[derive(Debug, Clone, PartialEq)]
pub struct RmsNormGradient {
    /// `[rows, width]`.
    pub of_input: Vec<f32>,
    /// `[width]`.
    pub of_gamma: Vec<f32>,
}

/// The norm of each row, as written at the top of this page. The definition.
///
/// # Shapes
/// `input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the input is not whole rows.
pub fn rms_norm_portable(layer: RmsNorm<'_>, input: &[f32]) -> Result<RmsNormOutput, LengthError> {
    let rows = layer.check(input)?;
    let mut made = RmsNormOutput {
        output: Vec::new(),
        normalized: Vec::new(),
        inverse_roots: Vec::with_capacity(rows),
    };
    for row in input.chunks(layer.gamma.len().max(1)) {
        let squares: Vec<f32> = row.iter().map(|x| x * x).collect();
        let inverse_root = rsqrt(reduction::mean_portable(&squares) + layer.epsilon);
        for (x, gamma) in row.iter().zip(layer.gamma) {
            let normalized = x * inverse_root;
            made.normalized.push(canonical(normalized));
            made.output.push(canonical(normalized * gamma));
        }
        made.inverse_roots.push(inverse_root);
    }
    Ok(made)
}

/// The gradients of input and gamma, as written at the top of this page. The definition.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient`: `[rows, width]`; of what is normalized, r stands for the inverse
/// deviations.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rms_norm_gradient_portable(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: &[f32],
) -> Result<RmsNormGradient, LengthError> {
    let (width, rows) = (gamma.len(), normalized.inverse_deviations.len());
    check_gradient(gamma, normalized, gradient.len())?;
    let mut of_input = Vec::with_capacity(gradient.len());
    for (row, &inverse_root) in normalized.inverse_deviations.iter().enumerate() {
        let h = &normalized.values[row * width..][..width];
        let g = &gradient[row * width..][..width];
        let t: Vec<f32> = g.iter().zip(gamma).map(|(g, gamma)| g * gamma).collect();
        let products: Vec<f32> = t.iter().zip(h).map(|(t, h)| t * h).collect();
        let tilt = reduction::mean_portable(&products);
        let before = t.iter().zip(h).map(|(t, h)| (-h).mul_add(tilt, *t) * inverse_root);
        of_input.extend(before.map(canonical));
    }
    let products: Vec<f32> = gradient.iter().zip(normalized.values).map(|(g, h)| g * h).collect();
    let products = Matrix::new(&products, rows, width).expect("the lengths were compared");
    Ok(RmsNormGradient { of_input, of_gamma: reduction::sum_columns_portable(products) })
}

/// Room for what [`rms_norm`] computes.
#[derive(Debug)]
pub struct RmsNormRoom<'values> {
    /// y: `[rows, width]`.
    pub output: &'values mut [f32],
    /// h: `[rows, width]`.
    pub normalized: &'values mut [f32],
    /// r: `[rows]`.
    pub inverse_roots: &'values mut [f32],
}

/// The same bits as [`rms_norm_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rms_norm(
    layer: RmsNorm<'_>,
    input: &[f32],
    room: RmsNormRoom<'_>,
) -> Result<(), LengthError> {
    let rows = layer.check(input)?;
    let RmsNormRoom { output, normalized, inverse_roots } = room;
    let inverses = ("the inverse roots", inverse_roots);
    let width = layer.gamma.len();
    normalize_rows((input, width, rows), [output, normalized], inverses, |row| {
        let [output, normalized] = row.written;
        Arch::new().dispatch(NormalizeRow { layer, input: row.input, output, normalized })
    })
}

/// Room for what [`rms_norm_gradient`] computes.
#[derive(Debug)]
pub struct RmsNormGradientRoom<'values> {
    /// `[rows, width]`.
    pub of_input: &'values mut [f32],
    /// `[width]`.
    pub of_gamma: &'values mut [f32],
}

/// The same bits as [`rms_norm_gradient_portable`], with vectors and threads.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient`: `[rows, width]`; of what is normalized, r stands for the inverse
/// deviations.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rms_norm_gradient(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: &[f32],
    room: RmsNormGradientRoom<'_>,
) -> Result<(), LengthError> {
    let RmsNormGradientRoom { of_input, of_gamma } = room;
    check_gradient(gamma, normalized, gradient.len())?;
    length::check("the gradient of gamma", of_gamma.len(), gamma.len())?;
    let span = RowSpan::whole(normalized.inverse_deviations.len());
    rms_norm_parameter_gradient((normalized, gradient), span, RunningSums::new(of_gamma))?;
    rms_norm_input_gradient(gamma, normalized, gradient, of_input)
}

/// The gradient of gamma over the rows of a batch that comes in pieces.
///
/// # Shapes
/// `gradient`: `[span.count, width]`, `of_gamma`: `[width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rms_norm_parameter_gradient(
    (normalized, gradient): (Normalized<'_>, &[f32]),
    span: RowSpan,
    of_gamma: RunningSums<'_>,
) -> Result<(), LengthError> {
    reduction::sum_columns_of_products_rows((gradient, normalized.values), span, of_gamma)
}

/// The gradient of the input alone, as [`rms_norm_gradient`] gives it.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient` and `of_input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn rms_norm_input_gradient(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), LengthError> {
    let width = gamma.len();
    check_gradient(gamma, normalized, gradient.len())?;
    length::check("the gradient of the input", of_input.len(), gradient.len())?;
    if width == 0 {
        return Ok(());
    }
    let rows = gradient.par_chunks(width).zip(normalized.values.par_chunks(width));
    let rows = rows.zip(normalized.inverse_deviations).zip(of_input.par_chunks_mut(width));
    let rows = rows.with_min_len(PARALLEL_VALUES_MIN.div_ceil(width));
    rows.for_each(|(((gradient, normalized), &inverse_root), of_input)| {
        Arch::new().dispatch(GradientRow { gamma, gradient, normalized, inverse_root, of_input });
    });
    Ok(())
}

/// The norm of one row; gives r.
struct NormalizeRow<'row> {
    layer: RmsNorm<'row>,
    input: &'row [f32],
    output: &'row mut [f32],
    normalized: &'row mut [f32],
}

impl WithSimd for NormalizeRow<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let Self { layer, input, output, normalized } = self;
        // The room for the output holds the squares for a while.
        for (square, x) in output.iter_mut().zip(input) {
            *square = x * x;
        }
        let inverse_root = rsqrt(reduction::mean(output) + layer.epsilon);
        let columns = input.iter().zip(layer.gamma);
        for ((y, h), (x, gamma)) in output.iter_mut().zip(normalized).zip(columns) {
            *h = canonical(x * inverse_root);
            *y = canonical(*h * gamma);
        }
        inverse_root
    }
}

/// The gradient before the norm of one row.
struct GradientRow<'row> {
    gamma: &'row [f32],
    gradient: &'row [f32],
    normalized: &'row [f32],
    inverse_root: f32,
    of_input: &'row mut [f32],
}

impl WithSimd for GradientRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { gamma, gradient, normalized, inverse_root, of_input } = self;
        let factors = gradient.iter().zip(gamma);
        for ((product, h), (g, gamma)) in of_input.iter_mut().zip(normalized).zip(factors.clone()) {
            *product = (g * gamma) * h;
        }
        let tilt = reduction::mean(of_input);
        for ((before, h), (g, gamma)) in of_input.iter_mut().zip(normalized).zip(factors) {
            *before = canonical((-h).mul_add(tilt, g * gamma) * inverse_root);
        }
    }
}

#[cfg(test)]
mod tests;
