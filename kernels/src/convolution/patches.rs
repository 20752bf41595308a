//! Images cut into square patches, each a token, and back.
//!
//! Tokens stand in the order of their patches, row by row; the values of a token are those of its patch,
//! channel by channel, row by row. Values only move, so the gradient of cutting is putting together.

use rayon::prelude::*;

use super::ConvolutionError;
use crate::length;

/// Sizes of images and of the patches they are cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchGrid {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image, a multiple of the side.
    pub height: usize,
    /// Columns of an image, a multiple of the side.
    pub width: usize,
    /// Rows and columns of a patch.
    pub side: usize,
}

impl PatchGrid {
    /// Patches of an image.
    pub fn tokens(&self) -> usize {
        let along = |side: usize| side.checked_div(self.side).unwrap_or(0);
        length::product(&[along(self.height), along(self.width)])
    }

    /// Values of a patch.
    pub fn token_values(&self) -> usize {
        length::product(&[self.channels, self.side, self.side])
    }

    /// Values of an image.
    pub fn image_values(&self) -> usize {
        length::product(&[self.channels, self.height, self.width])
    }

    /// Refuses patches that leave something over, and buffers of other sizes.
    fn check(&self, images: usize, tokens: usize) -> Result<(), ConvolutionError> {
        let Self { side, height, width, .. } = *self;
        let covers = |length: usize| length > 0 && side > 0 && length.is_multiple_of(side);
        if self.channels == 0 || !covers(height) || !covers(width) {
            return Err(ConvolutionError::Patch { side, height, width });
        }
        let values = length::product(&[self.batch, self.image_values()]);
        length::check("the images", images, values)?;
        length::check("the tokens", tokens, values)?;
        Ok(())
    }

    /// Where row `row` of the tokens of an image, `side` values wide, begins within the image.
    fn source(&self, row: usize) -> usize {
        let rows_of_token = self.channels * self.side;
        let (token, in_token) = (row / rows_of_token, row % rows_of_token);
        let (channel, y) = (in_token / self.side, in_token % self.side);
        let across = self.width / self.side;
        let (down, right) = (token / across * self.side, token % across * self.side);
        (channel * self.height + down + y) * self.width + right
    }
}

/// The tokens of images.
///
/// # Shapes
/// `images`: `[batch, channels, height, width]`, `tokens`: `[batch, tokens, channels, side, side]`.
///
/// # Errors
/// [`ConvolutionError::Patch`] or [`ConvolutionError::Length`].
///
/// # Source
/// Dosovitskiy et al., "An image is worth 16x16 words", 2021, section 3.1.
pub fn patches(
    grid: PatchGrid,
    images: &[f32],
    tokens: &mut [f32],
) -> Result<(), ConvolutionError> {
    grid.check(images.len(), tokens.len())?;
    let both = tokens.par_chunks_mut(grid.image_values());
    both.zip(images.par_chunks(grid.image_values())).for_each(|(tokens, image)| {
        for (row, values) in tokens.chunks_exact_mut(grid.side).enumerate() {
            values.copy_from_slice(&image[grid.source(row)..][..grid.side]);
        }
    });
    Ok(())
}

/// The gradient of the images, from that of their tokens: the images that have these tokens.
///
/// # Shapes
/// `gradient`: `[batch, tokens, channels, side, side]`, `of_images`: `[batch, channels, height, width]`.
///
/// # Errors
/// [`ConvolutionError::Patch`] or [`ConvolutionError::Length`].
pub fn patches_gradient(
    grid: PatchGrid,
    gradient: &[f32],
    of_images: &mut [f32],
) -> Result<(), ConvolutionError> {
    grid.check(of_images.len(), gradient.len())?;
    let both = of_images.par_chunks_mut(grid.image_values());
    both.zip(gradient.par_chunks(grid.image_values())).for_each(|(of_image, tokens)| {
        for (row, values) in tokens.chunks_exact(grid.side).enumerate() {
            of_image[grid.source(row)..][..grid.side].copy_from_slice(values);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests;
