//! Fast equals portable, bits are those of the vectors, gradients are slopes, batches may be cut.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};
use crate::normalization::{LayerNorm, LayerNormRoom, layer_norm_portable};

/// Group norms of several sizes; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/group_norm.txt");

/// Images, channels, pixels and groups around the edges of lanes, blocks, pieces and threads.
const SIZES: &[[usize; 4]] = &[
    [0, 1, 1, 1],
    [1, 1, 1, 1],
    [2, 4, 6, 2],
    [3, 17, 9, 1],
    [2, 8, 130, 8],
    [1, 2, 513, 1],
    [2, 3, 1025, 3],
    [300, 6, 16, 3],
];

/// Everything that goes into a group norm and its gradient.
struct Case {
    groups: usize,
    pixels: usize,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    input: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    /// Numbers drawn by a function of a domain and a count.
    fn draw(
        [images, channels, pixels, groups]: [usize; 4],
        numbers: impl Fn(&str, usize) -> Vec<f32>,
    ) -> Self {
        Self {
            groups,
            pixels,
            gamma: numbers("gamma", channels),
            beta: numbers("beta", channels),
            input: numbers("input", images * channels * pixels),
            gradient: numbers("gradient", images * channels * pixels),
        }
    }

    fn layer(&self) -> GroupNorm<'_> {
        let Self { groups, pixels, gamma, beta, .. } = self;
        GroupNorm { gamma, beta, groups: *groups, pixels: *pixels, epsilon: 1e-5 }
    }

    /// Both directions by the definitions.
    fn portable(&self) -> (LayerNormOutput, LayerNormGradient) {
        let made = group_norm_portable(self.layer(), &self.input).unwrap();
        let normalized =
            Normalized { values: &made.normalized, inverse_deviations: &made.inverse_deviations };
        let of = group_norm_gradient_portable(self.layer(), normalized, &self.gradient).unwrap();
        (made, of)
    }

    /// Compares both directions with their definitions, the images in batches of a size.
    fn check(&self, batch: usize) {
        let (made, of) = self.portable();
        let (mut of_gamma, mut of_beta) = (vec![0.0; self.gamma.len()], vec![0.0; self.beta.len()]);
        let values = batch * self.layer().image_values();
        let parts = self.input.chunks(values).zip(self.gradient.chunks(values)).enumerate();
        for (part, (input, gradient)) in parts {
            let room = || vec![f32::NAN; input.len()];
            let (mut output, mut normalized, mut of_input) = (room(), room(), room());
            let rows = input.len() / self.layer().row_values();
            let mut inverse_deviations = vec![f32::NAN; rows];
            let rooms = LayerNormRoom {
                output: &mut output,
                normalized: &mut normalized,
                inverse_deviations: &mut inverse_deviations,
            };
            group_norm(self.layer(), input, rooms).unwrap();
            let kept = Normalized { values: &normalized, inverse_deviations: &inverse_deviations };
            group_norm_input_gradient(self.layer(), kept, gradient, &mut of_input).unwrap();
            let (layer, sums) = (self.layer(), (&mut of_gamma, &mut of_beta));
            add_group_norm_parameter_gradient(layer, (kept, gradient), sums.0, sums.1).unwrap();
            let here = part * values..part * values + input.len();
            assert_eq!(bits(&output), bits(&made.output[here.clone()]));
            assert_eq!(bits(&normalized), bits(&made.normalized[here.clone()]));
            assert_eq!(bits(&of_input), bits(&of.of_input[here]));
            let expected = &made.inverse_deviations[part * batch * self.groups..][..rows];
            assert_eq!(bits(&inverse_deviations), bits(expected));
        }
        assert_eq!(bits(&of_gamma), bits(&of.of_gamma), "batches of {batch}");
        assert_eq!(bits(&of_beta), bits(&of.of_beta), "batches of {batch}");
    }
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &sizes in SIZES {
            Case::draw(sizes, |domain, count| normals(domain, 0, count)).check(sizes[0].max(1));
        }
    });
}

#[test]
fn fast_equals_portable_with_awkward_numbers() {
    for &sizes in SIZES {
        for every in [2, 61, 1009] {
            let case = Case::draw(sizes, |domain, count| awkward(domain, every, count, every));
            case.check(sizes[0].max(1));
        }
    }
}

#[test]
fn a_batch_cut_into_smaller_ones_gives_the_bits_of_the_whole() {
    for batch in 1..=5 {
        Case::draw([5, 6, 520, 2], |domain, count| normals(domain, 1, count)).check(batch);
    }
}

#[test]
fn outputs_and_gradients_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 20);
    for (sizes, name, words) in lines {
        let sizes: [usize; 4] = sizes.try_into().unwrap();
        let case = Case::draw(sizes, |what, count| {
            let counter = if count == sizes[1] && what.ends_with('a') { sizes[2] } else { count };
            normals(&format!("group norm {what}"), counter, count)
        });
        let (made, of) = case.portable();
        let values = match name {
            "output" => made.output,
            "of_input" => of.of_input,
            "of_gamma" => of.of_gamma,
            _ => of.of_beta,
        };
        assert_eq!(shown(&values), words, "{name} of {sizes:?}");
    }
}

#[test]
fn one_group_of_single_pixels_is_a_layer_norm() {
    let case = Case::draw([7, 40, 1, 1], |domain, count| normals(domain, 2, count));
    let layer = LayerNorm { gamma: &case.gamma, beta: &case.beta, epsilon: 1e-5 };
    let made = group_norm_portable(case.layer(), &case.input).unwrap();
    assert_eq!(made, layer_norm_portable(layer, &case.input).unwrap());
}

/// The group norm in f64.
fn reference(case: &Case) -> Vec<f64> {
    let width = case.layer().row_values();
    let rows = case.input.chunks(width).enumerate().flat_map(|(row, values)| {
        let count = u32::try_from(width).map(f64::from).unwrap();
        let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let squares = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / count + 1e-5).sqrt();
        values.iter().enumerate().map(move |(at, x)| {
            let channel = case.layer().first_channel(row) + at / case.pixels;
            let normalized = (f64::from(*x) - mean) / deviation;
            normalized * f64::from(case.gamma[channel]) + f64::from(case.beta[channel])
        })
    });
    rows.collect()
}

/// The sum of the outputs, each times its gradient: a loss whose slopes are the gradients.
fn loss(case: &Case) -> f64 {
    reference(case).iter().zip(&case.gradient).map(|(y, g)| y * f64::from(*g)).sum()
}

#[test]
fn outputs_are_near_those_of_long_numbers() {
    for sizes in [[2, 4, 6, 2], [2, 2, 600, 1]] {
        let case = Case::draw(sizes, |domain, count| normals(domain, 3, count));
        let (made, _) = case.portable();
        for (value, exact) in made.output.iter().zip(reference(&case)) {
            assert!((f64::from(*value) - exact).abs() < 2e-6, "{value} is not {exact}");
        }
    }
}

/// A part of a case.
type Choose = fn(&mut Case) -> &mut Vec<f32>;

#[test]
fn gradients_are_slopes() {
    let mut case = Case::draw([2, 4, 5, 2], |domain, count| normals(domain, 4, count));
    let (_, of) = case.portable();
    let parts: [(&str, Vec<f32>, Choose); 3] = [
        ("input", of.of_input, |case| &mut case.input),
        ("gamma", of.of_gamma, |case| &mut case.gamma),
        ("beta", of.of_beta, |case| &mut case.beta),
    ];
    for (name, expected, choose) in parts {
        for (index, expected) in expected.into_iter().enumerate() {
            let (step, value) = (1.0 / 4096.0, choose(&mut case)[index]);
            choose(&mut case)[index] = value + step;
            let (above, high) = (loss(&case), f64::from(choose(&mut case)[index]));
            choose(&mut case)[index] = value - step;
            let slope = (above - loss(&case)) / (high - f64::from(choose(&mut case)[index]));
            choose(&mut case)[index] = value;
            assert!((slope - f64::from(expected)).abs() < 1e-5, "{name} {index}: {slope}");
        }
    }
}

#[test]
fn channels_that_are_no_whole_groups_and_buffers_of_other_sizes_are_named() {
    let layer =
        GroupNorm { gamma: &[1.0; 3], beta: &[0.0; 3], groups: 2, pixels: 4, epsilon: 1e-5 };
    let error = group_norm_portable(layer, &[0.0; 12]).unwrap_err();
    assert_eq!(error.to_string(), "3 channels of 4 pixels are not 2 groups");
    assert!(group_norm_portable(GroupNorm { groups: 0, ..layer }, &[0.0; 12]).is_err());
    assert!(group_norm_portable(GroupNorm { pixels: 0, ..layer }, &[]).is_err());
    let layer = GroupNorm { groups: 3, ..layer };
    assert!(group_norm_portable(layer, &[0.0; 11]).is_err());
    assert!(group_norm_portable(GroupNorm { beta: &[], ..layer }, &[0.0; 12]).is_err());
    let kept = Normalized { values: &[0.0; 12], inverse_deviations: &[1.0; 2] };
    let error = group_norm_gradient_portable(layer, kept, &[0.0; 12]).unwrap_err();
    assert_eq!(error.to_string(), "the inverse deviations has 2 values, not 3");
}
