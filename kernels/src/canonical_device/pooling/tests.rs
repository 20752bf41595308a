//! Pooling on a device takes what the definition takes, and gives the gradient to it alone.

use super::super::tests::{assert_same, awkward, normals, size, with_operators};
use super::*;
use crate::convolution::{Plane, max_pool_gradient_portable, max_pool_portable};

fn check(shape: PoolShape, images: &[f32]) {
    let (input_count, output_count) = shape.lengths().unwrap();
    let gradient = awkward(7, output_count, 5);
    let (output, of_images) = with_operators(|operators| {
        let (images, behind) =
            (operators.upload(images).unwrap(), operators.upload(&gradient).unwrap());
        let positions = operators.positions(shape).unwrap();
        let output = operators.zeros(output_count).unwrap();
        let of_images = operators.upload(&normals(8, input_count)).unwrap();
        operators.max_pool(&images, &positions, &output).unwrap();
        operators.max_pool_gradient(&behind, &positions, &of_images).unwrap();
        (operators.download(&output).unwrap(), operators.download(&of_images).unwrap())
    });
    let [count, height, width] = [shape.planes, shape.height, shape.width].map(size);
    let plane = Plane { count, height, width };
    let (expected, positions) = max_pool_portable(plane, images).unwrap();
    let expected_gradient = max_pool_gradient_portable(plane, &positions, &gradient).unwrap();
    assert_same(&output, &expected, &format!("{shape:?}"));
    assert_same(&of_images, &expected_gradient, &format!("gradient of {shape:?}"));
}

#[test]
fn cuda_pooling_and_its_gradient_equal_the_definition() {
    for (planes, height, width) in [(0, 2, 2), (1, 2, 2), (3, 4, 6), (5, 22, 24), (1, 0, 2)] {
        let shape = PoolShape { planes, height, width };
        let count = planes * height * width;
        for every in [1, 2, 5, 100_000] {
            check(shape, &awkward(planes, count, every));
        }
    }
}

#[test]
fn cuda_pooling_takes_the_first_of_equals_and_the_first_nan() {
    let nan = f32::NAN;
    let windows = [[0.0, -0.0, 0.0, 0.0], [1.0, 2.0, 2.0, 2.0], [3.0, nan, nan, 9.0], [nan; 4]];
    for window in windows {
        check(PoolShape { planes: 1, height: 2, width: 2 }, &window);
    }
}

#[test]
fn cuda_pooling_of_odd_sides_is_refused() {
    let error = PoolShape { planes: 1, height: 2, width: 5 }.lengths().unwrap_err();
    assert!(matches!(error, OperatorError::Indivisible { size: 5, part: 2, .. }), "{error}");
}
