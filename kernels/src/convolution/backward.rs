//! The fast gradients of weight and input.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::columns::{Fold, Gather};
use super::{ConvolutionError, Geometry, K_BLOCK, dense, multiply};
use crate::canonical::canonical;
use crate::length;
use crate::matrix::Matrix;
use crate::row_span::RowSpan;

/// Values of a column that one task sums at most: with 64 output channels their sums fill 24 KiB.
const TASK_DEPTHS_MAX: usize = 96;

/// The same bits as [`super::weight_gradient_portable`], with vectors and threads.
///
/// Parallel over the values of a column, since images must be added one after the other.
///
/// # Shapes
/// `input`: `[batch, channels, height, width]`, `gradient`: `[batch, outputs, pixels]`,
/// `of_weight`: `[outputs, depth]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn weight_gradient(
    geometry: Geometry,
    input: &[f32],
    gradient: &[f32],
    of_weight: &mut [f32],
) -> Result<(), ConvolutionError> {
    weight_gradient_rows(geometry, (input, gradient), RowSpan::whole(geometry.batch), of_weight)
}

/// [`weight_gradient`] over the images of a batch that comes in pieces.
///
/// # Shapes
/// As [`weight_gradient`], where the geometry's batch is `span.count`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn weight_gradient_rows(
    geometry: Geometry,
    (input, gradient): (&[f32], &[f32]),
    span: RowSpan,
    of_weight: &mut [f32],
) -> Result<(), ConvolutionError> {
    geometry.check()?;
    length::check("the span", span.count, geometry.batch)?;
    geometry.check_input(input.len())?;
    geometry.check_output("the gradient", gradient.len())?;
    geometry.check_weight("the gradient of the weight", of_weight.len())?;
    let depth = geometry.depth();
    let mut sums = vec![0.0; of_weight.len()];
    if !span.is_first() {
        for (output, row) in of_weight.chunks_exact(depth).enumerate() {
            for (value, sums) in row.iter().zip(sums.chunks_exact_mut(geometry.outputs)) {
                sums[output] = *value;
            }
        }
    }
    let task_depths = depth.div_ceil(rayon::current_num_threads()).clamp(1, TASK_DEPTHS_MAX);
    let tasks = sums.par_chunks_mut(task_depths * geometry.outputs).enumerate();
    tasks.for_each(|(task, sums)| {
        let first_depth = task * task_depths;
        sum_images(geometry, (input, gradient), first_depth, (span.is_first(), sums));
    });
    for (output, row) in of_weight.chunks_exact_mut(depth).enumerate() {
        for (value, sums) in row.iter_mut().zip(sums.chunks_exact(geometry.outputs)) {
            *value = canonical(sums[output]);
        }
    }
    Ok(())
}

/// The gradients of the weights of some values of a column, from `first_depth` on, in all outputs,
/// added to those of the images before unless these are the first.
///
/// # Shapes
/// `sums`: `[depths, outputs]`.
fn sum_images(
    geometry: Geometry,
    (input, gradient): (&[f32], &[f32]),
    first_depth: usize,
    (is_first, sums): (bool, &mut [f32]),
) {
    let (pixels, outputs, arch) = (geometry.pixels(), geometry.outputs, Arch::new());
    let depths = sums.len() / outputs;
    let mut columns = vec![0.0; depths * pixels];
    let mut block_sums = vec![0.0; sums.len()];
    let images = input.chunks(geometry.input_values());
    for (index, (image, gradient)) in
        images.zip(gradient.chunks(geometry.output_values())).enumerate()
    {
        let depths = first_depth..first_depth + depths;
        arch.dispatch(Gather { geometry, image, depths, columns: &mut columns });
        for first in (0..pixels).step_by(K_BLOCK) {
            let block = K_BLOCK.min(pixels - first);
            let columns = strided(&columns[first..], (columns.len() / pixels, block), pixels);
            let gradient = strided(&gradient[first..], (outputs, block), pixels).transposed();
            if is_first && index == 0 && first == 0 {
                multiply(columns, gradient, sums);
            } else {
                multiply(columns, gradient, &mut block_sums);
                arch.dispatch(Add { sums, more: &block_sums });
            }
        }
    }
}

/// Sees a block of pixels in every row.
fn strided(values: &[f32], shape: (usize, usize), pixels: usize) -> Matrix<'_> {
    Matrix::strided(values, shape, (pixels, 1)).expect("the geometry gave both shape and length")
}

/// Adds block sums onto totals.
struct Add<'values> {
    sums: &'values mut [f32],
    more: &'values [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (sum, value) in self.sums.iter_mut().zip(self.more) {
            *sum += value;
        }
    }
}

/// The same bits as [`super::input_gradient_portable`], with vectors and threads.
///
/// # Shapes
/// `weight`: `[outputs, depth]`, `gradient`: `[batch, outputs, pixels]`, `of_input`:
/// `[batch, channels, height, width]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn input_gradient(
    geometry: Geometry,
    weight: &[f32],
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), ConvolutionError> {
    geometry.check()?;
    geometry.check_weight("the weight", weight.len())?;
    geometry.check_output("the gradient", gradient.len())?;
    geometry.check_input(of_input.len())?;
    let (pixels, depth, arch) = (geometry.pixels(), geometry.depth(), Arch::new());
    let gradients = gradient.par_chunks(geometry.output_values());
    let images = of_input.par_chunks_mut(geometry.input_values());
    images.zip(gradients).for_each_init(
        || vec![0.0; depth * pixels],
        |columns, (image, gradient)| {
            let weight = dense(weight, geometry.outputs, depth).transposed();
            multiply(weight, dense(gradient, geometry.outputs, pixels), columns);
            arch.dispatch(Fold { geometry, columns, image });
        },
    );
    Ok(())
}
