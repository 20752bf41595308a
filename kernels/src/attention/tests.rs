//! Fast equals portable, what comes later has no part, and gradients are slopes.

use super::*;
use crate::canonical::CANONICAL_NAN_BITS;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Attention and its gradient; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/attention.txt");

/// Attention with padding; the origin stands in the file.
const MASKED_VECTORS: &str = include_str!("../../tests/vectors/masked_attention.txt");

/// Sizes around the edges: nothing, one token, lanes, more tokens than a block.
const HEADS: &[Heads] = &[
    heads(0, 3, 2, 4),
    heads(2, 0, 2, 4),
    heads(2, 3, 0, 4),
    heads(2, 3, 2, 0),
    heads(1, 1, 1, 1),
    heads(3, 2, 3, 5),
    heads(2, 33, 2, 8),
    heads(1, 70, 4, 17),
    heads(1, 513, 1, 3),
];

const fn heads(batch: usize, tokens: usize, heads: usize, head_width: usize) -> Heads {
    Heads { batch, tokens, heads, head_width }
}

/// Ids of which a third are padding; of several examples the last is padding alone.
fn ids(heads: Heads) -> Vec<u32> {
    let places = 0..heads.batch * heads.tokens;
    let is_last = |place: usize| heads.batch > 1 && place / heads.tokens == heads.batch - 1;
    let id = |place: usize| if is_last(place) { 0 } else { u32::try_from(place * 7 % 3).unwrap() };
    places.map(id).collect()
}

/// Compares both directions with their definitions, for each mask.
fn check(heads: Heads, projections: &[f32], gradient: &[f32]) {
    let ids = ids(heads);
    for mask in [Mask::None, Mask::Causal, Mask::Padding(&ids)] {
        check_masked((heads, mask), projections, gradient);
    }
}

/// Compares both directions with their definitions.
fn check_masked((heads, mask): (Heads, Mask<'_>), projections: &[f32], gradient: &[f32]) {
    let expected = attention_portable(heads, mask, projections).unwrap();
    let mut probabilities = vec![f32::NAN; heads.batch * heads.probability_values()];
    let mut output = vec![f32::NAN; gradient.len()];
    attention(heads, mask, projections, &mut probabilities, &mut output).unwrap();
    if !heads.is_empty() {
        assert_eq!(bits(&probabilities), bits(&expected.probabilities), "{heads:?}");
    }
    assert_eq!(bits(&output), bits(&expected.output), "{heads:?}");
    let expected =
        attention_gradient_portable(heads, projections, &probabilities, gradient).unwrap();
    let mut actual = vec![f32::NAN; projections.len()];
    attention_gradient(heads, projections, &probabilities, gradient, &mut actual).unwrap();
    assert_eq!(bits(&actual), bits(&expected), "{heads:?}");
}

/// Projections and the gradient of the output, drawn by a function of a domain and a count.
fn draw(heads: Heads, numbers: impl Fn(&str, usize) -> Vec<f32>) -> (Vec<f32>, Vec<f32>) {
    let values = heads.batch * heads.output_values();
    (numbers("projections", 3 * values), numbers("gradient", values))
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &heads in HEADS {
            let (projections, gradient) = draw(heads, |domain, count| normals(domain, 0, count));
            check(heads, &projections, &gradient);
        }
    });
}

#[test]
fn attention_is_that_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 9);
    for (sizes, name, words) in lines {
        let heads = heads(1, sizes[0], sizes[1], sizes[2]);
        let (projections, gradient) = draw(heads, |domain, count| {
            normals(&format!("attention {domain}"), heads.tokens, count)
        });
        let made = attention_portable(heads, Mask::Causal, &projections).unwrap();
        let of = attention_gradient_portable(heads, &projections, &made.probabilities, &gradient);
        let values = match name {
            "probabilities" => made.probabilities,
            "output" => made.output,
            _ => of.unwrap(),
        };
        assert_eq!(shown(&values), words, "{name} of {heads:?}");
    }
}

#[test]
fn attention_with_padding_is_that_of_the_vectors() {
    let lines = sized_lines(MASKED_VECTORS);
    assert_eq!(lines.len(), 8);
    for (sizes, name, words) in lines {
        let heads = heads(1, sizes[0], sizes[1], sizes[2]);
        let ids: Vec<u32> = (0..heads.tokens)
            .map(|token| u32::from(sizes[3] > 1 && token % sizes[3] != 1))
            .collect();
        let (projections, _) = draw(heads, |domain, count| {
            normals(&format!("attention {domain}"), heads.tokens, count)
        });
        let made = attention_portable(heads, Mask::Padding(&ids), &projections).unwrap();
        let values = if name == "output" { made.output } else { made.probabilities };
        assert_eq!(shown(&values), words, "{name} of {heads:?}");
    }
}

#[test]
fn fast_equals_portable_with_awkward_numbers() {
    for &heads in HEADS {
        for every in [7, 97, 1009] {
            let numbers = |domain: &str, count| awkward(domain, every, count, every);
            let (projections, gradient) = draw(heads, numbers);
            check(heads, &projections, &gradient);
        }
    }
}

#[test]
fn probabilities_of_what_comes_later_are_plus_zero_and_the_others_sum_to_one() {
    let heads = heads(2, 9, 2, 4);
    let (projections, _) = draw(heads, |domain, count| normals(domain, 2, count));
    let probabilities =
        attention_portable(heads, Mask::Causal, &projections).unwrap().probabilities;
    for (index, row) in probabilities.chunks(9).enumerate() {
        let (past, later) = row.split_at(index % 9 + 1);
        assert!(later.iter().all(|probability| probability.to_bits() == 0));
        assert!((past.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn the_first_token_sees_only_itself_and_a_later_nan_does_not_reach_it_through_scores() {
    let heads = heads(1, 2, 1, 2);
    let nan = f32::from_bits(0xffc0_0001);
    // Token 1 has a NaN in its key; its value is fine.
    let projections = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 2.0, nan, 4.0, 7.0, 8.0];
    let made = attention_portable(heads, Mask::Causal, &projections).unwrap();
    assert_eq!(bits(&made.output[..2]), bits(&[5.0, 6.0]));
    assert_eq!(bits(&made.output[2..]), [CANONICAL_NAN_BITS; 2]);
}

#[test]
fn gradients_are_slopes_under_every_mask() {
    let heads = heads(2, 5, 2, 3);
    let ids = ids(heads);
    for mask in [Mask::None, Mask::Causal, Mask::Padding(&ids)] {
        check_slopes(heads, mask);
    }
}

fn check_slopes(heads: Heads, mask: Mask<'_>) {
    let (mut projections, gradient) = draw(heads, |domain, count| normals(domain, 1, count));
    let loss = |projections: &[f32]| -> f64 {
        let output = attention_portable(heads, mask, projections).unwrap().output;
        let pairs = output.iter().zip(&gradient);
        pairs.map(|(value, weight)| f64::from(*value) * f64::from(*weight)).sum()
    };
    let probabilities = attention_portable(heads, mask, &projections).unwrap().probabilities;
    let of_projections =
        attention_gradient_portable(heads, &projections, &probabilities, &gradient).unwrap();
    let step = 1.0 / 128.0;
    for (index, expected) in of_projections.into_iter().enumerate() {
        let value = projections[index];
        projections[index] = value + step;
        let above = loss(&projections);
        projections[index] = value - step;
        let slope = (above - loss(&projections)) / (2.0 * f64::from(step));
        projections[index] = value;
        assert!((slope - f64::from(expected)).abs() < 1e-3, "{index}: {slope} and {expected}");
    }
}

#[test]
fn padding_is_seen_by_nobody_unless_there_is_nothing_else() {
    let heads = heads(2, 3, 1, 2);
    let (projections, _) = draw(heads, |domain, count| normals(domain, 3, count));
    let ids = [5, 0, 9, 0, 0, 0];
    let masked = attention_portable(heads, Mask::Padding(&ids), &projections).unwrap();
    let plain = attention_portable(heads, Mask::None, &projections).unwrap();
    let (first, second) = masked.probabilities.split_at(9);
    for row in first.chunks(3) {
        assert_eq!(row[1].to_bits(), 0);
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
    assert_eq!(bits(second), bits(&plain.probabilities[9..]));
    assert!(attention_portable(heads, Mask::Padding(&ids[1..]), &projections).is_err());
}

#[test]
fn the_scale_is_a_rounded_division_by_a_rounded_root() {
    assert_eq!(heads(1, 1, 1, 64).scale().to_bits(), 0.125_f32.to_bits());
    assert_eq!(heads(1, 1, 1, 3).scale().to_bits(), (1.0 / 3.0_f32.sqrt()).to_bits());
}

#[test]
fn buffers_of_other_sizes_are_refused() {
    let heads = heads(1, 2, 1, 1);
    let error = attention(heads, Mask::None, &[0.0; 5], &mut [0.0; 4], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the projections has 5 values, not 6");
    assert!(attention(heads, Mask::None, &[0.0; 6], &mut [0.0; 3], &mut [0.0; 2]).is_err());
    assert!(attention(heads, Mask::None, &[0.0; 6], &mut [0.0; 4], &mut [0.0; 3]).is_err());
    let gradient = attention_gradient(heads, &[0.0; 6], &[0.0; 4], &[0.0; 2], &mut [0.0; 5]);
    assert!(gradient.is_err());
}
