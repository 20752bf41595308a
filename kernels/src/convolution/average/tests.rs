//! Fast equals portable, bits are those of the vectors, the gradient is the slope.

use super::*;
use crate::fixtures::{awkward, bits, normals, on_one_two_and_three_threads, shown, sized_lines};

/// Averages of planes; the origin stands in the file.
const VECTORS: &str = include_str!("../../../tests/vectors/average_pool.txt");

/// Planes around the edges of lanes, pieces and threads.
const PLANES: &[(usize, usize, usize)] =
    &[(0, 2, 2), (1, 1, 1), (3, 5, 7), (2, 32, 32), (5, 25, 41), (3, 64, 65), (700, 7, 7)];

#[test]
fn fast_equals_portable_on_one_two_and_three_threads() {
    on_one_two_and_three_threads(|| {
        for &(count, height, width) in PLANES {
            let plane = Plane { count, height, width };
            for every in [3, 1009] {
                let input = awkward("average", every, plane.input_values(), every);
                let gradient = awkward("average gradient", every, count, every);
                let mut output = vec![f32::NAN; count];
                average_pool(plane, &input, &mut output).unwrap();
                let expected = average_pool_portable(plane, &input).unwrap();
                assert_eq!(bits(&output), bits(&expected), "{plane:?}");
                let mut of_input = vec![f32::NAN; input.len()];
                average_pool_gradient(plane, &gradient, &mut of_input).unwrap();
                let expected = average_pool_gradient_portable(plane, &gradient).unwrap();
                assert_eq!(bits(&of_input), bits(&expected), "{plane:?}");
            }
        }
    });
}

#[test]
fn averages_and_gradients_are_those_of_the_vectors() {
    let lines = sized_lines(VECTORS);
    assert_eq!(lines.len(), 6);
    for (sizes, name, words) in lines {
        let plane = Plane { count: sizes[0], height: sizes[1], width: sizes[2] };
        let values = if name == "average" {
            let input = normals("average pool", plane.height, plane.input_values());
            average_pool_portable(plane, &input).unwrap()
        } else {
            let gradient = normals("average pool gradient", plane.height, plane.count);
            let of_input = average_pool_gradient_portable(plane, &gradient).unwrap();
            of_input.into_iter().step_by(plane.pixels()).collect()
        };
        // `shown` repeats the last value, which lines of so few values do not.
        let shown = shown(&values);
        assert_eq!(shown.rsplit_once(' ').unwrap().0, words, "{name} of {plane:?}");
    }
}

#[test]
fn every_pixel_gets_an_equal_share_of_the_gradient() {
    let plane = Plane { count: 2, height: 2, width: 2 };
    assert_eq!(
        average_pool_portable(plane, &[1.0, 2.0, 3.0, 6.0, -1.0, 1.0, 0.0, 2.0]).unwrap(),
        [3.0, 0.5]
    );
    let of_input = average_pool_gradient_portable(plane, &[8.0, -1.0]).unwrap();
    assert_eq!(of_input, [2.0, 2.0, 2.0, 2.0, -0.25, -0.25, -0.25, -0.25]);
}

#[test]
fn planes_of_nothing_and_other_sizes_are_refused() {
    let empty = Plane { count: 1, height: 0, width: 3 };
    let error = average_pool_portable(empty, &[]).unwrap_err();
    assert_eq!(error.to_string(), "an image of 0 x 3 has no average");
    let plane = Plane { count: 2, height: 1, width: 2 };
    assert!(average_pool(plane, &[0.0; 3], &mut [0.0; 2]).is_err());
    assert!(average_pool_gradient(plane, &[0.0; 1], &mut [0.0; 4]).is_err());
}
