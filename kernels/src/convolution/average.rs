//! The average of each plane, and its gradient.
//!
//! The sum of a plane is that of [`crate::reduction::sum_in_pieces`]; then it is divided by the count of
//! pixels. Every pixel gets the gradient behind the pool, divided by that count.

use rayon::prelude::*;

use super::{ConvolutionError, Plane};
use crate::canonical::canonical;
use crate::length;
use crate::reduction::{count_as_f32, mean_in_pieces, mean_in_pieces_portable};

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 15;

impl Plane {
    /// Pixels of an image.
    fn pixels(&self) -> usize {
        length::product(&[self.height, self.width])
    }

    /// Refuses buffers of other sizes, and images of nothing, which have no average.
    fn check_average(&self, values: usize, averages: usize) -> Result<(), ConvolutionError> {
        if self.pixels() == 0 {
            return Err(ConvolutionError::NoPixels { height: self.height, width: self.width });
        }
        length::check("the planes", values, self.input_values())?;
        length::check("the averages", averages, self.count)?;
        Ok(())
    }
}

/// The average of each plane. The definition.
///
/// # Shapes
/// `input`: `[count, height, width]`; the result: `[count]`.
///
/// # Errors
/// [`ConvolutionError::NoPixels`] or [`ConvolutionError::Length`].
pub fn average_pool_portable(plane: Plane, input: &[f32]) -> Result<Vec<f32>, ConvolutionError> {
    plane.check_average(input.len(), plane.count)?;
    Ok(input.chunks(plane.pixels()).map(mean_in_pieces_portable).collect())
}

/// The gradient before the pool. The definition.
///
/// # Shapes
/// `gradient`: `[count]`; the result: `[count, height, width]`.
///
/// # Errors
/// [`ConvolutionError::NoPixels`] or [`ConvolutionError::Length`].
pub fn average_pool_gradient_portable(
    plane: Plane,
    gradient: &[f32],
) -> Result<Vec<f32>, ConvolutionError> {
    plane.check_average(plane.input_values(), gradient.len())?;
    let count = count_as_f32(plane.pixels());
    let pixels = |gradient: &f32| vec![canonical(gradient / count); plane.pixels()];
    Ok(gradient.iter().flat_map(pixels).collect())
}

/// The same bits as [`average_pool_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[count, height, width]`, `output`: `[count]`.
///
/// # Errors
/// [`ConvolutionError::NoPixels`] or [`ConvolutionError::Length`].
pub fn average_pool(
    plane: Plane,
    input: &[f32],
    output: &mut [f32],
) -> Result<(), ConvolutionError> {
    plane.check_average(input.len(), output.len())?;
    let planes = output.par_iter_mut().zip(input.par_chunks(plane.pixels()));
    let planes = planes.with_min_len(PARALLEL_VALUES_MIN.div_ceil(plane.pixels()));
    planes.for_each(|(average, plane)| *average = mean_in_pieces(plane));
    Ok(())
}

/// The same bits as [`average_pool_gradient_portable`], with threads.
///
/// # Shapes
/// `gradient`: `[count]`, `of_input`: `[count, height, width]`.
///
/// # Errors
/// [`ConvolutionError::NoPixels`] or [`ConvolutionError::Length`].
pub fn average_pool_gradient(
    plane: Plane,
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), ConvolutionError> {
    plane.check_average(of_input.len(), gradient.len())?;
    let count = count_as_f32(plane.pixels());
    let planes = of_input.par_chunks_mut(plane.pixels()).zip(gradient);
    let planes = planes.with_min_len(PARALLEL_VALUES_MIN.div_ceil(plane.pixels()));
    planes.for_each(|(of_plane, gradient)| of_plane.fill(canonical(gradient / count)));
    Ok(())
}

#[cfg(test)]
mod tests;
