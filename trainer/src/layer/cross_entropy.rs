//! The loss of a classifier: mean negative log-likelihood of the labels.

use std::sync::Arc;

use aipot_kernels::{reduction, softmax};
use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use super::view::values;

/// The mean over the batch of the negative logarithm of each label's probability, in nats.
///
/// # Shapes
/// `logits`: `[batch, class]`, `labels`: `[batch]`; the result has no sides.
///
/// # Errors
/// candle's error when a label names no class or the batch is empty.
pub fn cross_entropy(logits: &Tensor, labels: &[u32]) -> Result<Tensor> {
    if labels.is_empty() {
        return Err(Error::msg("a batch without labels has no loss"));
    }
    logits.apply_op1(CrossEntropy { labels: labels.into() })
}

struct CrossEntropy {
    labels: Arc<[u32]>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, classes) = layout.shape().dims2()?;
        let logits = values(storage, layout)?;
        let losses = softmax::negative_log_likelihood(logits, classes, &self.labels);
        let mean = reduction::mean(&losses.map_err(Error::wrap)?);
        Ok((CpuStorage::F32(vec![mean]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.to_scalar::<f32>()?;
        let labels = Arc::clone(&self.labels);
        logits.apply_op1_no_bwd(&CrossEntropyGradient { labels, gradient }).map(Some)
    }
}

/// (softmax - one-hot label) * gradient / batch.
struct CrossEntropyGradient {
    labels: Arc<[u32]>,
    gradient: f32,
}

impl CustomOp1 for CrossEntropyGradient {
    fn name(&self) -> &'static str {
        "cross entropy gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, classes) = layout.shape().dims2()?;
        let logits = values(storage, layout)?;
        let mut gradient = softmax::softmax(logits, classes).map_err(Error::wrap)?;
        let scale = self.gradient / batch_size(&self.labels);
        for (row, label) in gradient.chunks_mut(classes).zip(self.labels.iter()) {
            // Labels were checked on the way forward.
            if let Some(probability) = usize::try_from(*label).ok().and_then(|at| row.get_mut(at)) {
                *probability -= 1.0;
            }
            for value in row {
                *value *= scale;
            }
        }
        Ok((CpuStorage::F32(gradient), layout.shape().clone()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has at most 65,536 examples")]
fn batch_size(labels: &[u32]) -> f32 {
    labels.len() as f32
}
