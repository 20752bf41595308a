//! How a provider trains: its own choice within the order's bounds.

use aipot_domain_runtime::order::check::BATCH_MAX;
use aipot_domain_runtime::order::{Architecture, ImageShape, OrderSpecification};
use parity_scale_codec::{Decode, Encode};
use thiserror::Error;

use crate::batch_order::step_count;
use crate::dataset::augment::Augmentation;
use crate::optimizer::OptimizerOptions;
use crate::schedule::Schedule;

/// Peak learning rate of `AdamW` that suits small networks: the best of 1e-3, 2e-3, 3e-3 and 5e-3 on
/// the digits.
pub const LEARNING_RATE_DEFAULT: f32 = 3e-3;

/// Peak learning rate of `AdamW` for deep networks with attention.
///
/// # Source
/// Karpathy, nanoGPT, `config/train_shakespeare_char.py`.
pub const LEARNING_RATE_DEEP: f32 = 1e-3;

/// Longest gradient of a deep network.
///
/// # Source
/// Brown and others, "Language models are few-shot learners", 2020, appendix B.
pub const CLIP_NORM_DEEP: f32 = 1.0;

/// One step in so many is spent on the rise of the learning rate.
const WARMUP_SHARE: u64 = 20;

/// Everything about a run that the order leaves to the provider.
#[derive(Clone, Copy, PartialEq, Debug, Encode, Decode)]
pub struct TrainingOptions {
    /// Seed of initial weights and batches.
    pub seed: u64,
    /// Steps of the run.
    pub step_count: u64,
    /// Examples in a batch.
    pub batch_size: u32,
    /// Batches whose mean gradient makes a step.
    pub accumulation: u32,
    /// Peak of the learning rate.
    pub learning_rate: f32,
    /// Its course.
    pub schedule: Schedule,
    /// The optimizer.
    pub optimizer: OptimizerOptions,
    /// Length to which longer gradients are cut.
    pub clip_norm: Option<f32>,
    /// Share of the averaged weights that stays in a step; with it, the averages are the model.
    pub average_share: Option<f32>,
    /// How images are changed before they are seen.
    pub augmentation: Augmentation,
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
    /// No batch makes a step, or the run has more batches than 32 bits count.
    #[error("{steps} steps of {accumulation} batches, allowed at least 1 and {max} batches in all")]
    BatchCount {
        /// Steps wanted.
        steps: u64,
        /// Batches of each.
        accumulation: u32,
        /// Batches allowed in all.
        max: u32,
    },
    /// The learning rate is no positive number.
    #[error("learning rate {value}, allowed are numbers above 0")]
    LearningRate {
        /// What was wanted.
        value: f32,
    },
    /// The length of a gradient is no positive number.
    #[error("clipping at {value}, allowed are numbers above 0")]
    ClipNorm {
        /// What was wanted.
        value: f32,
    },
    /// The averages would never move, or run away.
    #[error("average share {value}, allowed are numbers from 0 to below 1")]
    AverageShare {
        /// What was wanted.
        value: f32,
    },
    /// There are no images to be changed.
    #[error("the images of a {architecture} cannot be changed, because it reads none")]
    NoImage {
        /// What the order asks for.
        architecture: &'static str,
    },
    /// Images would be moved out of their frame.
    #[error("images are moved by up to {value} pixels, allowed are 0 to {max}")]
    CropPadding {
        /// What was wanted.
        value: u32,
        /// What is allowed: less than the shorter side.
        max: u32,
    },
    /// A constant of the optimizer is no number or below zero.
    #[error("a constant of the optimizer is {value}, allowed are numbers from 0")]
    OptimizerConstant {
        /// What was wanted.
        value: f32,
    },
}

impl TrainingOptions {
    /// The recipe for an order: its epochs and batch size, and what suits its architecture.
    pub fn recipe(specification: &OrderSpecification, seed: u64) -> Self {
        let train = &specification.train;
        let example_count = specification.data.train_example_count;
        Self::steps(specification, seed, step_count(example_count, train.batch_size, train.epochs))
    }

    /// The same recipe stretched or squeezed to a number of steps.
    pub fn steps(specification: &OrderSpecification, seed: u64, step_count: u64) -> Self {
        let (learning_rate, optimizer, clip_norm) = match specification.model.architecture {
            Architecture::Mlp { .. } | Architecture::Cnn { .. } => {
                (LEARNING_RATE_DEFAULT, OptimizerOptions::ADAMW, None)
            }
            Architecture::Graph { .. } | Architecture::Resnet(_) => {
                (LEARNING_RATE_DEFAULT, OptimizerOptions::ADAMW, Some(CLIP_NORM_DEEP))
            }
            Architecture::Gpt { .. }
            | Architecture::Vit(_)
            | Architecture::Bert(_)
            | Architecture::Llama(_)
            | Architecture::Lora(_) => {
                (LEARNING_RATE_DEEP, OptimizerOptions::ADAMW_DECODER, Some(CLIP_NORM_DEEP))
            }
        };
        Self {
            seed,
            step_count,
            batch_size: specification.train.batch_size,
            accumulation: 1,
            learning_rate,
            schedule: Schedule::Cosine { warmup_step_count: step_count / WARMUP_SHARE },
            optimizer,
            clip_norm,
            average_share: None,
            augmentation: Augmentation::NONE,
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
        let (steps, accumulation) = (self.step_count, self.accumulation);
        let batches = steps.checked_mul(u64::from(accumulation));
        if accumulation == 0 || batches.is_none_or(|batches| batches > u64::from(u32::MAX)) {
            return Err(OptionError::BatchCount { steps, accumulation, max: u32::MAX });
        }
        if !is_positive(self.learning_rate) {
            return Err(OptionError::LearningRate { value: self.learning_rate });
        }
        if let Some(value) = self.clip_norm.filter(|norm| !is_positive(*norm)) {
            return Err(OptionError::ClipNorm { value });
        }
        if let Some(value) = self.average_share.filter(|share| !(0.0..1.0).contains(share)) {
            return Err(OptionError::AverageShare { value });
        }
        let constants = self.optimizer.constants();
        match constants.into_iter().find(|value| !(value.is_finite() && *value >= 0.0)) {
            Some(value) => Err(OptionError::OptimizerConstant { value }),
            None => Ok(()),
        }
    }
}

impl TrainingOptions {
    /// The images that are changed and how, `None` where they stay as they are.
    ///
    /// # Errors
    /// [`OptionError::NoImage`] or [`OptionError::CropPadding`] for what the order's images do not allow.
    pub(super) fn changed_images(
        &self,
        specification: &OrderSpecification,
    ) -> Result<Option<(ImageShape, Augmentation)>, OptionError> {
        let augmentation = self.augmentation;
        if augmentation == Augmentation::NONE {
            return Ok(None);
        }
        let architecture = &specification.model.architecture;
        let image = architecture.image();
        let image = image.ok_or(OptionError::NoImage { architecture: architecture.name() })?;
        let (value, max) =
            (augmentation.crop_padding, image.height.min(image.width).saturating_sub(1));
        if value > max {
            return Err(OptionError::CropPadding { value, max });
        }
        Ok(Some((image, augmentation)))
    }
}

fn is_positive(value: f32) -> bool {
    value.is_finite() && value > 0.0
}
