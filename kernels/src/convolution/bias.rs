//! The fast gradient of the bias: some output channels side by side, so that no addition waits.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{ConvolutionError, Geometry, K_BLOCK};
use crate::canonical::canonical;
use crate::length;
use crate::row_span::RowSpan;

/// Output channels whose chains run side by side: an addition takes about that many issue slots.
const CHAINS: usize = 8;

/// The same bits as [`super::bias_gradient_portable`], with threads.
///
/// # Shapes
/// `gradient`: `[batch, outputs, pixels]`, `of_bias`: `[outputs]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn bias_gradient(
    geometry: Geometry,
    gradient: &[f32],
    of_bias: &mut [f32],
) -> Result<(), ConvolutionError> {
    bias_gradient_rows(geometry, gradient, RowSpan::whole(geometry.batch), of_bias)
}

/// [`bias_gradient`] over the images of a batch that comes in pieces.
///
/// # Shapes
/// As [`bias_gradient`], where the geometry's batch is `span.count`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn bias_gradient_rows(
    geometry: Geometry,
    gradient: &[f32],
    span: RowSpan,
    of_bias: &mut [f32],
) -> Result<(), ConvolutionError> {
    geometry.check()?;
    length::check("the span", span.count, geometry.batch)?;
    geometry.check_output("the gradient", gradient.len())?;
    length::check("the gradient of the bias", of_bias.len(), geometry.outputs)?;
    let (arch, is_first) = (Arch::new(), span.is_first());
    of_bias.par_chunks_mut(CHAINS).enumerate().for_each(|(group, sums)| {
        let first_output = group * CHAINS;
        arch.dispatch(SumPixels { geometry, gradient, first_output, is_first, sums });
    });
    Ok(())
}

/// The gradients of the biases of at most [`CHAINS`] neighboring output channels.
struct SumPixels<'values> {
    geometry: Geometry,
    gradient: &'values [f32],
    first_output: usize,
    /// Nothing is summed yet.
    is_first: bool,
    sums: &'values mut [f32],
}

impl WithSimd for SumPixels<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { geometry, gradient, first_output, is_first, sums } = self;
        let pixels = geometry.pixels();
        let before = |chain: usize| sums.get(chain).copied().unwrap_or_default();
        let mut totals = if is_first { None } else { Some(std::array::from_fn(before)) };
        for image in gradient.chunks_exact(geometry.output_values()) {
            // Chains beyond the last channel repeat it, and nobody reads them.
            let channels: [&[f32]; CHAINS] = std::array::from_fn(|chain| {
                let channel = first_output + chain.min(sums.len() - 1);
                &image[channel * pixels..][..pixels]
            });
            for first in (0..pixels).step_by(K_BLOCK) {
                let sums = block_sums(&channels, first..pixels.min(first + K_BLOCK));
                totals = Some(totals.map_or(sums, |totals| added(totals, sums)));
            }
        }
        for (sum, total) in sums.iter_mut().zip(totals.unwrap_or_default()) {
            *sum = canonical(total);
        }
    }
}

/// The sum of a block of pixels in each channel: from +0, ascending.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn block_sums(channels: &[&[f32]; CHAINS], block: Range<usize>) -> [f32; CHAINS] {
    let channels = channels.map(|channel| &channel[block.clone()]);
    let mut sums = [0.0; CHAINS];
    for p in 0..block.len() {
        sums = added(sums, channels.map(|channel| channel[p]));
    }
    sums
}

/// Adds chain by chain.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn added(left: [f32; CHAINS], right: [f32; CHAINS]) -> [f32; CHAINS] {
    std::array::from_fn(|chain| left[chain] + right[chain])
}
