//! Views show what they should and refuse what does not fit.

use super::{Matrix, MatrixError};

const VALUES: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

#[test]
fn dense_values_are_row_major() {
    let matrix = Matrix::new(&VALUES, 2, 3).unwrap();
    assert_eq!((matrix.rows(), matrix.columns()), (2, 3));
    assert_eq!(
        (matrix.at(0, 2).to_bits(), matrix.at(1, 0).to_bits()),
        (2_f32.to_bits(), 3_f32.to_bits())
    );
}

#[test]
fn transposing_swaps_the_axes_and_twice_is_nothing() {
    let matrix = Matrix::new(&VALUES, 2, 3).unwrap();
    for row in 0..2 {
        for column in 0..3 {
            let expected = matrix.at(row, column).to_bits();
            assert_eq!(matrix.transposed().at(column, row).to_bits(), expected);
            assert_eq!(matrix.transposed().transposed().at(row, column).to_bits(), expected);
        }
    }
}

#[test]
fn a_wrong_value_count_is_named() {
    let error = Matrix::new(&VALUES, 2, 2).unwrap_err();
    assert_eq!(error, MatrixError::ValueCount { rows: 2, columns: 2, value_count: 6 });
    assert!(Matrix::new(&VALUES, usize::MAX, usize::MAX).is_err());
}

#[test]
fn a_stride_beyond_the_values_is_refused() {
    assert!(Matrix::strided(&VALUES, (2, 2), (4, 1)).is_ok());
    assert!(Matrix::strided(&VALUES, (2, 2), (5, 1)).is_err());
    assert!(Matrix::strided(&VALUES, (2, 2), (usize::MAX, 1)).is_err());
    assert!(Matrix::strided(&VALUES, (0, usize::MAX), (usize::MAX, usize::MAX)).is_ok());
}

/// Checks one interleaving against the elements themselves.
fn check_interleaved(matrix: Matrix<'_>, first_row: usize, first_column: usize, width: usize) {
    const UNTOUCHED: f32 = 9.0;
    let mut destination = vec![UNTOUCHED; (matrix.columns() - first_column) * width];
    matrix.interleave(first_row, first_column, &mut destination, width);
    for (index, value) in destination.iter().enumerate() {
        let (row, column) = (first_row + index % width, first_column + index / width);
        let is_inside = row < matrix.rows();
        let expected = if is_inside { matrix.at(row, column) } else { UNTOUCHED };
        assert_eq!(value.to_bits(), expected.to_bits(), "{matrix:?} at {row}, {column}");
    }
}

#[test]
fn rows_are_interleaved_through_any_strides() {
    let dense = Matrix::new(&VALUES, 2, 3).unwrap();
    let gapped = Matrix::strided(&VALUES, (2, 2), (3, 2)).unwrap();
    let repeated = Matrix::strided(&VALUES, (2, 3), (1, 0)).unwrap();
    for matrix in [dense, gapped, repeated] {
        for matrix in [matrix, matrix.transposed()] {
            check_interleaved(matrix, 0, 0, 2);
            check_interleaved(matrix, 1, 1, 1);
            check_interleaved(matrix, 0, 1, 4);
        }
    }
}

#[test]
fn columns_of_every_width_are_interleaved() {
    let values: Vec<f32> = (0_u8..180).map(f32::from).collect();
    let matrix = Matrix::new(&values, 5, 36).unwrap().transposed();
    for width in [2, 6, 7, 8, 16, 32] {
        for first_row in [0, 3, 36 - width, 35] {
            check_interleaved(matrix, first_row, 0, width);
            check_interleaved(matrix, first_row, 4, width);
        }
    }
}
