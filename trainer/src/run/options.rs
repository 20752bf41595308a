//! How a provider trains: its own choice within the order's bounds.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::BATCH_MAX;
use parity_scale_codec::{Decode, Encode};
use thiserror::Error;

use crate::batch_order::step_count;
use crate::optimizer::OptimizerOptions;
use crate::schedule::Schedule;

/// Peak learning rate of `AdamW` that suits small networks: the best of 1e-3, 2e-3, 3e-3 and 5e-3 on
/// the digits.
pub const LEARNING_RATE_DEFAULT: f32 = 3e-3;

/// One step in so many is spent on the rise of the learning rate.
const WARMUP_SHARE: u64 = 20;

/// Everything about a run that the order leaves to the provider.
#[derive(Clone, Copy, PartialEq, Debug, Encode, Decode)]
pub struct TrainingOptions {
    /// Seed of initial weights and batches.
    pub seed: u64,
    /// Steps of the run.
    pub step_count: u64,
    /// Examples in a step.
    pub batch_size: u32,
    /// Peak of the learning rate.
    pub learning_rate: f32,
    /// Its course.
    pub schedule: Schedule,
    /// The optimizer.
    pub optimizer: OptimizerOptions,
}

/// An option that makes no run.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// The batch is empty or too large.
    #[error("batch size {value}, allowed 1 to {max}")]
    BatchSize {
        /// Examples wanted.
        value: u32,
        /// Examples allowed.
        max: u32,
    },
    /// The learning rate is no positive number.
    #[error("learning rate {value}, allowed are numbers above 0")]
    LearningRate {
        /// What was wanted.
        value: f32,
    },
}

impl TrainingOptions {
    /// The recipe for an order: its epochs and batch size, `AdamW`, a short rise and half a cosine.
    pub fn recipe(specification: &OrderSpecification, seed: u64) -> Self {
        let train = &specification.train;
        let example_count = specification.data.train_example_count;
        Self::steps(specification, seed, step_count(example_count, train.batch_size, train.epochs))
    }

    /// The same recipe stretched or squeezed to a number of steps.
    pub fn steps(specification: &OrderSpecification, seed: u64, step_count: u64) -> Self {
        Self {
            seed,
            step_count,
            batch_size: specification.train.batch_size,
            learning_rate: LEARNING_RATE_DEFAULT,
            schedule: Schedule::Cosine { warmup_step_count: step_count / WARMUP_SHARE },
            optimizer: OptimizerOptions::ADAMW,
        }
    }

    /// The learning rate of a step.
    pub fn learning_rate_at(&self, step: u64) -> f32 {
        self.learning_rate * self.schedule.share(step, self.step_count)
    }

    /// Checks that the options make a run.
    ///
    /// # Errors
    /// [`OptionError`] with the first value that does not.
    pub fn check(&self) -> Result<(), OptionError> {
        if self.batch_size == 0 || self.batch_size > BATCH_MAX {
            return Err(OptionError::BatchSize { value: self.batch_size, max: BATCH_MAX });
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(OptionError::LearningRate { value: self.learning_rate });
        }
        Ok(())
    }
}
