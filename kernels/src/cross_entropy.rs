//! The loss of a classifier, the mean negative log-likelihood of the labels, and its gradient.
//!
//! The losses of the rows are those of [`crate::softmax`], their mean is that of
//! [`crate::reduction`]. The gradient of a logit is (softmax - one-hot label) (1 / rows): the
//! subtraction takes exactly 1 or 0, and 1 / rows is rounded once.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::elementary::{exp, log};
use crate::length;
use crate::reduction;
use crate::softmax::{SoftmaxError, check_labels, column, log_softmax_portable, softmax_portable};

/// Fewer logits than this are not worth a second thread: about 20 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 14;

/// What the definition of the loss gives.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    /// The mean over the rows, in nats; NaN for no rows.
    pub mean: f32,
    /// Loss of each row.
    pub losses: Vec<f32>,
    /// Gradient of each logit.
    pub gradient: Vec<f32>,
}

/// Losses, their mean and the gradient, as written at the top of this page. The definition.
///
/// # Shapes
/// `logits`: `[rows, classes]`, `labels`: `[rows]`.
///
/// # Errors
/// [`SoftmaxError`] when logits and labels do not fit each other.
pub fn cross_entropy_portable(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
) -> Result<CrossEntropy, SoftmaxError> {
    check_labels(logits, classes, labels)?;
    let share = 1.0 / count_as_f32(labels.len());
    let log_probabilities = log_softmax_portable(logits, classes)?;
    let mut gradient = softmax_portable(logits, classes)?;
    let mut losses = Vec::with_capacity(labels.len());
    for (row, label) in labels.iter().map(|&label| column(label)).enumerate() {
        losses.push(canonical(-log_probabilities[row * classes + label]));
        for class in 0..classes {
            let one_hot = if class == label { 1.0 } else { 0.0 };
            let value = &mut gradient[row * classes + class];
            *value = canonical((*value - one_hot) * share);
        }
    }
    Ok(CrossEntropy { mean: reduction::mean_portable(&losses), losses, gradient })
}

/// The same bits as [`cross_entropy_portable`], with vectors and threads; gives the mean.
///
/// # Shapes
/// `logits` and `gradient`: `[rows, classes]`, `labels` and `losses`: `[rows]`.
///
/// # Errors
/// [`SoftmaxError`] when logits, labels and buffers do not fit each other.
pub fn cross_entropy(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
    losses: &mut [f32],
    gradient: &mut [f32],
) -> Result<f32, SoftmaxError> {
    cross_entropy_rows((logits, classes), labels, labels.len(), (losses, gradient))?;
    Ok(reduction::mean(losses))
}

/// Losses and gradient of some rows of a batch of `row_count`, whose share they have in the mean.
///
/// # Shapes
/// `logits` and `gradient`: `[rows, classes]`, `labels` and `losses`: `[rows]`.
///
/// # Errors
/// [`SoftmaxError`] when logits, labels and buffers do not fit each other.
pub fn cross_entropy_rows(
    (logits, classes): (&[f32], usize),
    labels: &[u32],
    row_count: usize,
    (losses, gradient): (&mut [f32], &mut [f32]),
) -> Result<(), SoftmaxError> {
    check_labels(logits, classes, labels)?;
    length::check("the losses", losses.len(), labels.len())?;
    length::check("the gradient", gradient.len(), logits.len())?;
    let share = 1.0 / count_as_f32(row_count);
    let rows = logits.par_chunks(classes).zip(gradient.par_chunks_mut(classes));
    let rows = rows.zip(labels).zip(losses);
    let rows = rows.with_min_len(PARALLEL_VALUES_MIN.div_ceil(classes));
    rows.for_each(|(((logits, gradient), &label), loss)| {
        *loss = Arch::new().dispatch(LossRow { logits, label: column(label), share, gradient });
    });
    Ok(())
}

/// The loss of one row, and its gradient.
struct LossRow<'row> {
    logits: &'row [f32],
    label: usize,
    /// 1 / rows.
    share: f32,
    gradient: &'row mut [f32],
}

impl WithSimd for LossRow<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let Self { logits, label, share, gradient } = self;
        let largest = reduction::max(logits);
        for (power, logit) in gradient.iter_mut().zip(logits) {
            *power = exp(*logit - largest);
        }
        let sum = reduction::sum(gradient);
        let of_label = gradient[label] / sum;
        for value in gradient.iter_mut() {
            *value = canonical(*value / sum * share);
        }
        gradient[label] = canonical((of_label - 1.0) * share);
        let log_probability = (logits[label] - largest) - log(sum);
        canonical(-log_probability)
    }
}

/// The f32 nearest to a count.
#[expect(clippy::cast_precision_loss, reason = "counts above 2^24 are rounded, as in a mean")]
fn count_as_f32(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests;
