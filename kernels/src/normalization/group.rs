//! Group norm: a layer norm over the channels of a group and all their pixels; its gradient.
//!
//! Channels stand in groups of neighbors. A row x is what one group of one image holds, n values:
//! mean = mean(x); c = x - mean; variance = mean(c c); r = rsqrt(variance + epsilon); h = c r;
//! y = fma(h, gamma, beta) with the gamma and beta of the channel. Means are those of
//! [`reduction::mean_in_pieces`].
//!
//! Backward, with g the gradient behind: u = g gamma; shift = mean(u); tilt = mean(u h); before the norm
//! fma(-h, tilt, u - shift) r. The gradient of beta sums g over the pixels of all images, image after
//! image: blocks of at most [`K_BLOCK`] pixels of one image, each from +0 with the pixels ascending;
//! total = total + next block's sum. That of gamma sums the rounded g h the same way.
//!
//! # Source
//! Wu and He, "Group normalization", 2018, equations 1 and 7.

mod fast;

pub use fast::{add_group_norm_parameter_gradient, group_norm, group_norm_input_gradient};

use thiserror::Error;

use super::{LayerNormGradient, LayerNormOutput, Normalized};
use crate::canonical::canonical;
use crate::elementary::rsqrt;
use crate::length::{self, LengthError};
use crate::matmul::K_BLOCK;
use crate::reduction;

/// Why images cannot be normalized by groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GroupNormError {
    /// The channels are no whole groups, or there is nothing in them.
    #[error("{channels} channels of {pixels} pixels are not {groups} groups")]
    Groups {
        /// Channels of an image.
        channels: usize,
        /// Pixels of a channel.
        pixels: usize,
        /// Groups of an image.
        groups: usize,
    },
    /// A buffer has another length than the sizes say.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// What is learned of a group norm, its sizes, and what keeps its root from zero.
#[derive(Debug, Clone, Copy)]
pub struct GroupNorm<'values> {
    /// Scale of each channel.
    pub gamma: &'values [f32],
    /// Shift of each channel.
    pub beta: &'values [f32],
    /// Groups of an image.
    pub groups: usize,
    /// Pixels of a channel.
    pub pixels: usize,
    /// Added to the variance.
    pub epsilon: f32,
}

impl GroupNorm<'_> {
    /// Values of an image.
    fn image_values(&self) -> usize {
        length::product(&[self.gamma.len(), self.pixels])
    }

    /// Values of a group of an image.
    fn row_values(&self) -> usize {
        self.image_values() / self.groups
    }

    /// Channels of a group.
    fn group_channels(&self) -> usize {
        self.gamma.len() / self.groups
    }

    /// The first channel of a row, counted over all images.
    fn first_channel(&self, row: usize) -> usize {
        row % self.groups * self.group_channels()
    }

    /// Refuses what is no whole groups or no whole images; gives the number of images.
    fn check(&self, values: usize) -> Result<usize, GroupNormError> {
        let (channels, Self { groups, pixels, .. }) = (self.gamma.len(), *self);
        if channels == 0 || pixels == 0 || groups == 0 || !channels.is_multiple_of(groups) {
            return Err(GroupNormError::Groups { channels, pixels, groups });
        }
        length::check("beta", self.beta.len(), channels)?;
        let images = values / self.image_values();
        length::check("the input", values, images * self.image_values())?;
        Ok(images)
    }

    /// [`Self::check`] for the way back.
    fn check_gradient(
        &self,
        normalized: Normalized<'_>,
        gradient: usize,
    ) -> Result<usize, GroupNormError> {
        let images = self.check(gradient)?;
        length::check("the normalized rows", normalized.values.len(), gradient)?;
        let rows = images * self.groups;
        length::check("the inverse deviations", normalized.inverse_deviations.len(), rows)?;
        Ok(images)
    }
}

/// The group norm of every image, as written at the top of this page. The definition.
///
/// # Shapes
/// `input`: `[image, channel, pixel]`; inverse deviations: `[image, group]`.
///
/// # Errors
/// [`GroupNormError`] when the channels are no whole groups or the input is not whole images.
pub fn group_norm_portable(
    layer: GroupNorm<'_>,
    input: &[f32],
) -> Result<LayerNormOutput, GroupNormError> {
    layer.check(input.len())?;
    let mut made = LayerNormOutput {
        output: Vec::new(),
        normalized: Vec::new(),
        inverse_deviations: Vec::new(),
    };
    for (row, values) in input.chunks(layer.row_values()).enumerate() {
        let mean = reduction::mean_in_pieces_portable(values);
        let centered: Vec<f32> = values.iter().map(|x| x - mean).collect();
        let squares: Vec<f32> = centered.iter().map(|c| c * c).collect();
        let variance = reduction::mean_in_pieces_portable(&squares);
        let inverse_deviation = rsqrt(variance + layer.epsilon);
        for (at, c) in centered.iter().enumerate() {
            let channel = layer.first_channel(row) + at / layer.pixels;
            let normalized = c * inverse_deviation;
            made.normalized.push(canonical(normalized));
            let output = normalized.mul_add(layer.gamma[channel], layer.beta[channel]);
            made.output.push(canonical(output));
        }
        made.inverse_deviations.push(inverse_deviation);
    }
    Ok(made)
}

/// The gradients of input, gamma and beta, as written at the top of this page. The definition.
///
/// # Shapes
/// `gradient`: `[image, channel, pixel]`; `layer.beta` is not looked at.
///
/// # Errors
/// [`GroupNormError`] when the buffers do not fit each other.
pub fn group_norm_gradient_portable(
    layer: GroupNorm<'_>,
    normalized: Normalized<'_>,
    gradient: &[f32],
) -> Result<LayerNormGradient, GroupNormError> {
    layer.check_gradient(normalized, gradient.len())?;
    let width = layer.row_values();
    let mut of_input = Vec::with_capacity(gradient.len());
    let rows = gradient.chunks(width).zip(normalized.values.chunks(width));
    for (row, (g, h)) in rows.enumerate() {
        let gamma = |at: usize| layer.gamma[layer.first_channel(row) + at / layer.pixels];
        let u: Vec<f32> = g.iter().enumerate().map(|(at, g)| g * gamma(at)).collect();
        let products: Vec<f32> = u.iter().zip(h).map(|(u, h)| u * h).collect();
        let shift = reduction::mean_in_pieces_portable(&u);
        let tilt = reduction::mean_in_pieces_portable(&products);
        let inverse_deviation = normalized.inverse_deviations[row];
        let before =
            u.iter().zip(h).map(|(u, h)| (-h).mul_add(tilt, u - shift) * inverse_deviation);
        of_input.extend(before.map(canonical));
    }
    let products: Vec<f32> = gradient.iter().zip(normalized.values).map(|(g, h)| g * h).collect();
    let channels = 0..layer.gamma.len();
    let of_gamma = channels.clone().map(|channel| sum_of_blocks(layer, &products, channel));
    let of_beta = channels.map(|channel| sum_of_blocks(layer, gradient, channel));
    Ok(LayerNormGradient { of_input, of_gamma: of_gamma.collect(), of_beta: of_beta.collect() })
}

/// The sum over the pixels of a channel, block after block of image after image.
fn sum_of_blocks(layer: GroupNorm<'_>, values: &[f32], channel: usize) -> f32 {
    let images = values.chunks(layer.image_values());
    let blocks =
        images.flat_map(|image| image[channel * layer.pixels..][..layer.pixels].chunks(K_BLOCK));
    let block_sums = blocks.map(|block| block.iter().fold(0.0_f32, |sum, value| sum + value));
    canonical(block_sums.fold(0.0_f32, |total, sum| total + sum))
}

#[cfg(test)]
mod tests;
