//! A tile gives the same bits on every instruction set.

use proptest::prelude::*;

use super::*;
use crate::chacha8::ChaChaStream;
use crate::matmul::{matmul_accumulate_portable, matmul_portable};

/// Every instruction set that this machine has.
fn instruction_sets() -> Vec<Arch> {
    let mut sets = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
    sets
}

proptest! {
    /// Neither the instruction set nor the way of cutting decides a bit.
    #[test]
    fn every_plan_gives_the_bits_of_the_definition(
        rows in 1_usize..30,
        depth in 0_usize..530,
        columns in 1_usize..50,
        threads in 1_usize..9,
        arch in prop::sample::select(instruction_sets()),
        is_transposed in any::<bool>(),
    ) {
        let mut stream = ChaChaStream::from_seed([4; 32]);
        let (mut left, mut right) = (vec![0.0; rows * depth], vec![0.0; depth * columns]);
        stream.fill_normal(&mut left);
        stream.fill_normal(&mut right);
        let left = if is_transposed {
            Matrix::new(&left, depth, rows).unwrap().transposed()
        } else {
            Matrix::new(&left, rows, depth).unwrap()
        };
        let right = Matrix::new(&right, depth, columns).unwrap();
        let mut output = vec![f32::NAN; rows * columns];
        let factors = Factors { left, right, bias: None, start: Start::Nothing };
        multiply_with(Plan { arch, threads }, factors, &mut output);
        let mut expected = matmul_portable(left, right, None).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&output), bits(&expected));
        multiply_with(Plan { arch, threads }, Factors { start: Start::Total, ..factors }, &mut output);
        matmul_accumulate_portable(left, right, &mut expected).unwrap();
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
        let (task_rows, task_columns) = task_shape((rows, columns), panel_width, threads);
        prop_assert_eq!(task_rows % TILE_ROWS, 0);
        for (index, band) in output.chunks_mut(task_rows * columns).enumerate() {
            for task in cut(band, index * task_rows, columns, task_columns) {
                prop_assert_eq!(task.first_column % panel_width, 0);
                task.rows.into_iter().flatten().for_each(|value| *value += 1.0);
            }
        }
        prop_assert!(output.iter().all(|count| count.to_bits() == 1.0_f32.to_bits()));
    }
}
