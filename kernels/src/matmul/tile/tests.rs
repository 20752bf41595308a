//! A tile gives the same bits on every instruction set.

use proptest::prelude::*;

use super::*;
use crate::chacha8::ChaChaStream;
use crate::matmul::matmul_portable;

proptest! {
    /// Neither the instruction set nor the way of cutting decides a bit.
    #[test]
    fn every_plan_gives_the_bits_of_the_definition(
        rows in 1_usize..30,
        depth in 0_usize..530,
        columns in 1_usize..50,
        threads in 1_usize..9,
        is_scalar in any::<bool>(),
    ) {
        let mut stream = ChaChaStream::from_seed([4; 32]);
        let (mut left, mut right) = (vec![0.0; rows * depth], vec![0.0; depth * columns]);
        stream.fill_normal(&mut left);
        stream.fill_normal(&mut right);
        let left = Matrix::new(&left, rows, depth).unwrap();
        let right = Matrix::new(&right, depth, columns).unwrap();
        let arch = if is_scalar { Arch::Scalar } else { Arch::new() };
        let mut output = vec![f32::NAN; rows * columns];
        multiply_with(Plan { arch, threads }, left, right, None, &mut output);
        let expected = matmul_portable(left, right, None).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&output), bits(&expected));
    }

    /// The tasks cover the output exactly once.
    #[test]
    fn tasks_cover_the_output(
        rows in 1_usize..50,
        columns in 1_usize..50,
        panel_width in 1_usize..20,
        threads in 1_usize..9,
    ) {
        let mut output = vec![0.0_f32; rows * columns];
        let shape = task_shape((rows, columns), panel_width, threads);
        for task in cut(&mut output, columns, shape) {
            prop_assert_eq!(task.first_row % TILE_ROWS, 0);
            prop_assert_eq!(task.first_column % panel_width, 0);
            task.rows.into_iter().flatten().for_each(|value| *value += 1.0);
        }
        prop_assert!(output.iter().all(|count| count.to_bits() == 1.0_f32.to_bits()));
    }
}
