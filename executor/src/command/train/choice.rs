//! What the flags of `aipot train` choose: optimizer, course of the learning rate, and the rest of the run.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::dataset::augment::Augmentation;
use aipot_trainer::optimizer::OptimizerOptions;
use aipot_trainer::run::{LEARNING_RATE_DEFAULT, TrainingOptions};
use aipot_trainer::schedule::Schedule;
use clap::{Args, ValueEnum};

use super::error::TrainCommandError;
use crate::command::CommandError;

/// Most steps of a local run.
const STEPS_MAX: u64 = 1_000_000_000;

/// One step in so many is spent on the rise of the learning rate, where none is given.
const WARMUP_SHARE: u64 = 20;

/// Learning rate of plain descent, momentum and Muon where none is given.
///
/// # Source
/// Jordan and others, "Muon", 2024; for momentum the best of 0.005, 0.02 and 0.1 on the digits.
const LEARNING_RATE_STEEP: f32 = 0.02;

/// Lion's learning rate as a share of that of `AdamW`.
///
/// # Source
/// Chen and others, "Symbolic discovery of optimization algorithms", 2023, section 5: 3 to 10 times less.
const LION_SHARE: f32 = 0.1;

/// How a free run is done, where the order's own recipe is not wanted.
#[derive(Debug, Args)]
#[command(next_help_heading = "The run; each default suits the order's architecture")]
pub(super) struct ChoiceArguments {
    /// Steps; by default the epochs that the order asks for.
    #[arg(long)]
    steps: Option<u64>,
    /// Seed of initial weights and batches; by default the order's.
    #[arg(long)]
    seed: Option<u64>,
    /// What moves the weights.
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerName>,
    /// The course of the learning rate.
    #[arg(long, value_enum)]
    schedule: Option<ScheduleName>,
    /// Steps of the straight rise to the peak.
    #[arg(long)]
    warmup: Option<u64>,
    /// Peak of the learning rate.
    #[arg(long)]
    learning_rate: Option<f32>,
    /// Examples in a batch; by default the order's.
    #[arg(long)]
    batch: Option<u32>,
    /// Batches whose mean gradient makes a step.
    #[arg(long, default_value_t = 1)]
    accumulate: u32,
    /// Length to which longer gradients are cut; 0 for none.
    #[arg(long)]
    clip: Option<f32>,
    /// Deliver running averages of the weights, of which this share stays in a step, such as 0.999.
    #[arg(long)]
    ema: Option<f32>,
    /// Mirror half of the images left to right.
    #[arg(long)]
    flip: bool,
    /// Move images by up to so many pixels, zeros coming in from the sides.
    #[arg(long, default_value_t = 0)]
    crop_padding: u32,
}

/// What moves the weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum OptimizerName {
    /// Plain gradient descent.
    Sgd,
    /// Descent with momentum.
    Momentum,
    /// Descent with Nesterov's momentum.
    Nesterov,
    /// Adam with decoupled weight decay.
    Adamw,
    /// Signs of momentum.
    Lion,
    /// Orthogonal directions for hidden matrices, `AdamW` for the rest.
    Muon,
}

/// The course of the learning rate.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScheduleName {
    /// Always the peak.
    Constant,
    /// A straight rise, then the peak.
    Warmup,
    /// A straight rise, then half a cosine down.
    Cosine,
    /// Up and down once, then to nothing.
    OneCycle,
}

impl OptimizerName {
    fn options(self) -> OptimizerOptions {
        match self {
            Self::Sgd => OptimizerOptions::DESCENT,
            Self::Momentum => OptimizerOptions::MOMENTUM,
            Self::Nesterov => OptimizerOptions::NESTEROV,
            Self::Adamw => OptimizerOptions::ADAMW,
            Self::Lion => OptimizerOptions::LION,
            Self::Muon => OptimizerOptions::MUON,
        }
    }

    fn learning_rate(self) -> f32 {
        match self {
            Self::Sgd | Self::Momentum | Self::Nesterov | Self::Muon => LEARNING_RATE_STEEP,
            Self::Adamw => LEARNING_RATE_DEFAULT,
            Self::Lion => LEARNING_RATE_DEFAULT * LION_SHARE,
        }
    }
}

impl ChoiceArguments {
    /// The run of an order.
    ///
    /// # Errors
    /// [`CommandError::OutOfRange`] and [`TrainCommandError::Options`] for what makes no run.
    pub(super) fn options(
        &self,
        specification: &OrderSpecification,
    ) -> Result<TrainingOptions, CommandError> {
        let seed = self.seed.unwrap_or(specification.model.initial_seed);
        let mut options = TrainingOptions::recipe(specification, seed);
        if let Some(value) = self.steps {
            if value == 0 || value > STEPS_MAX {
                let (min, max) = (1, STEPS_MAX);
                return Err(CommandError::OutOfRange { field: "--steps", value, min, max });
            }
            options = TrainingOptions::steps(specification, seed, value);
        }
        if let Some(name) = self.optimizer {
            options.optimizer = name.options();
            options.learning_rate = name.learning_rate();
        }
        options.learning_rate = self.learning_rate.unwrap_or(options.learning_rate);
        options.schedule = self.schedule(options.schedule, options.step_count);
        options.batch_size = self.batch.unwrap_or(options.batch_size);
        options.accumulation = self.accumulate;
        if let Some(norm) = self.clip {
            options.clip_norm = Some(norm).filter(|norm| norm.to_bits() != 0);
        }
        options.augmentation = Augmentation { flip: self.flip, crop_padding: self.crop_padding };
        options.average_share = self.ema.or(options.average_share);
        options.check().map_err(TrainCommandError::Options)?;
        Ok(options)
    }

    fn schedule(&self, default: Schedule, step_count: u64) -> Schedule {
        let warmup_step_count = self.warmup.unwrap_or(step_count / WARMUP_SHARE);
        match self.schedule {
            None if self.warmup.is_some() => Schedule::Cosine { warmup_step_count },
            None => default,
            Some(ScheduleName::Constant) => Schedule::Constant,
            Some(ScheduleName::Warmup) => Schedule::Warmup { warmup_step_count },
            Some(ScheduleName::Cosine) => Schedule::Cosine { warmup_step_count },
            Some(ScheduleName::OneCycle) => Schedule::OneCycle,
        }
    }
}
