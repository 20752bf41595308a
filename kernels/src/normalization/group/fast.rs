//! The fast group norm: rows in parallel, and sums of some channels side by side, so that no addition
//! waits.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{GroupNorm, GroupNormError, K_BLOCK};
use crate::canonical::canonical;
use crate::elementary::rsqrt;
use crate::length;
use crate::normalization::{LayerNormRoom, Normalized};
use crate::reduction::mean_in_pieces;

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 14;

/// Channels whose two chains run side by side: an addition takes about as many issue slots.
const CHAINS: usize = 8;

/// The same bits as [`super::group_norm_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[image, channel, pixel]`, room for inverse deviations: `[image, group]`.
///
/// # Errors
/// [`GroupNormError`] when the buffers do not fit each other.
pub fn group_norm(
    layer: GroupNorm<'_>,
    input: &[f32],
    room: LayerNormRoom<'_>,
) -> Result<(), GroupNormError> {
    let images = layer.check(input.len())?;
    length::check("the output", room.output.len(), input.len())?;
    length::check("the normalized rows", room.normalized.len(), input.len())?;
    let rows = images * layer.groups;
    length::check("the inverse deviations", room.inverse_deviations.len(), rows)?;
    let width = layer.row_values();
    let rows = input.par_chunks(width).zip(room.output.par_chunks_mut(width));
    let rows = rows.zip(room.normalized.par_chunks_mut(width)).zip(room.inverse_deviations);
    let rows = rows.enumerate().with_min_len(PARALLEL_VALUES_MIN.div_ceil(width));
    rows.for_each(|(row, (((input, output), normalized), inverse_deviation))| {
        let first_channel = layer.first_channel(row);
        let row = NormalizeRow { layer, first_channel, input, output, normalized };
        *inverse_deviation = Arch::new().dispatch(row);
    });
    Ok(())
}

/// The gradient of the input, with the bits of [`super::group_norm_gradient_portable`].
///
/// # Shapes
/// `gradient`, `of_input`: `[image, channel, pixel]`; `layer.beta` is not looked at.
///
/// # Errors
/// [`GroupNormError`] when the buffers do not fit each other.
pub fn group_norm_input_gradient(
    layer: GroupNorm<'_>,
    normalized: Normalized<'_>,
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), GroupNormError> {
    layer.check_gradient(normalized, gradient.len())?;
    length::check("the gradient of the input", of_input.len(), gradient.len())?;
    let width = layer.row_values();
    let rows = gradient.par_chunks(width).zip(normalized.values.par_chunks(width));
    let rows = rows.zip(normalized.inverse_deviations).zip(of_input.par_chunks_mut(width));
    let rows = rows.enumerate().with_min_len(PARALLEL_VALUES_MIN.div_ceil(width));
    rows.for_each(|(row, (((gradient, h), &inverse_deviation), of_input))| {
        let first_channel = layer.first_channel(row);
        let row = GradientRow { layer, first_channel, gradient, h, inverse_deviation, of_input };
        Arch::new().dispatch(row);
    });
    Ok(())
}

/// Adds to the gradients of gamma and beta what some images give.
///
/// From zeros on, the images of a batch in order, at once or piece by piece, give the bits of
/// [`super::group_norm_gradient_portable`].
///
/// # Shapes
/// `gradient`: `[image, channel, pixel]`, `of_gamma`, `of_beta`: `[channel]`.
///
/// # Errors
/// [`GroupNormError`] when the buffers do not fit each other.
pub fn add_group_norm_parameter_gradient(
    layer: GroupNorm<'_>,
    (normalized, gradient): (Normalized<'_>, &[f32]),
    of_gamma: &mut [f32],
    of_beta: &mut [f32],
) -> Result<(), GroupNormError> {
    layer.check_gradient(normalized, gradient.len())?;
    length::check("the gradient of gamma", of_gamma.len(), layer.gamma.len())?;
    length::check("the gradient of beta", of_beta.len(), layer.gamma.len())?;
    let sums = of_gamma.par_chunks_mut(CHAINS).zip(of_beta.par_chunks_mut(CHAINS)).enumerate();
    sums.for_each(|(group, (of_gamma, of_beta))| {
        let (first_channel, h) = (group * CHAINS, normalized.values);
        Arch::new().dispatch(SumPixels { layer, first_channel, gradient, h, of_gamma, of_beta });
    });
    Ok(())
}

/// The group norm of one row; gives r.
struct NormalizeRow<'row> {
    layer: GroupNorm<'row>,
    first_channel: usize,
    input: &'row [f32],
    output: &'row mut [f32],
    normalized: &'row mut [f32],
}

impl WithSimd for NormalizeRow<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let Self { layer, first_channel, input, output, normalized } = self;
        let mean = mean_in_pieces(input);
        // The room for the output holds the squares for a while, that for h the centered row.
        for ((square, c), x) in output.iter_mut().zip(normalized.iter_mut()).zip(input) {
            *c = x - mean;
            *square = *c * *c;
        }
        let inverse_deviation = rsqrt(mean_in_pieces(output) + layer.epsilon);
        let channels = output.chunks_mut(layer.pixels).zip(normalized.chunks_mut(layer.pixels));
        let learned = layer.gamma[first_channel..].iter().zip(&layer.beta[first_channel..]);
        for ((output, normalized), (gamma, beta)) in channels.zip(learned) {
            for (y, h) in output.iter_mut().zip(normalized) {
                *h = canonical(*h * inverse_deviation);
                *y = canonical(h.mul_add(*gamma, *beta));
            }
        }
        inverse_deviation
    }
}

/// The gradient before the group norm of one row.
struct GradientRow<'row> {
    layer: GroupNorm<'row>,
    first_channel: usize,
    gradient: &'row [f32],
    h: &'row [f32],
    inverse_deviation: f32,
    of_input: &'row mut [f32],
}

impl WithSimd for GradientRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { layer, first_channel, gradient, h, inverse_deviation, of_input } = self;
        let gamma = &layer.gamma[first_channel..];
        scale(layer.pixels, gamma, gradient, of_input);
        for (u, h) in of_input.iter_mut().zip(h) {
            *u *= h;
        }
        let tilt = mean_in_pieces(of_input);
        scale(layer.pixels, gamma, gradient, of_input);
        let shift = mean_in_pieces(of_input);
        for (u, h) in of_input.iter_mut().zip(h) {
            *u = canonical((-h).mul_add(tilt, *u - shift) * inverse_deviation);
        }
    }
}

/// Writes u, the gradient times the scale of its channel.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn scale(pixels: usize, gamma: &[f32], gradient: &[f32], scaled: &mut [f32]) {
    let channels = scaled.chunks_mut(pixels).zip(gradient.chunks(pixels));
    for ((scaled, gradient), gamma) in channels.zip(gamma) {
        for (u, g) in scaled.iter_mut().zip(gradient) {
            *u = g * gamma;
        }
    }
}

/// The gradients of gamma and beta of at most [`CHAINS`] neighboring channels.
struct SumPixels<'values> {
    layer: GroupNorm<'values>,
    first_channel: usize,
    gradient: &'values [f32],
    h: &'values [f32],
    of_gamma: &'values mut [f32],
    of_beta: &'values mut [f32],
}

impl WithSimd for SumPixels<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { layer, first_channel, gradient, h, of_gamma, of_beta } = self;
        let (pixels, values) = (layer.pixels, layer.image_values());
        // Chains beyond the last channel repeat it, and nobody reads them.
        let channels: [usize; CHAINS] =
            std::array::from_fn(|chain| first_channel + chain.min(of_beta.len() - 1));
        for (gradient, h) in gradient.chunks_exact(values).zip(h.chunks_exact(values)) {
            for first in (0..pixels).step_by(K_BLOCK) {
                let length = K_BLOCK.min(pixels - first);
                let start = channels.map(|channel| channel * pixels + first);
                let gradients = start.map(|start| &gradient[start..][..length]);
                let normalized = start.map(|start| &h[start..][..length]);
                let (gammas, betas) = block_sums(&gradients, &normalized, length);
                add(of_gamma, &gammas);
                add(of_beta, &betas);
            }
        }
    }
}

/// The sums of a block of pixels in each channel, from +0, ascending: of g h and of g.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn block_sums(
    gradient: &[&[f32]; CHAINS],
    h: &[&[f32]; CHAINS],
    length: usize,
) -> ([f32; CHAINS], [f32; CHAINS]) {
    let (mut gammas, mut betas) = ([0.0; CHAINS], [0.0; CHAINS]);
    for p in 0..length {
        for chain in 0..CHAINS {
            let g = gradient[chain][p];
            gammas[chain] += g * h[chain][p];
            betas[chain] += g;
        }
    }
    (gammas, betas)
}

/// Adds block sums onto totals.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add(totals: &mut [f32], sums: &[f32; CHAINS]) {
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = canonical(*total + sum);
    }
}
