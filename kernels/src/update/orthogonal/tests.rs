//! Orthogonal neighbours: their rows stand upright, whichever side is longer, and threads change no bit.

use super::*;
use crate::fixtures::{bits, normals, on_one_two_and_three_threads};

fn orthogonal(values: &[f32], shape: (usize, usize)) -> Vec<f32> {
    let mut values = values.to_vec();
    // Memory that has seen a larger matrix.
    let mut memory = Orthogonalizer::default();
    memory.orthogonalize(&mut vec![1.0; 600], (20, 30)).unwrap();
    memory.orthogonalize(&mut values, shape).unwrap();
    values
}

#[test]
fn rows_of_a_wide_matrix_come_to_stand_upright_on_each_other() {
    let found = orthogonal(&normals("direction", 0, 8 * 40), (8, 40));
    for (left, row) in found.chunks(40).enumerate() {
        for (right, other) in found.chunks(40).enumerate() {
            let product: f32 = row.iter().zip(other).map(|(one, two)| one * two).sum();
            // The coefficients trade exactness for speed: lengths end between 0.7 and 1.2.
            let allowed = if left == right { 0.5..=1.5 } else { -0.35..=0.35 };
            assert!(allowed.contains(&product), "{left} and {right}: {product}");
        }
    }
}

#[test]
fn a_tall_matrix_is_treated_like_its_transpose() {
    let (rows, columns) = (12, 5);
    let wide = normals("direction", 1, rows * columns);
    let tall: Vec<f32> =
        (0..rows * columns).map(|at| wide[at % columns * rows + at / columns]).collect();
    let (wide, tall) = (orthogonal(&wide, (columns, rows)), orthogonal(&tall, (rows, columns)));
    let back: Vec<f32> =
        (0..rows * columns).map(|at| tall[at % rows * columns + at / rows]).collect();
    assert_eq!(bits(&back), bits(&wide));
}

#[test]
fn a_direction_of_nothing_stays_nothing() {
    assert!(orthogonal(&[0.0; 6], (2, 3)).iter().all(|value| *value == 0.0));
}

#[test]
fn threads_change_no_bit() {
    let values = normals("direction", 2, 70 * 130);
    let expected = bits(&orthogonal(&values, (70, 130)));
    on_one_two_and_three_threads(|| assert_eq!(bits(&orthogonal(&values, (70, 130))), expected));
}

#[test]
fn values_of_another_shape_are_refused() {
    let refused = Orthogonalizer::default().orthogonalize(&mut [1.0; 5], (2, 3));
    assert!(matches!(refused, Err(OrthogonalError::Matrix(_))));
}
