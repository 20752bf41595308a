//! The gradients of a step, in memory that is taken once: of one batch, or the mean of several.

use aipot_kernels::reduction;
use aipot_kernels::update::{add, scale, square_sum};

use crate::engine::EngineError;

/// Gradients of all tensors.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[tensor][value]`.
    totals: Vec<Vec<f32>>,
    /// As the totals where several batches make a step, else empty.
    latest: Vec<Vec<f32>>,
    tensor_sums: Vec<f32>,
    piece_sums: Vec<f32>,
}

impl Gradients {
    /// Room for the gradients of the weights.
    pub(super) fn new(weights: &[Vec<f32>], accumulation: u32) -> Self {
        let room = || weights.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        Self {
            totals: room(),
            latest: if accumulation > 1 { room() } else { Vec::new() },
            tensor_sums: Vec::with_capacity(weights.len()),
            piece_sums: Vec::new(),
        }
    }

    /// Where the gradients of a batch of the step are written.
    pub(super) fn next(&mut self, index: u32) -> &mut [Vec<f32>] {
        if index == 0 { &mut self.totals } else { &mut self.latest }
    }

    /// Adds what was written for a batch; the first batch is its own total.
    pub(super) fn collect(&mut self, index: u32) -> Result<(), EngineError> {
        if index == 0 {
            return Ok(());
        }
        for (totals, latest) in self.totals.iter_mut().zip(&self.latest) {
            add(totals, latest).map_err(EngineError::kernel)?;
        }
        Ok(())
    }

    /// Makes a mean of the totals of `count` batches.
    pub(super) fn divide(&mut self, count: u32) {
        if count > 1 {
            self.scale(1.0 / as_f32(count));
        }
    }

    /// Shortens gradients that are longer than `limit`; whether their length is a number.
    pub(super) fn clip(&mut self, limit: Option<f32>) -> bool {
        let Some(limit) = limit else { return true };
        self.tensor_sums.clear();
        for tensor in &self.totals {
            self.tensor_sums.push(square_sum(tensor, &mut self.piece_sums));
        }
        let norm = reduction::sum(&self.tensor_sums).sqrt();
        if norm > limit {
            self.scale(limit / norm);
        }
        norm.is_finite()
    }

    /// The gradients of the step.
    pub(super) fn values(&self) -> &[Vec<f32>] {
        &self.totals
    }

    fn scale(&mut self, factor: f32) {
        self.totals.iter_mut().for_each(|tensor| scale(tensor, factor));
    }
}

#[expect(clippy::cast_precision_loss, reason = "steps of more than 2^24 batches are none")]
pub(super) fn as_f32(count: u32) -> f32 {
    count as f32
}
