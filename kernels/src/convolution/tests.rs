//! Fast equals portable over shapes, blocks and threads; gradients are slopes.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Convolutions and their gradients; the origin stands in the file.
const VECTORS: &str = include_str!("../../tests/vectors/convolution.txt");

/// The same with strides and frames of zeros, without bias.
const FRAMED_VECTORS: &str = include_str!("../../tests/vectors/convolution_framed.txt");

/// Sizes around the edges: one pixel, a kernel of 1, more pixels than a block, nothing to do.
const GEOMETRIES: &[Geometry] = &[
    geometry(0, 1, (3, 3), 3, 1),
    geometry(1, 1, (1, 1), 1, 1),
    geometry(2, 1, (4, 5), 2, 3),
    geometry(3, 2, (5, 4), 3, 9),
    geometry(2, 3, (7, 9), 1, 8),
    geometry(2, 1, (28, 28), 5, 4),
    geometry(1, 1, (36, 36), 2, 2),
    geometry(5, 4, (12, 12), 5, 17),
];

/// Strides and frames: rows left over, frames as wide as the kernel, places that see only the frame.
const FRAMED: &[Geometry] = &[
    framed(geometry(0, 1, (3, 3), 3, 1), 2, 1),
    framed(geometry(1, 1, (1, 1), 3, 1), 1, 1),
    framed(geometry(2, 2, (5, 7), 3, 3), 2, 1),
    framed(geometry(2, 3, (4, 6), 1, 9), 2, 0),
    framed(geometry(3, 2, (9, 8), 3, 5), 1, 1),
    framed(geometry(1, 2, (7, 5), 4, 2), 3, 2),
    framed(geometry(1, 1, (2, 3), 2, 1), 1, 3),
    framed(geometry(2, 1, (28, 28), 5, 4), 1, 2),
    framed(geometry(1, 1, (60, 53), 2, 2), 2, 1),
    framed(geometry(1, 2, (3, 3), 5, 1), 7, 1),
];

const fn framed(geometry: Geometry, stride: usize, padding: usize) -> Geometry {
    Geometry { stride, padding, ..geometry }
}

const fn geometry(
    batch: usize,
    channels: usize,
    (height, width): (usize, usize),
    kernel: usize,
    outputs: usize,
) -> Geometry {
    Geometry { batch, channels, height, width, kernel, outputs, stride: 1, padding: 0 }
}

/// Everything that goes into a convolution and its gradients.
struct Case {
    geometry: Geometry,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    /// Numbers drawn by a function of a domain and a count.
    fn draw(geometry: Geometry, numbers: impl Fn(&str, usize) -> Vec<f32>) -> Self {
        let Geometry { batch, outputs, .. } = geometry;
        Self {
            geometry,
            input: numbers("input", batch * geometry.input_values()),
            weight: numbers("weight", outputs * geometry.depth()),
            bias: numbers("bias", outputs),
            gradient: numbers("gradient", batch * geometry.output_values()),
        }
    }

    /// Compares all fast functions with their definitions.
    fn check(&self) {
        let Self { geometry, input, weight, bias, gradient } = self;
        let geometry = *geometry;
        let mut output = vec![f32::NAN; gradient.len()];
        forward(geometry, input, weight, Some(bias), &mut output).unwrap();
        let expected = forward_portable(geometry, input, weight, Some(bias)).unwrap();
        assert_eq!(bits(&output), bits(&expected), "forward, {geometry:?}");

        let mut of_weight = vec![f32::NAN; weight.len()];
        weight_gradient(geometry, input, gradient, &mut of_weight).unwrap();
        let expected = weight_gradient_portable(geometry, input, gradient).unwrap();
        assert_eq!(bits(&of_weight), bits(&expected), "gradient of the weight, {geometry:?}");

        let mut of_bias = vec![f32::NAN; bias.len()];
        bias_gradient(geometry, gradient, &mut of_bias).unwrap();
        let expected = bias_gradient_portable(geometry, gradient).unwrap();
        assert_eq!(bits(&of_bias), bits(&expected), "gradient of the bias, {geometry:?}");

        let mut of_input = vec![f32::NAN; input.len()];
        input_gradient(geometry, weight, gradient, &mut of_input).unwrap();
        let expected = input_gradient_portable(geometry, weight, gradient).unwrap();
        assert_eq!(bits(&of_input), bits(&expected), "gradient of the input, {geometry:?}");
    }
}

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for geometry in GEOMETRIES.iter().chain(FRAMED) {
            Case::draw(*geometry, |domain, count| normals(domain, 0, count)).check();
        }
    });
}

#[test]
fn convolutions_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 8);
    for (index, (sizes, name, words)) in lines.into_iter().enumerate() {
        let sized = geometry(sizes[0], sizes[1], (sizes[2], sizes[3]), sizes[4], sizes[5]);
        let case = Case::draw(sized, |domain, count| {
            normals(&format!("convolution {domain}"), index / 4, count)
        });
        let Case { input, weight, bias, gradient, .. } = &case;
        let values = match name {
            "output" => forward_portable(sized, input, weight, Some(bias)),
            "of_weight" => weight_gradient_portable(sized, input, gradient),
            "of_bias" => bias_gradient_portable(sized, gradient),
            _ => input_gradient_portable(sized, weight, gradient),
        };
        assert_eq!(shown(&values.unwrap()), words, "{name} of {sized:?}");
    }
}

#[test]
fn convolutions_with_strides_and_frames_are_those_of_the_vectors() {
    let lines = sized_lines(FRAMED_VECTORS);
    assert_eq!(lines.len(), 12);
    for (index, (sizes, name, words)) in lines.into_iter().enumerate() {
        let sized = geometry(sizes[0], sizes[1], (sizes[2], sizes[3]), sizes[4], sizes[5]);
        let sized = framed(sized, sizes[6], sizes[7]);
        let case = Case::draw(sized, |domain, count| {
            normals(&format!("convolution {domain}"), index / 3, count)
        });
        let Case { input, weight, gradient, .. } = &case;
        let values = match name {
            "output" => forward_portable(sized, input, weight, None),
            "of_weight" => weight_gradient_portable(sized, input, gradient),
            _ => input_gradient_portable(sized, weight, gradient),
        };
        assert_eq!(shown(&values.unwrap()), words, "{name} of {sized:?}");
    }
}

/// The image of a case in a frame of zeros that is written down, and the convolution over that.
fn written_out(case: &Case) -> (Geometry, Vec<f32>) {
    let Geometry { height, width, padding, .. } = case.geometry;
    let (framed_height, framed_width) = (height + 2 * padding, width + 2 * padding);
    let mut images = Vec::new();
    for plane in case.input.chunks(height * width) {
        let mut framed = vec![0.0; framed_height * framed_width];
        for (y, row) in plane.chunks(width).enumerate() {
            framed[(y + padding) * framed_width + padding..][..width].copy_from_slice(row);
        }
        images.extend(framed);
    }
    let framed = geometry(
        case.geometry.batch,
        case.geometry.channels,
        (framed_height, framed_width),
        case.geometry.kernel,
        case.geometry.outputs,
    );
    (Geometry { stride: case.geometry.stride, ..framed }, images)
}

#[test]
fn a_frame_is_what_zeros_around_the_image_are() {
    for geometry in FRAMED.iter().filter(|geometry| geometry.batch > 0) {
        let case = Case::draw(*geometry, |domain, count| normals(domain, 5, count));
        let (plain, images) = written_out(&case);
        let Case { input, weight, gradient, .. } = &case;
        let mine = forward_portable(*geometry, input, weight, None).unwrap();
        let expected = forward_portable(plain, &images, weight, None).unwrap();
        assert_eq!(bits(&mine), bits(&expected), "{geometry:?}");
        let mine = weight_gradient_portable(*geometry, input, gradient).unwrap();
        let expected = weight_gradient_portable(plain, &images, gradient).unwrap();
        assert_eq!(bits(&mine), bits(&expected), "{geometry:?}");
    }
}

#[test]
fn a_stride_skips_pixels_of_the_convolution_without_one() {
    for geometry in FRAMED.iter().filter(|geometry| geometry.batch > 0) {
        let case = Case::draw(*geometry, |domain, count| normals(domain, 6, count));
        let every = framed(*geometry, 1, geometry.padding);
        let all = forward_portable(every, &case.input, &case.weight, Some(&case.bias)).unwrap();
        let rows = all.chunks(every.output_width()).enumerate();
        let kept =
            rows.filter(|(row, _)| (row % every.output_height()).is_multiple_of(geometry.stride));
        let kept: Vec<f32> =
            kept.flat_map(|(_, row)| row.iter().copied().step_by(geometry.stride)).collect();
        let mine = forward_portable(*geometry, &case.input, &case.weight, Some(&case.bias));
        assert_eq!(bits(&mine.unwrap()), bits(&kept), "{geometry:?}");
    }
}

#[test]
fn fast_equals_portable_with_awkward_numbers() {
    for geometry in GEOMETRIES.iter().chain(FRAMED) {
        for every in [3, 97, 1009] {
            Case::draw(*geometry, |domain, count| awkward(domain, every, count, every)).check();
        }
    }
}

/// A part of a case.
type Choose = fn(&mut Case) -> &mut Vec<f32>;

/// The sum of the outputs, each times its gradient: a loss whose slopes are the gradients.
fn loss(case: &Case) -> f64 {
    let Case { geometry, input, weight, bias, gradient } = case;
    let output = forward_portable(*geometry, input, weight, Some(bias)).unwrap();
    output.iter().zip(gradient).map(|(value, weight)| f64::from(*value) * f64::from(*weight)).sum()
}

#[test]
fn gradients_are_slopes() {
    check_slopes(geometry(2, 2, (5, 6), 3, 3));
}

#[test]
fn gradients_with_strides_and_frames_are_slopes() {
    check_slopes(framed(geometry(2, 2, (5, 6), 3, 3), 2, 1));
    check_slopes(framed(geometry(1, 2, (7, 5), 2, 2), 3, 1));
}

fn check_slopes(geometry: Geometry) {
    let mut case = Case::draw(geometry, |name, count| normals(name, 1, count));
    let Case { geometry, input, weight, gradient, .. } = &case;
    let of_weight = weight_gradient_portable(*geometry, input, gradient).unwrap();
    let of_bias = bias_gradient_portable(*geometry, gradient).unwrap();
    let of_input = input_gradient_portable(*geometry, weight, gradient).unwrap();
    let parts: [(&str, Vec<f32>, Choose); 3] = [
        ("weight", of_weight, |case| &mut case.weight),
        ("bias", of_bias, |case| &mut case.bias),
        ("input", of_input, |case| &mut case.input),
    ];
    for (name, expected, choose) in parts {
        for (index, expected) in expected.into_iter().enumerate() {
            // The loss is linear in each part, so a wide step has no error but rounding.
            let value = choose(&mut case)[index];
            choose(&mut case)[index] = value + 1.0;
            let above = loss(&case);
            choose(&mut case)[index] = value - 1.0;
            let slope = (above - loss(&case)) / 2.0;
            choose(&mut case)[index] = value;
            assert!((slope - f64::from(expected)).abs() < 1e-4, "{name} {index}: {slope}");
        }
    }
}

#[test]
fn block_sums_of_the_weight_are_added_one_after_the_other_and_not_image_by_image() {
    // Blocks of 2^24, then 1 and 1: one after the other both ones are lost, as a pair they count.
    let geometry = geometry(2, 1, (1, 1024), 1, 1);
    let mut input = vec![0.0; 2 * 1024];
    (input[0], input[1024], input[1536]) = (16_777_216.0, 1.0, 1.0);
    let gradient = vec![1.0; 2 * 1024];
    let mut of_weight = [0.0];
    weight_gradient(geometry, &input, &gradient, &mut of_weight).unwrap();
    assert_eq!(bits(&of_weight), bits(&[16_777_216.0]));
}

#[test]
fn columns_hold_what_the_kernel_sees_and_fold_takes_them_back() {
    let geometry = geometry(1, 1, (2, 3), 2, 1);
    let columns = columns_portable(geometry, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    assert_eq!(columns, [1.0, 2.0, 4.0, 5.0, 2.0, 3.0, 5.0, 6.0]);
    let folded = fold_portable(geometry, &columns).unwrap();
    assert_eq!(folded, [1.0, 4.0, 3.0, 4.0, 10.0, 6.0]);
    assert!(fold_portable(geometry, &columns[1..]).is_err());
}

#[test]
fn sizes_that_make_no_convolution_are_named() {
    let refuse = |geometry| columns_portable(geometry, &[]).unwrap_err().to_string();
    let error = refuse(geometry(1, 1, (3, 4), 4, 1));
    assert_eq!(error, "a kernel of 4 x 4 does not fit into an image of 3 x 4");
    let error = refuse(framed(geometry(1, 1, (1, 2), 4, 1), 1, 1));
    assert_eq!(error, "a kernel of 4 x 4 does not fit into an image of 3 x 4");
    assert!(refuse(framed(geometry(1, 1, (0, 2), 2, 1), 1, 1)).ends_with("an image of 2 x 4"));
    assert_eq!(refuse(framed(geometry(1, 1, (3, 4), 2, 1), 0, 1)), "a stride of 0 leads nowhere");
    assert_eq!(refuse(geometry(1, 0, (3, 4), 2, 1)), "a convolution from 0 channels to 1 is none");
    assert_eq!(refuse(geometry(1, 1, (3, 4), 2, 1)), "the input has 0 values, not 12");
    let huge = geometry(usize::MAX, 2, (3, 4), 2, 1);
    assert!(refuse(huge).ends_with(&usize::MAX.to_string()));
    assert!(
        forward(geometry(1, 1, (2, 2), 2, 1), &[0.0; 4], &[0.0; 4], Some(&[]), &mut [0.0]).is_err()
    );
}

/// Planes around the edges of vectors and threads.
const PLANES: &[Plane] = &[
    Plane { count: 0, height: 2, width: 2 },
    Plane { count: 3, height: 2, width: 0 },
    Plane { count: 1, height: 2, width: 2 },
    Plane { count: 3, height: 4, width: 6 },
    Plane { count: 2, height: 24, width: 24 },
    Plane { count: 5, height: 130, width: 66 },
];

#[test]
fn fast_pools_equal_their_definitions_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &plane in PLANES {
            for every in [2, 3, 50] {
                let input = awkward("pool", every, plane.input_values(), every);
                let gradient = awkward("pool gradient", every, plane.output_values(), every);
                let mut output = vec![f32::NAN; gradient.len()];
                let mut positions = vec![9; gradient.len()];
                max_pool(plane, &input, &mut output, &mut positions).unwrap();
                let (expected, expected_positions) = max_pool_portable(plane, &input).unwrap();
                assert_eq!(bits(&output), bits(&expected), "{plane:?}");
                assert_eq!(positions, expected_positions, "{plane:?}");
                let mut of_input = vec![f32::NAN; input.len()];
                max_pool_gradient(plane, &positions, &gradient, &mut of_input).unwrap();
                let expected = max_pool_gradient_portable(plane, &positions, &gradient).unwrap();
                assert_eq!(bits(&of_input), bits(&expected), "{plane:?}");
            }
        }
    });
}

#[test]
fn the_first_largest_wins_a_window_and_takes_the_whole_gradient() {
    let plane = Plane { count: 1, height: 2, width: 8 };
    let nan = f32::NAN;
    let upper = [1.0, 2.0, -0.0, 0.0, 5.0, nan, f32::NEG_INFINITY, f32::NEG_INFINITY];
    let lower = [2.0, 1.0, 0.0, 0.0, nan, 9.0, f32::NEG_INFINITY, f32::NEG_INFINITY];
    let (output, positions) = max_pool_portable(plane, &[upper, lower].concat()).unwrap();
    assert_eq!(bits(&output), bits(&[2.0, -0.0, nan, f32::NEG_INFINITY]));
    assert_eq!(positions, [1, 0, 1, 0]);
    let gradient = [7.0, 8.0, 9.0, 10.0];
    let of_input = max_pool_gradient_portable(plane, &positions, &gradient).unwrap();
    assert_eq!(of_input[..8], [0.0, 7.0, 8.0, 0.0, 0.0, 9.0, 10.0, 0.0]);
    assert_eq!(of_input[8..], [0.0; 8]);
}

#[test]
fn a_pool_of_odd_sides_is_refused() {
    let odd = Plane { count: 1, height: 3, width: 2 };
    let error = max_pool_portable(odd, &[0.0; 6]).unwrap_err();
    assert_eq!(error.to_string(), "windows of 2 x 2 do not cover an image of 3 x 2");
    let even = Plane { count: 1, height: 2, width: 2 };
    assert!(max_pool(even, &[0.0; 4], &mut [0.0], &mut []).is_err());
    assert!(max_pool_gradient(even, &[0], &[0.0; 2], &mut [0.0; 4]).is_err());
}
