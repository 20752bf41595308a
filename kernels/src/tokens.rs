//! One row for a whole text: the mean of its tokens or the first of them, and the gradients.
//!
//! The mean of a column is the sum of [`crate::reduction`] over the tokens, +0 standing where a token
//! is padding, divided by the number of tokens that are none, at least 1. A token whose id is
//! [`PADDING`] is padding; without ids none is. The gradient of each token that is none is the
//! gradient behind divided by that number, that of padding is +0.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::length::{self, LengthError};
use crate::reduction::{CHUNK, LANES, sum_portable};

/// The id of a token that only fills a text up.
pub const PADDING: u32 = 0;

/// Texts of tokens, with an id for each token where some may be padding.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'ids> {
    /// Texts.
    pub batch: usize,
    /// Tokens of a text.
    pub tokens: usize,
    /// Numbers of a token.
    pub width: usize,
    /// `[batch, tokens]`.
    pub ids: Option<&'ids [u32]>,
}

impl Texts<'_> {
    /// Numbers of a text.
    fn text_values(&self) -> usize {
        length::product(&[self.tokens, self.width])
    }

    fn check(&self, rows: usize, texts: usize) -> Result<(), LengthError> {
        length::check("the tokens", rows, length::product(&[self.batch, self.text_values()]))?;
        length::check("the texts", texts, length::product(&[self.batch, self.width]))?;
        let Some(ids) = self.ids else { return Ok(()) };
        length::check("the ids", ids.len(), length::product(&[self.batch, self.tokens]))
    }

    /// Whether a token counts.
    fn is_present(&self, text: usize, token: usize) -> bool {
        self.ids.is_none_or(|ids| ids[text * self.tokens + token] != PADDING)
    }

    /// Tokens of a text that count, at least 1.
    #[expect(clippy::cast_precision_loss, reason = "a text has far less than 2^24 tokens")]
    fn count(&self, text: usize) -> f32 {
        (0..self.tokens).filter(|token| self.is_present(text, *token)).count().max(1) as f32
    }
}

/// The mean of the tokens of each text, as written at the top of this page. The definition.
///
/// # Shapes
/// `input`: `[batch, tokens, width]`; the result: `[batch, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers have other sizes.
pub fn mean_tokens_portable(texts: Texts<'_>, input: &[f32]) -> Result<Vec<f32>, LengthError> {
    let mut output = vec![0.0; length::product(&[texts.batch, texts.width])];
    texts.check(input.len(), output.len())?;
    for (place, mean) in output.iter_mut().enumerate() {
        let (text, column) = (place / texts.width, place % texts.width);
        let values = (0..texts.tokens).map(|token| {
            let is_present = texts.is_present(text, token);
            let value = input[(text * texts.tokens + token) * texts.width + column];
            if is_present { value } else { 0.0 }
        });
        let sum = sum_portable(&values.collect::<Vec<_>>());
        *mean = canonical(sum / texts.count(text));
    }
    Ok(output)
}

/// The same bits as [`mean_tokens_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[batch, tokens, width]`, `output`: `[batch, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers have other sizes.
pub fn mean_tokens(texts: Texts<'_>, input: &[f32], output: &mut [f32]) -> Result<(), LengthError> {
    texts.check(input.len(), output.len())?;
    if texts.width == 0 {
        return Ok(());
    }
    if texts.tokens == 0 || texts.tokens > CHUNK {
        output.copy_from_slice(&mean_tokens_portable(texts, input)?);
        return Ok(());
    }
    let rows = output.par_chunks_mut(texts.width).zip(input.par_chunks(texts.text_values()));
    rows.enumerate().for_each(|(text, (output, input))| {
        Arch::new().dispatch(MeanOfText { texts, text, input, output });
    });
    Ok(())
}

/// The gradient of the tokens, as written at the top of this page.
///
/// # Shapes
/// `gradient`: `[batch, width]`, `of_input`: `[batch, tokens, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers have other sizes.
pub fn mean_tokens_gradient(
    texts: Texts<'_>,
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), LengthError> {
    texts.check(of_input.len(), gradient.len())?;
    if texts.text_values() == 0 {
        return Ok(());
    }
    let rows = gradient.par_chunks(texts.width).zip(of_input.par_chunks_mut(texts.text_values()));
    rows.enumerate().for_each(|(text, (gradient, of_input))| {
        let count = texts.count(text);
        let shares: Vec<f32> = gradient.iter().map(|value| canonical(value / count)).collect();
        for (token, of_token) in of_input.chunks_mut(texts.width).enumerate() {
            if texts.is_present(text, token) {
                of_token.copy_from_slice(&shares);
            } else {
                of_token.fill(0.0);
            }
        }
    });
    Ok(())
}

/// The first token of each text; zeros where a text has none.
///
/// # Shapes
/// `input`: `[batch, tokens, width]`, `output`: `[batch, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers have other sizes.
pub fn first_token(texts: Texts<'_>, input: &[f32], output: &mut [f32]) -> Result<(), LengthError> {
    texts.check(input.len(), output.len())?;
    output.fill(0.0);
    let texts_of_input = input.chunks(texts.text_values().max(1));
    for (output, input) in output.chunks_mut(texts.width.max(1)).zip(texts_of_input) {
        output.copy_from_slice(&input[..texts.width]);
    }
    Ok(())
}

/// The gradient of the tokens: that of the first is the one behind, the others have +0.
///
/// # Shapes
/// `gradient`: `[batch, width]`, `of_input`: `[batch, tokens, width]`.
///
/// # Errors
/// [`LengthError`] when the buffers have other sizes.
pub fn first_token_gradient(
    texts: Texts<'_>,
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), LengthError> {
    texts.check(of_input.len(), gradient.len())?;
    of_input.fill(0.0);
    let texts_of_input = of_input.chunks_mut(texts.text_values().max(1));
    for (gradient, of_input) in gradient.chunks(texts.width.max(1)).zip(texts_of_input) {
        of_input[..texts.width].copy_from_slice(gradient);
    }
    Ok(())
}

/// The mean of one text whose tokens fit one set of lanes.
struct MeanOfText<'values> {
    texts: Texts<'values>,
    text: usize,
    /// `[tokens, width]`.
    input: &'values [f32],
    /// `[width]`.
    output: &'values mut [f32],
}

impl WithSimd for MeanOfText<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { texts, text, input, output } = self;
        let width = texts.width;
        // Lane of a token times column; no lane is ever -0, so that padding may be left out.
        let mut lanes = vec![0.0_f32; LANES * width];
        for (token, row) in input.chunks_exact(width).enumerate() {
            if !texts.is_present(text, token) {
                continue;
            }
            let lane = &mut lanes[(token % LANES) * width..][..width];
            for (sum, value) in lane.iter_mut().zip(row) {
                *sum += value;
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            let (lower, upper) = lanes.split_at_mut(half * width);
            for (sum, value) in lower.iter_mut().zip(upper.iter()) {
                *sum += value;
            }
            half /= 2;
        }
        let count = texts.count(text);
        for (mean, sum) in output.iter_mut().zip(lanes) {
            *mean = canonical(canonical(sum) / count);
        }
    }
}

#[cfg(test)]
mod tests;
