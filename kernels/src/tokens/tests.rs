//! Fast equals portable, padding has no part, gradients share what is behind.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads};

/// Texts, tokens, width around the edges of lanes and chunks.
const SIZES: &[(usize, usize, usize)] = &[
    (0, 2, 3),
    (2, 0, 3),
    (2, 3, 0),
    (1, 1, 1),
    (3, 31, 2),
    (2, 33, 5),
    (2, 100, 17),
    (1, 4097, 1),
];

/// Ids of which about a third are padding.
fn ids(count: usize) -> Vec<u32> {
    (0..count).map(|place| u32::try_from(place * 7 % 3).unwrap()).collect()
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &(batch, tokens, width) in SIZES {
            let ids = ids(batch * tokens);
            for (ids, every) in [(None, 7), (Some(ids.as_slice()), 11), (None, 1009)] {
                let texts = Texts { batch, tokens, width, ids };
                let input = awkward("tokens", every, batch * tokens * width, every);
                let expected = mean_tokens_portable(texts, &input).unwrap();
                let mut actual = vec![f32::NAN; batch * width];
                mean_tokens(texts, &input, &mut actual).unwrap();
                assert_eq!(bits(&actual), bits(&expected), "{texts:?}");
            }
        }
    });
}

#[test]
fn the_mean_is_taken_over_tokens_that_are_present() {
    let ids = [3, 0, 9, 0, 0, 0];
    let texts = Texts { batch: 2, tokens: 3, width: 2, ids: Some(&ids) };
    let input = [1.0, 2.0, f32::NAN, f32::INFINITY, 4.0, 8.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let mut means = [f32::NAN; 4];
    mean_tokens(texts, &input, &mut means).unwrap();
    assert_eq!(bits(&means), bits(&[2.5, 5.0, 0.0, 0.0]));
    let mut of_input = [f32::NAN; 12];
    mean_tokens_gradient(texts, &[1.0, 2.0, 3.0, 4.0], &mut of_input).unwrap();
    let expected = [0.5, 1.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(bits(&of_input), bits(&expected));
}

#[test]
fn the_first_token_and_its_gradient_are_copies() {
    let texts = Texts { batch: 2, tokens: 2, width: 2, ids: None };
    let input = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let mut first = [0.0; 4];
    first_token(texts, &input, &mut first).unwrap();
    assert_eq!(bits(&first), bits(&[1.0, 2.0, 5.0, 6.0]));
    let mut of_input = [f32::NAN; 8];
    first_token_gradient(texts, &[1.0, 2.0, 3.0, 4.0], &mut of_input).unwrap();
    assert_eq!(bits(&of_input), bits(&[1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]));
}

proptest! {
    #[test]
    fn a_gradient_of_the_mean_is_its_slope(tokens in 1_usize..40, seed in 0_usize..1000) {
        let ids = ids(tokens + seed).split_off(seed);
        let texts = Texts { batch: 1, tokens, width: 2, ids: Some(&ids) };
        let (input, change) = (normals("tokens", seed, 2 * tokens), normals("change", seed, 2 * tokens));
        let gradient = normals("gradient", seed, 2);
        // The mean is linear: what it makes of a change is the sum of the change times the gradient.
        let changed = mean_tokens_portable(texts, &change).unwrap();
        let expected: f32 = changed.iter().zip(&gradient).map(|(a, b)| a * b).sum();
        let mut of_input = input;
        mean_tokens_gradient(texts, &gradient, &mut of_input).unwrap();
        let found: f32 = of_input.iter().zip(&change).map(|(a, b)| a * b).sum();
        prop_assert!((expected - found).abs() < 1e-5, "{} {}", expected, found);
    }
}

#[test]
fn buffers_of_other_sizes_are_refused() {
    let texts = Texts { batch: 1, tokens: 2, width: 2, ids: None };
    let error = mean_tokens(texts, &[0.0; 3], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the tokens has 3 values, not 4");
    assert!(first_token(texts, &[0.0; 4], &mut [0.0; 3]).is_err());
    assert!(mean_tokens_gradient(texts, &[0.0; 3], &mut [0.0; 4]).is_err());
    let texts = Texts { ids: Some(&[1; 3]), ..texts };
    assert!(mean_tokens_portable(texts, &[0.0; 4]).is_err());
}
