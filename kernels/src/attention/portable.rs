//! The definitions, head by head, from the definitions of product, softmax and sum.

use super::{Heads, Mask, Part, scatter};
use crate::canonical::canonical;
use crate::length::LengthError;
use crate::matmul::matmul_portable;
use crate::matrix::Matrix;
use crate::reduction;
use crate::softmax::softmax_portable;

/// What the definition of attention gives.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionOutput {
    /// P: `[batch, heads, tokens, tokens]`.
    pub probabilities: Vec<f32>,
    /// `[batch, tokens, width]`.
    pub output: Vec<f32>,
}

/// Masked attention, as written at the top of the page. The definition.
///
/// # Shapes
/// `projections`: `[batch, tokens, 3 width]`.
///
/// # Errors
/// [`LengthError`] when the projections have other sizes.
pub fn attention_portable(
    heads: Heads,
    mask: Mask<'_>,
    projections: &[f32],
) -> Result<AttentionOutput, LengthError> {
    heads.check_projections("the projections", projections.len())?;
    mask.check(heads)?;
    let mut probabilities = Vec::new();
    let mut output = vec![0.0; projections.len() / 3];
    let examples = projections.chunks(heads.projection_values().max(1));
    let examples = examples.zip(output.chunks_mut(heads.output_values().max(1)));
    for (example, (projections, output)) in examples.enumerate() {
        let mask = mask.of_example(heads, example);
        for head in 0..heads.heads {
            let queries = heads.part(projections, Part::Queries, head);
            let keys = heads.part(projections, Part::Keys, head);
            let mut scores = product(queries, keys.transposed());
            apply(mask, heads, &mut scores);
            let of_head = softmax_portable(&scores, heads.tokens).expect("rows are whole");
            let values = heads.part(projections, Part::Values, head);
            let rows = product(heads.square(&of_head), values);
            scatter(&rows, heads.head_width, output, (head * heads.head_width, heads.width()));
            probabilities.extend(of_head);
        }
    }
    Ok(AttentionOutput { probabilities, output })
}

/// The gradient of the projections, as written at the top of the page. The definition.
///
/// # Shapes
/// `projections`: `[batch, tokens, 3 width]`, `probabilities`: `[batch, heads, tokens, tokens]`,
/// `gradient`: `[batch, tokens, width]`; the result has the shape of the projections.
///
/// # Errors
/// [`LengthError`] when a buffer has other sizes.
pub fn attention_gradient_portable(
    heads: Heads,
    projections: &[f32],
    probabilities: &[f32],
    gradient: &[f32],
) -> Result<Vec<f32>, LengthError> {
    heads.check_projections("the projections", projections.len())?;
    heads.check_probabilities(probabilities.len())?;
    heads.check_output("the gradient", gradient.len())?;
    let mut of_projections = vec![0.0; projections.len()];
    let examples = projections.chunks(heads.projection_values().max(1));
    let examples = examples.zip(probabilities.chunks(heads.probability_values().max(1)));
    let examples = examples.zip(gradient.chunks(heads.output_values().max(1)));
    let targets = of_projections.chunks_mut(heads.projection_values().max(1));
    for (((projections, probabilities), gradient), target) in examples.zip(targets) {
        for head in 0..heads.heads {
            let square = heads.tokens * heads.tokens;
            let probabilities = &probabilities[head * square..][..square];
            let gradient = heads.of_output(gradient, head);
            let values = heads.part(projections, Part::Values, head);
            let mut scores = product(gradient, values.transposed());
            let rows = scores.chunks_mut(heads.tokens).zip(probabilities.chunks(heads.tokens));
            for (scores, probabilities) in rows {
                of_scores_row(scores, probabilities, heads.scale());
            }
            let scores = heads.square(&scores);
            let parts = [
                (Part::Queries, scores, heads.part(projections, Part::Keys, head)),
                (Part::Keys, scores.transposed(), heads.part(projections, Part::Queries, head)),
                (Part::Values, heads.square(probabilities).transposed(), gradient),
            ];
            for (part, left, right) in parts {
                let place = (heads.offset(part, head), 3 * heads.width());
                scatter(&product(left, right), heads.head_width, target, place);
            }
        }
    }
    Ok(of_projections)
}

/// Scales scores, and makes those of hidden keys minus infinity.
fn apply(mask: Mask<'_>, heads: Heads, scores: &mut [f32]) {
    for (index, score) in scores.iter_mut().enumerate() {
        let (query, key) = (index / heads.tokens, index % heads.tokens);
        *score = if mask.hides(query, key) { f32::NEG_INFINITY } else { *score * heads.scale() };
    }
}

/// Turns a row of dP into one of dS.
fn of_scores_row(scores: &mut [f32], probabilities: &[f32], scale: f32) {
    let products: Vec<f32> = scores.iter().zip(probabilities).map(|(dp, p)| dp * p).collect();
    let sum = reduction::sum_portable(&products);
    for (score, probability) in scores.iter_mut().zip(probabilities) {
        *score = canonical((probability * (*score - sum)) * scale);
    }
}

/// The product of matrices whose shapes follow from the sizes.
fn product(left: Matrix<'_>, right: Matrix<'_>) -> Vec<f32> {
    matmul_portable(left, right, None).expect("the sizes gave all shapes")
}
