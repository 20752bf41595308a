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

#[test]
fn rows_are_copied_through_any_stride() {
    let matrix = Matrix::new(&VALUES, 2, 3).unwrap();
    let mut row = [0.0; 2];
    matrix.copy_row(1, 1, &mut row);
    assert_eq!(row.map(f32::to_bits), [4.0, 5.0].map(f32::to_bits));
    matrix.transposed().copy_row(2, 0, &mut row);
    assert_eq!(row.map(f32::to_bits), [2.0, 5.0].map(f32::to_bits));
}
