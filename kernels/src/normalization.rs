//! Layer norm: every row gets mean 0 and variance 1, then a learned scale and shift; its gradient.
//!
//! A row x of width n: mean = mean(x); c = x - mean; variance = mean(c c);
//! r = rsqrt(variance + epsilon); h = c r; y = fma(h, gamma, beta). Means are those of
//! [`crate::reduction`].
//!
//! Backward, with g the gradient behind: that of gamma is the column sums of g h, that of beta the
//! column sums of g. Before the norm: u = g gamma; shift = mean(u);
//! tilt = mean(u h); fma(-h, tilt, u - shift) r.
//!
//! # Source
//! Ba, Kiros and Hinton, "Layer normalization", 2016, equation 4.

mod group;
mod rms;

pub use group::{
    GroupNorm, GroupNormError, add_group_norm_parameter_gradient, group_norm,
    group_norm_gradient_portable, group_norm_input_gradient, group_norm_portable,
};
pub use rms::{
    RmsNorm, RmsNormGradient, RmsNormGradientRoom, RmsNormOutput, RmsNormRoom, rms_norm,
    rms_norm_gradient, rms_norm_gradient_portable, rms_norm_input_gradient,
    rms_norm_parameter_gradient, rms_norm_portable,
};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::elementary::rsqrt;
use crate::length::{self, LengthError};
use crate::matrix::Matrix;
use crate::reduction;
use crate::row_span::{RowSpan, RunningSums};

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 14;

/// What is learned of a layer norm, and what keeps its root from zero.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm<'values> {
    /// Scale of each column.
    pub gamma: &'values [f32],
    /// Shift of each column.
    pub beta: &'values [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl LayerNorm<'_> {
    /// Columns of a row.
    fn width(&self) -> usize {
        self.gamma.len()
    }
}

/// Rows in the middle of a layer norm, kept for the way back.
#[derive(Debug, Clone, Copy)]
pub struct Normalized<'values> {
    /// h: `[rows, width]`.
    pub values: &'values [f32],
    /// r: `[rows]`.
    pub inverse_deviations: &'values [f32],
}

/// What the definition of a layer norm gives.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormOutput {
    /// y: `[rows, width]`.
    pub output: Vec<f32>,
    /// h: `[rows, width]`.
    pub normalized: Vec<f32>,
    /// r: `[rows]`.
    pub inverse_deviations: Vec<f32>,
}

/// What the definition of the gradient of a layer norm gives.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormGradient {
    /// `[rows, width]`.
    pub of_input: Vec<f32>,
    /// `[width]`.
    pub of_gamma: Vec<f32>,
    /// `[width]`.
    pub of_beta: Vec<f32>,
}

/// The layer norm of each row, as written at the top of this page. The definition.
///
/// # Shapes
/// `input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when beta is not as wide as gamma or the input is not whole rows.
pub fn layer_norm_portable(
    layer: LayerNorm<'_>,
    input: &[f32],
) -> Result<LayerNormOutput, LengthError> {
    let rows = check_layer(layer, input)?;
    let mut made = LayerNormOutput {
        output: Vec::new(),
        normalized: Vec::new(),
        inverse_deviations: Vec::with_capacity(rows),
    };
    for row in input.chunks(layer.width().max(1)) {
        let mean = reduction::mean_portable(row);
        let centered: Vec<f32> = row.iter().map(|x| x - mean).collect();
        let squares: Vec<f32> = centered.iter().map(|c| c * c).collect();
        let variance = reduction::mean_portable(&squares);
        let inverse_deviation = rsqrt(variance + layer.epsilon);
        for ((c, gamma), beta) in centered.iter().zip(layer.gamma).zip(layer.beta) {
            let normalized = c * inverse_deviation;
            made.normalized.push(canonical(normalized));
            made.output.push(canonical(normalized.mul_add(*gamma, *beta)));
        }
        made.inverse_deviations.push(inverse_deviation);
    }
    Ok(made)
}

/// The gradients of input, gamma and beta, as written at the top of this page. The definition.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn layer_norm_gradient_portable(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: &[f32],
) -> Result<LayerNormGradient, LengthError> {
    let (width, rows) = (gamma.len(), normalized.inverse_deviations.len());
    check_gradient(gamma, normalized, gradient.len())?;
    let mut of_input = Vec::with_capacity(gradient.len());
    for (row, &inverse_deviation) in normalized.inverse_deviations.iter().enumerate() {
        let h = &normalized.values[row * width..][..width];
        let g = &gradient[row * width..][..width];
        let u: Vec<f32> = g.iter().zip(gamma).map(|(g, gamma)| g * gamma).collect();
        let products: Vec<f32> = u.iter().zip(h).map(|(u, h)| u * h).collect();
        let shift = reduction::mean_portable(&u);
        let tilt = reduction::mean_portable(&products);
        let before =
            u.iter().zip(h).map(|(u, h)| (-h).mul_add(tilt, u - shift) * inverse_deviation);
        of_input.extend(before.map(canonical));
    }
    let products: Vec<f32> = gradient.iter().zip(normalized.values).map(|(g, h)| g * h).collect();
    let see = |values| Matrix::new(values, rows, width).expect("the lengths were compared");
    let of_gamma = reduction::sum_columns_portable(see(&products));
    let of_beta = reduction::sum_columns_portable(see(gradient));
    Ok(LayerNormGradient { of_input, of_gamma, of_beta })
}

/// Room for what [`layer_norm`] computes.
#[derive(Debug)]
pub struct LayerNormRoom<'values> {
    /// y: `[rows, width]`.
    pub output: &'values mut [f32],
    /// h: `[rows, width]`.
    pub normalized: &'values mut [f32],
    /// r: `[rows]`.
    pub inverse_deviations: &'values mut [f32],
}

/// The same bits as [`layer_norm_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn layer_norm(
    layer: LayerNorm<'_>,
    input: &[f32],
    room: LayerNormRoom<'_>,
) -> Result<(), LengthError> {
    let rows = check_layer(layer, input)?;
    let LayerNormRoom { output, normalized, inverse_deviations } = room;
    let inverses = ("the inverse deviations", inverse_deviations);
    normalize_rows((input, layer.width(), rows), [output, normalized], inverses, |row| {
        let [output, normalized] = row.written;
        Arch::new().dispatch(NormalizeRow { layer, input: row.input, output, normalized })
    })
}

/// A row that is normalized.
struct Row<'values> {
    input: &'values [f32],
    /// The output and the normalized values.
    written: [&'values mut [f32]; 2],
}

/// Hands every row to `normalize`, which writes it and gives its inverse, with threads.
fn normalize_rows(
    (input, width, rows): (&[f32], usize, usize),
    [output, normalized]: [&mut [f32]; 2],
    (name, inverses): (&'static str, &mut [f32]),
    normalize: impl Fn(Row<'_>) -> f32 + Sync,
) -> Result<(), LengthError> {
    length::check("the output", output.len(), input.len())?;
    length::check("the normalized rows", normalized.len(), input.len())?;
    length::check(name, inverses.len(), rows)?;
    if width == 0 {
        return Ok(());
    }
    let all = input.par_chunks(width).zip(output.par_chunks_mut(width));
    let all = all.zip(normalized.par_chunks_mut(width)).zip(inverses);
    let all = all.with_min_len(PARALLEL_VALUES_MIN.div_ceil(width));
    all.for_each(|(((input, output), normalized), inverse)| {
        *inverse = normalize(Row { input, written: [output, normalized] });
    });
    Ok(())
}

/// Room for what [`layer_norm_gradient`] computes.
#[derive(Debug)]
pub struct LayerNormGradientRoom<'values> {
    /// `[rows, width]`.
    pub of_input: &'values mut [f32],
    /// `[width]`.
    pub of_gamma: &'values mut [f32],
    /// `[width]`.
    pub of_beta: &'values mut [f32],
}

/// The same bits as [`layer_norm_gradient_portable`], with vectors and threads.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn layer_norm_gradient(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: &[f32],
    room: LayerNormGradientRoom<'_>,
) -> Result<(), LengthError> {
    let span = RowSpan::whole(normalized.inverse_deviations.len());
    let LayerNormGradientRoom { of_input, of_gamma, of_beta } = room;
    let (of_gamma, of_beta) = (RunningSums::new(of_gamma), RunningSums::new(of_beta));
    layer_norm_parameter_gradient((normalized, gradient), span, of_gamma, of_beta)?;
    layer_norm_input_gradient(gamma, normalized, gradient, of_input)
}

/// The gradients of gamma and beta over the rows of a batch that comes in pieces.
///
/// # Shapes
/// `gradient`: `[span.count, width]`, `of_gamma`, `of_beta`: `[width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn layer_norm_parameter_gradient(
    (normalized, gradient): (Normalized<'_>, &[f32]),
    span: RowSpan,
    of_gamma: RunningSums<'_>,
    of_beta: RunningSums<'_>,
) -> Result<(), LengthError> {
    length::check("the gradient of beta", of_beta.totals.len(), of_gamma.totals.len())?;
    reduction::sum_columns_of_products_rows((gradient, normalized.values), span, of_gamma)?;
    reduction::sum_columns_rows(gradient, span, of_beta)
}

/// The gradient of the input alone.
///
/// # Shapes
/// `gamma`: `[width]`, `gradient`, `of_input`: `[rows, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers do not fit each other.
pub fn layer_norm_input_gradient(
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
    rows.for_each(|(((gradient, normalized), &inverse_deviation), of_input)| {
        let row = GradientRow { gamma, gradient, normalized, inverse_deviation, of_input };
        Arch::new().dispatch(row);
    });
    Ok(())
}

/// Gives the number of rows.
fn check_layer(layer: LayerNorm<'_>, input: &[f32]) -> Result<usize, LengthError> {
    length::check("beta", layer.beta.len(), layer.width())?;
    let rows = input.len().checked_div(layer.width()).unwrap_or(0);
    length::check("the input", input.len(), rows * layer.width())?;
    Ok(rows)
}

/// Refuses buffers that do not belong to the same rows.
fn check_gradient(
    gamma: &[f32],
    normalized: Normalized<'_>,
    gradient: usize,
) -> Result<(), LengthError> {
    let expected = length::product(&[normalized.inverse_deviations.len(), gamma.len()]);
    length::check("the normalized rows", normalized.values.len(), expected)?;
    length::check("the gradient", gradient, expected)
}

/// The layer norm of one row; gives r.
struct NormalizeRow<'row> {
    layer: LayerNorm<'row>,
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
        let mean = reduction::mean(input);
        // The room for the output holds the squares for a while, that for h the centered row.
        for ((square, c), x) in output.iter_mut().zip(normalized.iter_mut()).zip(input) {
            *c = x - mean;
            *square = *c * *c;
        }
        let inverse_deviation = rsqrt(reduction::mean(output) + layer.epsilon);
        let columns = layer.gamma.iter().zip(layer.beta);
        for ((y, h), (gamma, beta)) in output.iter_mut().zip(normalized).zip(columns) {
            *h = canonical(*h * inverse_deviation);
            *y = canonical(h.mul_add(*gamma, *beta));
        }
        inverse_deviation
    }
}

/// The gradient before the layer norm of one row.
struct GradientRow<'row> {
    gamma: &'row [f32],
    gradient: &'row [f32],
    normalized: &'row [f32],
    inverse_deviation: f32,
    of_input: &'row mut [f32],
}

impl WithSimd for GradientRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { gamma, gradient, normalized, inverse_deviation, of_input } = self;
        let factors = gradient.iter().zip(gamma);
        for ((product, h), (g, gamma)) in of_input.iter_mut().zip(normalized).zip(factors.clone()) {
            *product = (g * gamma) * h;
        }
        let tilt = reduction::mean(of_input);
        for (u, (g, gamma)) in of_input.iter_mut().zip(factors) {
            *u = g * gamma;
        }
        let shift = reduction::mean(of_input);
        for (u, h) in of_input.iter_mut().zip(normalized) {
            *u = canonical((-h).mul_add(tilt, *u - shift) * inverse_deviation);
        }
    }
}

#[cfg(test)]
mod tests;
