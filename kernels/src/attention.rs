//! Attention of several heads over packed projections, masked or not, and its gradient.
//!
//! A row of the projections is a token: queries, keys, values, each `[heads, head width]`. For each
//! example and head: s = product of queries and keys over the head width; s = s scale, with
//! scale = 1 / sqrt(head width), a rounded root and a rounded division; minus infinity where the
//! [`Mask`] hides the key from the query; P = softmax of the whole row; the output is the product of
//! P and the values over all keys.
//!
//! Backward, with g the gradient behind: dP = product of g and the values over the head width;
//! c = sum of the row dP P; dS = (P (dP - c)) scale; then the products over all tokens: dS and the
//! keys for the queries, dS and the queries for the keys, P and g for the values. Masked zeros take
//! part in every product.
//!
//! # Source
//! Vaswani and others, "Attention is all you need", 2017, equation 1.

mod backward;
mod mask;
mod portable;

pub use backward::attention_gradient;
pub use mask::Mask;
pub use portable::{AttentionOutput, attention_gradient_portable, attention_portable};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::elementary::rsqrt;
use crate::length::{self, LengthError};
use crate::matmul::matmul_into;
use crate::matrix::Matrix;
use crate::reduction;
use crate::softmax::SoftmaxRow;
use crate::tokens::PADDING;

/// Sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Examples.
    pub batch: usize,
    /// Tokens of an example.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// Numbers of a query, a key or a value of one head.
    pub head_width: usize,
}

/// What a row of the projections holds; also its place.
#[derive(Clone, Copy)]
enum Part {
    Queries = 0,
    Keys = 1,
    Values = 2,
}

impl Heads {
    /// Numbers of an output row: those of all heads.
    pub fn width(&self) -> usize {
        length::product(&[self.heads, self.head_width])
    }

    /// Numbers of all probabilities of one example: `[heads, tokens, tokens]`.
    pub fn probability_values(&self) -> usize {
        length::product(&[self.heads, self.tokens, self.tokens])
    }

    /// What products of queries and keys are multiplied with: 1 / sqrt(head width).
    #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^24")]
    pub fn scale(&self) -> f32 {
        rsqrt(self.head_width as f32)
    }

    /// Numbers of the output of one example.
    fn output_values(&self) -> usize {
        length::product(&[self.tokens, self.width()])
    }

    /// Numbers of the projections of one example.
    fn projection_values(&self) -> usize {
        length::product(&[self.output_values(), 3])
    }

    /// Whether there is nothing to compute at all.
    fn is_empty(&self) -> bool {
        self.batch == 0 || self.output_values() == 0
    }

    fn check_projections(&self, name: &'static str, actual: usize) -> Result<(), LengthError> {
        length::check(name, actual, length::product(&[self.batch, self.projection_values()]))
    }

    fn check_probabilities(&self, actual: usize) -> Result<(), LengthError> {
        let expected = length::product(&[self.batch, self.probability_values()]);
        length::check("the probabilities", actual, expected)
    }

    fn check_output(&self, name: &'static str, actual: usize) -> Result<(), LengthError> {
        length::check(name, actual, length::product(&[self.batch, self.output_values()]))
    }

    /// Where a part of a head begins in a row of the projections.
    fn offset(&self, part: Part, head: usize) -> usize {
        part as usize * self.width() + head * self.head_width
    }

    /// One part of a head in the projections of one example: `[tokens, head width]`.
    fn part<'values>(
        &self,
        projections: &'values [f32],
        part: Part,
        head: usize,
    ) -> Matrix<'values> {
        let values = &projections[self.offset(part, head)..];
        strided(values, (self.tokens, self.head_width), 3 * self.width())
    }

    /// One head in an output of one example: `[tokens, head width]`.
    fn of_output<'values>(&self, output: &'values [f32], head: usize) -> Matrix<'values> {
        let values = &output[head * self.head_width..];
        strided(values, (self.tokens, self.head_width), self.width())
    }

    /// Sees dense values as `[tokens, tokens]`.
    fn square<'values>(&self, values: &'values [f32]) -> Matrix<'values> {
        strided(values, (self.tokens, self.tokens), self.tokens)
    }
}

/// The same bits as [`attention_portable`], with vectors and threads.
///
/// # Shapes
/// `projections`: `[batch, tokens, 3 width]`, `probabilities`: `[batch, heads, tokens, tokens]`,
/// `output`: `[batch, tokens, width]`.
///
/// # Errors
/// [`LengthError`] when a buffer has other sizes.
pub fn attention(
    heads: Heads,
    mask: Mask<'_>,
    projections: &[f32],
    probabilities: &mut [f32],
    output: &mut [f32],
) -> Result<(), LengthError> {
    heads.check_projections("the projections", projections.len())?;
    heads.check_probabilities(probabilities.len())?;
    heads.check_output("the output", output.len())?;
    mask.check(heads)?;
    if heads.is_empty() {
        return Ok(());
    }
    let examples = probabilities.par_chunks_mut(heads.probability_values());
    let examples = examples.zip(projections.par_chunks(heads.projection_values()));
    let examples = examples.zip(output.par_chunks_mut(heads.output_values()));
    examples.enumerate().for_each_init(
        || vec![0.0; heads.tokens * heads.head_width],
        |of_head, (example, ((probabilities, projections), output))| {
            let mask = mask.of_example(heads, example);
            let squares = probabilities.chunks_exact_mut(heads.tokens * heads.tokens);
            for (head, probabilities) in squares.enumerate() {
                let queries = heads.part(projections, Part::Queries, head);
                let keys = heads.part(projections, Part::Keys, head);
                multiply(queries, keys.transposed(), probabilities);
                Arch::new().dispatch(MaskedSoftmax { heads, mask, scores: probabilities });
                let values = heads.part(projections, Part::Values, head);
                multiply(heads.square(probabilities), values, of_head);
                scatter(
                    of_head,
                    heads.head_width,
                    output,
                    (head * heads.head_width, heads.width()),
                );
            }
        },
    );
    Ok(())
}

/// Scales products of queries and keys, hides what is masked and takes the softmax.
struct MaskedSoftmax<'values> {
    heads: Heads,
    mask: Mask<'values>,
    /// `[tokens, tokens]`.
    scores: &'values mut [f32],
}

impl WithSimd for MaskedSoftmax<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scale = self.heads.scale();
        for (query, row) in self.scores.chunks_exact_mut(self.heads.tokens).enumerate() {
            let seen = if self.mask == Mask::Causal { query + 1 } else { row.len() };
            let (past, later) = row.split_at_mut(seen);
            for score in past.iter_mut() {
                *score *= scale;
            }
            if let Mask::Padding(ids) = self.mask {
                hide_padding(past, ids);
            }
            if reduction::max(past).is_finite() {
                // exp(-infinity) is +0, which changes no sum that began at +0.
                SoftmaxRow(past).with_simd(simd);
                later.fill(0.0);
            } else {
                later.fill(f32::NEG_INFINITY);
                SoftmaxRow(row).with_simd(simd);
            }
        }
    }
}

/// Makes scores of padding minus infinity.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn hide_padding(scores: &mut [f32], ids: &[u32]) {
    for (score, id) in scores.iter_mut().zip(ids) {
        *score = if *id == PADDING { f32::NEG_INFINITY } else { *score };
    }
}

/// Puts dense rows into a part of longer rows: from `first_column` on, every `row_length` values.
fn scatter(
    dense: &[f32],
    width: usize,
    target: &mut [f32],
    (first_column, row_length): (usize, usize),
) {
    for (row, dense) in target.chunks_exact_mut(row_length).zip(dense.chunks_exact(width)) {
        row[first_column..first_column + width].copy_from_slice(dense);
    }
}

/// Sees values as rows that begin every `row_stride` of them.
fn strided(values: &[f32], shape: (usize, usize), row_stride: usize) -> Matrix<'_> {
    Matrix::strided(values, shape, (row_stride, 1)).expect("the sizes gave both shape and length")
}

/// The canonical product of matrices whose shapes follow from the sizes.
fn multiply(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32]) {
    matmul_into(left, right, None, product).expect("the sizes gave all shapes");
}

#[cfg(test)]
mod tests;
