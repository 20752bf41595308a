//! What a classifier needs after its last product: log-softmax, loss and argmax.
//!
//! One row of log-softmax, in this order: m = the largest logit; e = exp(logit - m) for each;
//! s = their sum by [`crate::reduction`]; then (logit - m) - log(s) for each. Softmax is e / s.
//! A NaN anywhere in a row makes the whole row NaN. A row whose largest logit is infinite is NaN.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use thiserror::Error;

use crate::canonical::{canonical, canonicalize};
use crate::elementary::{exp, log};
use crate::length::LengthError;
use crate::reduction;

/// Fewer logits than this are not worth a second thread: about 20 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 14;

/// Why rows of logits cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoftmaxError {
    /// There is not a whole number of rows.
    #[error("{value_count} logits are no whole rows of {classes} classes")]
    PartialRow {
        /// Logits given.
        value_count: usize,
        /// Classes in a row; zero classes are no row either.
        classes: usize,
    },
    /// There is not one label for each row.
    #[error("{rows} rows have {labels} labels")]
    LabelCount {
        /// Rows of logits.
        rows: usize,
        /// Labels given.
        labels: usize,
    },
    /// A label names no class.
    #[error("the label of row {row} is {label}, but there are {classes} classes")]
    LabelOutOfRange {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
        /// Classes in a row.
        classes: usize,
    },
    /// A buffer has another length than the sizes say.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// The logarithm of softmax of each row, as written at the top of this page. The definition.
///
/// # Shapes
/// `logits`: `[rows, classes]`; the result has the same shape.
///
/// # Errors
/// [`SoftmaxError::PartialRow`] when the logits are not whole rows.
pub fn log_softmax_portable(logits: &[f32], classes: usize) -> Result<Vec<f32>, SoftmaxError> {
    check_rows(logits, classes)?;
    let mut output = logits.to_vec();
    for row in output.chunks_mut(classes) {
        let largest = reduction::max(row);
        let powers: Vec<f32> = row.iter().map(|logit| exp(logit - largest)).collect();
        let log_sum = log(reduction::sum_portable(&powers));
        for logit in row {
            *logit = canonical((*logit - largest) - log_sum);
        }
    }
    Ok(output)
}

/// The same bits as [`log_softmax_portable`], with vectors and threads.
///
/// # Shapes
/// `logits`: `[rows, classes]`; the result has the same shape.
///
/// # Errors
/// [`SoftmaxError::PartialRow`] when the logits are not whole rows.
pub fn log_softmax(logits: &[f32], classes: usize) -> Result<Vec<f32>, SoftmaxError> {
    each_row(logits, classes, |row| Arch::new().dispatch(LogSoftmaxRow(row)))
}

/// Softmax of each row: exp(logit - largest) / sum. The definition.
///
/// # Shapes
/// `logits`: `[rows, classes]`; the result has the same shape.
///
/// # Errors
/// [`SoftmaxError::PartialRow`] when the logits are not whole rows.
pub fn softmax_portable(logits: &[f32], classes: usize) -> Result<Vec<f32>, SoftmaxError> {
    check_rows(logits, classes)?;
    let mut output = logits.to_vec();
    for row in output.chunks_mut(classes) {
        let largest = reduction::max(row);
        let powers: Vec<f32> = row.iter().map(|logit| exp(logit - largest)).collect();
        let sum = reduction::sum_portable(&powers);
        for (value, power) in row.iter_mut().zip(powers) {
            *value = canonical(power / sum);
        }
    }
    Ok(output)
}

/// The same bits as [`softmax_portable`], with vectors and threads.
///
/// # Shapes
/// `logits`: `[rows, classes]`; the result has the same shape.
///
/// # Errors
/// [`SoftmaxError::PartialRow`] when the logits are not whole rows.
pub fn softmax(logits: &[f32], classes: usize) -> Result<Vec<f32>, SoftmaxError> {
    each_row(logits, classes, |row| Arch::new().dispatch(SoftmaxRow(row)))
}

/// The negative logarithm of the probability that each row gives to its label.
///
/// # Shapes
/// `logits`: `[rows, classes]`, `labels`: `[rows]`; the result: `[rows]`, in nats.
///
/// # Errors
/// [`SoftmaxError::PartialRow`], [`SoftmaxError::LabelCount`] or [`SoftmaxError::LabelOutOfRange`]
/// when logits and labels do not fit.
pub fn negative_log_likelihood(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
) -> Result<Vec<f32>, SoftmaxError> {
    check_labels(logits, classes, labels)?;
    let log_probabilities = log_softmax(logits, classes)?;
    let losses = log_probabilities.chunks(classes).zip(labels);
    Ok(losses.map(|(row, &label)| canonical(-row[column(label)])).collect())
}

/// The first of the largest logits of each row.
///
/// A NaN counts as smaller than everything, so a row of NaNs only gives 0; -0 and +0 are equal.
///
/// # Shapes
/// `logits`: `[rows, classes]`; the result: `[rows]`.
///
/// # Errors
/// [`SoftmaxError::PartialRow`] when the logits are not whole rows.
pub fn argmax(logits: &[f32], classes: usize) -> Result<Vec<usize>, SoftmaxError> {
    check_rows(logits, classes)?;
    Ok(logits.chunks(classes).map(argmax_row).collect())
}

/// [`argmax`] of one row.
fn argmax_row(row: &[f32]) -> usize {
    let mut best: Option<(usize, f32)> = None;
    for (class, &logit) in row.iter().enumerate() {
        if !logit.is_nan() && best.is_none_or(|(_, largest)| logit > largest) {
            best = Some((class, logit));
        }
    }
    best.map_or(0, |(class, _)| class)
}

/// Copies the logits and changes each row in place, with threads when that pays.
fn each_row(
    logits: &[f32],
    classes: usize,
    change: impl Fn(&mut [f32]) + Sync + Send,
) -> Result<Vec<f32>, SoftmaxError> {
    check_rows(logits, classes)?;
    let mut output = logits.to_vec();
    if output.len() < PARALLEL_VALUES_MIN {
        output.chunks_mut(classes).for_each(change);
    } else {
        output.par_chunks_mut(classes).for_each(change);
    }
    Ok(output)
}

/// Refuses labels that do not belong to the logits.
pub(crate) fn check_labels(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
) -> Result<(), SoftmaxError> {
    let rows = check_rows(logits, classes)?;
    if rows != labels.len() {
        return Err(SoftmaxError::LabelCount { rows, labels: labels.len() });
    }
    match labels.iter().position(|&label| column(label) >= classes) {
        Some(row) => Err(SoftmaxError::LabelOutOfRange { row, label: labels[row], classes }),
        None => Ok(()),
    }
}

/// The column of a label; one that no row has when it is no `usize`.
pub(crate) fn column(label: u32) -> usize {
    usize::try_from(label).unwrap_or(usize::MAX)
}

/// Gives the number of rows.
fn check_rows(logits: &[f32], classes: usize) -> Result<usize, SoftmaxError> {
    match logits.len().checked_rem(classes) {
        Some(0) => Ok(logits.len() / classes),
        _ => Err(SoftmaxError::PartialRow { value_count: logits.len(), classes }),
    }
}

/// Log-softmax of one row, compiled once for each instruction set.
struct LogSoftmaxRow<'row>(&'row mut [f32]);

impl WithSimd for LogSoftmaxRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let largest = reduction::max(self.0);
        for logit in self.0.iter_mut() {
            *logit -= largest;
        }
        let mut powers = self.0.to_vec();
        for power in &mut powers {
            *power = exp(*power);
        }
        let log_sum = log(reduction::sum(&powers));
        for logit in self.0.iter_mut() {
            *logit -= log_sum;
        }
        canonicalize(self.0);
    }
}

/// Softmax of one row, compiled once for each instruction set.
pub(crate) struct SoftmaxRow<'row>(pub(crate) &'row mut [f32]);

impl WithSimd for SoftmaxRow<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let largest = reduction::max(self.0);
        for logit in self.0.iter_mut() {
            *logit = exp(*logit - largest);
        }
        let sum = reduction::sum(self.0);
        for power in self.0.iter_mut() {
            *power /= sum;
        }
        canonicalize(self.0);
    }
}

#[cfg(test)]
mod tests;
