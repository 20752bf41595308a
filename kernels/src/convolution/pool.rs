//! The largest value of each window of 2 x 2, windows side by side, and its gradient.
//!
//! A window is read row by row. The first value is the best until another is above it, or is the
//! first NaN. The position of the best, 0 to 3, is kept for the gradient, which goes there alone.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::ConvolutionError;
use crate::canonical::canonical;
use crate::length;

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 15;

/// Images to pool, one for each channel of each example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    /// Images.
    pub count: usize,
    /// Rows of an image, an even number.
    pub height: usize,
    /// Columns of an image, an even number.
    pub width: usize,
}

impl Plane {
    /// Values that go into the pool.
    pub fn input_values(&self) -> usize {
        length::product(&[self.count, self.height, self.width])
    }

    /// Values that come out of the pool.
    pub fn output_values(&self) -> usize {
        self.input_values() / 4
    }

    /// Refuses odd sides, and buffers of other sizes.
    fn check(
        &self,
        input: (&'static str, usize),
        outputs: [(&'static str, usize); 2],
    ) -> Result<(), ConvolutionError> {
        let Self { height, width, .. } = *self;
        if !height.is_multiple_of(2) || !width.is_multiple_of(2) {
            return Err(ConvolutionError::OddSide { height, width });
        }
        length::check(input.0, input.1, self.input_values())?;
        for (name, actual) in outputs {
            length::check(name, actual, self.output_values())?;
        }
        Ok(())
    }

    /// Pairs of rows for one task at least.
    fn task_rows_min(&self) -> usize {
        PARALLEL_VALUES_MIN.div_ceil(2 * self.width)
    }
}

/// The largest value of each window and its position. The definition.
///
/// # Shapes
/// `input`: `[count, height, width]`; both results: `[count, height / 2, width / 2]`.
///
/// # Errors
/// [`ConvolutionError::OddSide`] or [`ConvolutionError::Length`].
pub fn max_pool_portable(
    plane: Plane,
    input: &[f32],
) -> Result<(Vec<f32>, Vec<u32>), ConvolutionError> {
    plane.check(("the input", input.len()), [("the output", plane.output_values()); 2])?;
    let windows = (0..plane.output_values()).map(|index| {
        let first = source(plane, index);
        let corners = [first, first + 1, first + plane.width, first + plane.width + 1];
        best(corners.map(|corner| input[corner]))
    });
    Ok(windows.unzip())
}

/// The gradient before the pool, from that behind it and the positions. The definition.
///
/// A position above 3 takes its gradient nowhere.
///
/// # Shapes
/// `positions` and `gradient`: `[count, height / 2, width / 2]`; the result:
/// `[count, height, width]`.
///
/// # Errors
/// [`ConvolutionError::OddSide`] or [`ConvolutionError::Length`].
pub fn max_pool_gradient_portable(
    plane: Plane,
    positions: &[u32],
    gradient: &[f32],
) -> Result<Vec<f32>, ConvolutionError> {
    let outputs = [("positions", positions.len()), ("the gradient", gradient.len())];
    plane.check(("the input", plane.input_values()), outputs)?;
    let mut of_input = vec![0.0; plane.input_values()];
    for (index, (&position, &gradient)) in positions.iter().zip(gradient).enumerate() {
        let first = source(plane, index);
        let corners = [first, first + 1, first + plane.width, first + plane.width + 1];
        for (corner_position, corner) in (0..).zip(corners) {
            if corner_position == position {
                of_input[corner] = canonical(gradient);
            }
        }
    }
    Ok(of_input)
}

/// The same bits as [`max_pool_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[count, height, width]`, `output` and `positions`: `[count, height / 2, width / 2]`.
///
/// # Errors
/// [`ConvolutionError::OddSide`] or [`ConvolutionError::Length`].
pub fn max_pool(
    plane: Plane,
    input: &[f32],
    output: &mut [f32],
    positions: &mut [u32],
) -> Result<(), ConvolutionError> {
    let outputs = [("the output", output.len()), ("positions", positions.len())];
    plane.check(("the input", input.len()), outputs)?;
    if output.is_empty() {
        return Ok(());
    }
    let width = plane.width;
    let rows = output.par_chunks_mut(width / 2).zip(positions.par_chunks_mut(width / 2));
    let rows = rows.zip(input.par_chunks(2 * width)).with_min_len(plane.task_rows_min());
    rows.for_each(|((output, positions), input)| {
        Arch::new().dispatch(PoolRow { input, output, positions });
    });
    Ok(())
}

/// The same bits as [`max_pool_gradient_portable`], with vectors and threads.
///
/// # Shapes
/// `positions` and `gradient`: `[count, height / 2, width / 2]`, `of_input`:
/// `[count, height, width]`.
///
/// # Errors
/// [`ConvolutionError::OddSide`] or [`ConvolutionError::Length`].
pub fn max_pool_gradient(
    plane: Plane,
    positions: &[u32],
    gradient: &[f32],
    of_input: &mut [f32],
) -> Result<(), ConvolutionError> {
    let outputs = [("positions", positions.len()), ("the gradient", gradient.len())];
    plane.check(("the gradient of the input", of_input.len()), outputs)?;
    if of_input.is_empty() {
        return Ok(());
    }
    let width = plane.width;
    let rows = positions.par_chunks(width / 2).zip(gradient.par_chunks(width / 2));
    let rows = of_input.par_chunks_mut(2 * width).zip(rows).with_min_len(plane.task_rows_min());
    rows.for_each(|(of_input, (positions, gradient))| {
        Arch::new().dispatch(SpreadRow { positions, gradient, of_input });
    });
    Ok(())
}

/// Where the window of an output begins in the input.
fn source(plane: Plane, index: usize) -> usize {
    let half = plane.width / 2;
    index / half * 2 * plane.width + index % half * 2
}

/// The best of a window and its position.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn best(window: [f32; 4]) -> (f32, u32) {
    let (mut best, mut position) = (window[0], 0);
    for (at, value) in (1..).zip(&window[1..]) {
        let is_better = *value > best || (value.is_nan() && !best.is_nan());
        best = if is_better { *value } else { best };
        position = if is_better { at } else { position };
    }
    (canonical(best), position)
}

/// One row of windows.
struct PoolRow<'values> {
    /// Two rows.
    input: &'values [f32],
    output: &'values mut [f32],
    positions: &'values mut [u32],
}

impl WithSimd for PoolRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (upper, lower) = self.input.split_at(self.input.len() / 2);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        let outputs = self.output.iter_mut().zip(self.positions);
        for ((upper, lower), (output, position)) in pairs.zip(outputs) {
            (*output, *position) = best([upper[0], upper[1], lower[0], lower[1]]);
        }
    }
}

/// The gradient of one row of windows.
struct SpreadRow<'values> {
    positions: &'values [u32],
    gradient: &'values [f32],
    /// Two rows.
    of_input: &'values mut [f32],
}

impl WithSimd for SpreadRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (upper, lower) = self.of_input.split_at_mut(self.of_input.len() / 2);
        let lower = lower.as_chunks_mut::<2>().0.iter_mut();
        let pairs = upper.as_chunks_mut::<2>().0.iter_mut().zip(lower);
        let outputs = self.gradient.iter().zip(self.positions);
        for ((upper, lower), (gradient, position)) in pairs.zip(outputs) {
            let share = |at: u32| if *position == at { canonical(*gradient) } else { 0.0 };
            *upper = [share(0), share(1)];
            *lower = [share(2), share(3)];
        }
    }
}
