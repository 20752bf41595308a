//! A training run from the first to the last step.
//!
//! The whole recipe stands in [`Trainer::new`] and [`Trainer::step`]; between steps it can be stopped,
//! saved ([`Trainer::checkpoint`]) and taken up again ([`Trainer::resume`]) without a trace. All
//! arithmetic is that of the engine, so only options and data decide the bits.

mod error;
mod file;
mod gradient;
mod options;

pub use error::{Saved, TrainError};
pub use file::{Open, TrainingFile};
pub use options::{CLIP_NORM_DEEP, LEARNING_RATE_DEEP, LEARNING_RATE_DEFAULT};
pub use options::{OptionError, TrainingOptions};

use aipot_domain_runtime::order::OrderSpecification;
use aipot_kernels::update::average;

use self::gradient::Gradients;
use crate::architecture::initial_parameters;
use crate::base_file::Base;
use crate::checkpoint::Checkpoint;
use crate::engine::EngineError;
use crate::engine::batch::Batches;
use crate::engine::network::Network;
use crate::optimizer::{Optimizer, OptimizerState, TensorShape};
use crate::parameters::{Parameter, Parameters};

/// What one step did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepReport {
    /// The step, from 0.
    pub step: u64,
    /// Steps of the whole run.
    pub step_count: u64,
    /// Mean loss of the step's batches before the step, in nats.
    pub loss_nats: f32,
    /// Learning rate of the step.
    pub learning_rate: f32,
}

/// A training run between two steps.
#[derive(Debug)]
pub struct Trainer<'data> {
    specification: OrderSpecification,
    options: TrainingOptions,
    batches: Batches<'data>,
    network: Network,
    optimizer: Optimizer,
    /// `[tensor][value]`.
    weights: Vec<Vec<f32>>,
    /// As the weights where an average is the model, else empty.
    averages: Vec<Vec<f32>>,
    gradients: Gradients,
    step: u64,
    saved: Saved,
}

impl<'data> Trainer<'data> {
    /// A run at its start: initial weights, nothing learnt.
    ///
    /// # Errors
    /// [`TrainError::Options`], [`TrainError::ForeignData`] or [`TrainError::Overflow`] when options or
    /// data do not fit the order.
    pub fn new(
        specification: &OrderSpecification,
        file: TrainingFile<'data>,
        options: TrainingOptions,
    ) -> Result<Self, TrainError> {
        Self::new_in_pieces(specification, file, options, u32::MAX)
    }

    /// The same with memory for at most `micro_rows` examples, through which a batch goes in pieces.
    ///
    /// No size of the pieces changes a bit; 0 counts as 1.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn new_in_pieces(
        specification: &OrderSpecification,
        file: TrainingFile<'data>,
        options: TrainingOptions,
        micro_rows: u32,
    ) -> Result<Self, TrainError> {
        let parameters = match file.base_for(specification)? {
            Some(Base::Start(values)) => Parameters::new(specification, values)?,
            Some(Base::Frozen(_)) | None => initial_parameters(specification, options.seed)?,
        };
        let state = OptimizerState::new(options.optimizer, &TensorShape::of_order(specification)?);
        let averages = options.average_share.map(|_| parameters.clone());
        let order = specification.id();
        let checkpoint = Checkpoint { order, options, step: 0, parameters, averages, state };
        let mut trainer = Self::resume_in_pieces(specification, file, checkpoint, micro_rows)?;
        trainer.saved = Saved(None);
        Ok(trainer)
    }

    /// A run where a checkpoint left it.
    ///
    /// # Errors
    /// [`TrainError::ForeignCheckpoint`] for a checkpoint of another order, else as [`Self::new`].
    pub fn resume(
        specification: &OrderSpecification,
        file: TrainingFile<'data>,
        checkpoint: Checkpoint,
    ) -> Result<Self, TrainError> {
        Self::resume_in_pieces(specification, file, checkpoint, u32::MAX)
    }

    /// The same with memory for at most `micro_rows` examples; see [`Self::new_in_pieces`].
    ///
    /// # Errors
    /// As [`Self::resume`].
    pub fn resume_in_pieces(
        specification: &OrderSpecification,
        file: TrainingFile<'data>,
        checkpoint: Checkpoint,
        micro_rows: u32,
    ) -> Result<Self, TrainError> {
        let Checkpoint { order, options, step, parameters, averages, state } = checkpoint;
        let has_averages = averages.is_some() == options.average_share.is_some();
        if order != specification.id() || !has_averages {
            return Err(TrainError::ForeignCheckpoint);
        }
        options.check()?;
        file.check(specification)?;
        let engine = |source| TrainError::Engine { step, source };
        let micro_rows = usize::try_from(micro_rows).unwrap_or(usize::MAX);
        let run = run_specification(specification, &options);
        let shapes = TensorShape::of_order(specification)?;
        let optimizer = Optimizer::new(options.optimizer, shapes, state);
        let weights = parameters.into_values();
        let mut network = Network::new(&run, micro_rows).map_err(engine)?;
        if let Some(Base::Frozen(base)) = file.base_for(specification)? {
            network.set_base(base).map_err(engine)?;
        }
        let mut batches = file.batches(&run).map_err(engine)?;
        batches.set_changed(options.changed_images(specification)?);
        Ok(Self {
            batches,
            network,
            optimizer: optimizer.map_err(|source| TrainError::Optimizer { step, source })?,
            gradients: Gradients::new(&weights, options.accumulation),
            averages: averages.map_or_else(Vec::new, Parameters::into_values),
            specification: specification.clone(),
            options,
            weights,
            step,
            saved: Saved(Some(step)),
        })
    }

    /// The number of the next step.
    pub fn step_index(&self) -> u64 {
        self.step
    }

    /// How the run is done.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.step >= self.options.step_count
    }

    /// Does one step: forward, loss, backward, update.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] or [`TrainError::Engine`], with the weights left as they were.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let step = self.step;
        let loss_nats = self.losses().map_err(|source| TrainError::Engine { step, source })?;
        let is_clean = loss_nats.is_finite() && self.gradients.clip(self.options.clip_norm);
        if !is_clean {
            return Err(TrainError::Diverged { step, loss: loss_nats, saved: self.saved });
        }
        let learning_rate = self.options.learning_rate_at(step);
        let moved = self.optimizer.step(&mut self.weights, self.gradients.values(), learning_rate);
        moved.map_err(|source| TrainError::Optimizer { step, source })?;
        self.average().map_err(|source| TrainError::Engine { step, source })?;
        self.step = step.saturating_add(1);
        Ok(StepReport { step, step_count: self.options.step_count, loss_nats, learning_rate })
    }

    /// Computes the gradients of the step's batches and gives their mean loss.
    fn losses(&mut self) -> Result<f32, EngineError> {
        let count = self.options.accumulation;
        let first = self.step.saturating_mul(u64::from(count));
        let mut total = 0.0;
        for index in 0..count {
            // The options allow no more batches than 32 bits count.
            let number = u32::try_from(first.saturating_add(u64::from(index))).unwrap_or(u32::MAX);
            let batch = self.batches.take(number)?;
            total += self.network.train(&self.weights, batch, self.gradients.next(index))?;
            self.gradients.collect(index)?;
        }
        self.gradients.divide(count);
        Ok(total / gradient::as_f32(count))
    }

    /// Moves the averages towards the weights, faster in the first steps.
    ///
    /// # Source
    /// The shares of the first steps are those of TensorFlow's `ExponentialMovingAverage`.
    fn average(&mut self) -> Result<(), EngineError> {
        let Some(share) = self.options.average_share else { return Ok(()) };
        let count = u16::try_from(self.step).map_or(f32::from(u16::MAX), f32::from);
        let kept = share.min((1.0 + count) / (10.0 + count));
        for (averages, weights) in self.averages.iter_mut().zip(&self.weights) {
            average(averages, weights, kept).map_err(EngineError::kernel)?;
        }
        Ok(())
    }

    /// Everything that is needed to go on later.
    ///
    /// # Errors
    /// [`TrainError::Parameters`] when the weights are none of the order's model.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, TrainError> {
        let order = &self.specification;
        let averages = self.options.average_share.map(|_| self.averages.clone());
        let averages = averages.map(|values| Parameters::new(order, values)).transpose()?;
        let checkpoint = Checkpoint {
            order: order.id(),
            options: self.options,
            step: self.step,
            parameters: Parameters::new(order, self.weights.clone())?,
            averages,
            state: self.optimizer.state().clone(),
        };
        self.saved = Saved(Some(self.step));
        Ok(checkpoint)
    }

    /// The model as it is now: the averages where they are asked for, else the weights.
    pub fn model(&self) -> &[Vec<f32>] {
        if self.options.average_share.is_some() { &self.averages } else { &self.weights }
    }

    /// The model as it is now.
    ///
    /// # Errors
    /// [`TrainError::Parameters`] when the weights are none of the order's model.
    pub fn parameters(&self) -> Result<Parameters, TrainError> {
        Ok(Parameters::new(&self.specification, self.model().to_vec())?)
    }

    /// Ends the run and gives the model, whose values are then known to be finite.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] with the first value that is not finite, else as
    /// [`Self::parameters`].
    pub fn finish(self) -> Result<Parameters, TrainError> {
        let parameters = self.parameters()?;
        let mut values = parameters.tensors().iter().flat_map(Parameter::values);
        match values.find(|value| !value.is_finite()) {
            Some(loss) => {
                Err(TrainError::Diverged { step: self.step, loss: *loss, saved: self.saved })
            }
            None => Ok(parameters),
        }
    }
}

/// The order as its engine sees it in this run: batch size and seed are the provider's choice.
fn run_specification(
    specification: &OrderSpecification,
    options: &TrainingOptions,
) -> OrderSpecification {
    let mut run = specification.clone();
    run.train.batch_size = options.batch_size;
    run.model.initial_seed = options.seed;
    run
}

#[cfg(test)]
mod tests;
