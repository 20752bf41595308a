//! The fast gradient of attention: examples in parallel, head after head.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Heads, Part, multiply, scatter};
use crate::canonical::canonical;
use crate::length::LengthError;
use crate::reduction;

/// The same bits as [`super::attention_gradient_portable`], with vectors and threads.
///
/// # Shapes
/// `projections` and `of_projections`: `[batch, tokens, 3 width]`, `probabilities`:
/// `[batch, heads, tokens, tokens]`, `gradient`: `[batch, tokens, width]`.
///
/// # Errors
/// [`LengthError`] when a buffer has other sizes.
pub fn attention_gradient(
    heads: Heads,
    projections: &[f32],
    probabilities: &[f32],
    gradient: &[f32],
    of_projections: &mut [f32],
) -> Result<(), LengthError> {
    heads.check_projections("the projections", projections.len())?;
    heads.check_probabilities(probabilities.len())?;
    heads.check_output("the gradient", gradient.len())?;
    heads.check_projections("the gradient of the projections", of_projections.len())?;
    if heads.is_empty() {
        return Ok(());
    }
    let examples = projections.par_chunks(heads.projection_values());
    let examples = examples.zip(probabilities.par_chunks(heads.probability_values()));
    let examples = examples.zip(gradient.par_chunks(heads.output_values()));
    let examples = examples.zip(of_projections.par_chunks_mut(heads.projection_values()));
    examples.for_each_init(
        || Scratch::new(heads),
        |scratch, (((projections, probabilities), gradient), of_projections)| {
            let example = Example { heads, projections, probabilities, gradient };
            for head in 0..heads.heads {
                example.pull_back(head, scratch, of_projections);
            }
        },
    );
    Ok(())
}

/// Memory that a thread needs in between.
struct Scratch {
    /// dP, then dS: `[tokens, tokens]`.
    scores: Vec<f32>,
    /// Products of a row: `[tokens]`.
    products: Vec<f32>,
    /// The gradient of one part of a head: `[tokens, head width]`.
    of_part: Vec<f32>,
}

impl Scratch {
    fn new(heads: Heads) -> Self {
        Self {
            scores: vec![0.0; heads.tokens * heads.tokens],
            products: vec![0.0; heads.tokens],
            of_part: vec![0.0; heads.tokens * heads.head_width],
        }
    }
}

/// What one example gives to its gradient.
struct Example<'values> {
    heads: Heads,
    projections: &'values [f32],
    probabilities: &'values [f32],
    gradient: &'values [f32],
}

impl Example<'_> {
    /// Computes the gradients of one head's queries, keys and values.
    fn pull_back(&self, head: usize, scratch: &mut Scratch, of_projections: &mut [f32]) {
        let Self { heads, projections, probabilities, gradient } = *self;
        let Scratch { scores, products, of_part } = scratch;
        let square = heads.tokens * heads.tokens;
        let probabilities = &probabilities[head * square..][..square];
        let gradient = heads.of_output(gradient, head);
        let [queries, keys, values] = [Part::Queries, Part::Keys, Part::Values]
            .map(|part| heads.part(projections, part, head));
        let row_length = 3 * heads.width();
        let mut keep = |part, of_part: &[f32]| {
            let place = (heads.offset(part, head), row_length);
            scatter(of_part, heads.head_width, of_projections, place);
        };

        multiply(heads.square(probabilities).transposed(), gradient, of_part);
        keep(Part::Values, of_part);
        multiply(gradient, values.transposed(), scores);
        Arch::new().dispatch(OfScores { heads, probabilities, products, scores });
        multiply(heads.square(scores), keys, of_part);
        keep(Part::Queries, of_part);
        multiply(heads.square(scores).transposed(), queries, of_part);
        keep(Part::Keys, of_part);
    }
}

/// Turns dP into dS, row by row.
struct OfScores<'values> {
    heads: Heads,
    probabilities: &'values [f32],
    products: &'values mut [f32],
    scores: &'values mut [f32],
}

impl WithSimd for OfScores<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { heads, probabilities, products, scores } = self;
        let (tokens, scale) = (heads.tokens, heads.scale());
        let rows = scores.chunks_exact_mut(tokens).zip(probabilities.chunks_exact(tokens));
        for (scores, probabilities) in rows {
            let factors = scores.iter().zip(probabilities);
            for (product, (of_probability, probability)) in products.iter_mut().zip(factors) {
                *product = of_probability * probability;
            }
            let sum = reduction::sum(products);
            for (score, probability) in scores.iter_mut().zip(probabilities) {
                *score = canonical((probability * (*score - sum)) * scale);
            }
        }
    }
}
