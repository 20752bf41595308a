//! A training run from the first to the last step.
//!
//! The whole recipe stands in [`Trainer::new`] and [`Trainer::step`]; between steps it can be stopped,
//! saved ([`Trainer::checkpoint`]) and taken up again ([`Trainer::resume`]) without a trace.

mod options;

pub use options::{LEARNING_RATE_DEFAULT, OptionError, TrainingOptions};

use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use candle_core::{Device, Tensor};
use thiserror::Error;

use crate::architecture::{Model, ModelReadError, initial_parameters};
use crate::batch_order::BatchOrder;
use crate::checkpoint::Checkpoint;
use crate::dataset::Dataset;
use crate::layer::cross_entropy;
use crate::optimizer::{OptimizerState, Update};
use crate::parameters::{Parameter, Parameters, ParametersError};

/// Why training stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The options make no run.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The data is not shaped like the order's.
    #[error(
        "the data has {features} features and {classes} classes, the order {expected_features} and {expected_classes}"
    )]
    Data {
        /// Features of the data.
        features: usize,
        /// Classes of the data.
        classes: u32,
        /// Features of the order.
        expected_features: u32,
        /// Classes of the order.
        expected_classes: u32,
    },
    /// The data is text, the model is trained on features.
    #[error("the data is text, the model reads records of features")]
    Text,
    /// The weights do not fit the order.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// A checkpoint of another order or of other options.
    #[error("the checkpoint does not belong to this run")]
    ForeignCheckpoint,
    /// The loss is no number any more; the weights are as they were before the step.
    #[error("the loss is {loss} in step {step}; a lower learning rate may help")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// A tensor got no gradient, so it would never be trained.
    #[error("tensor {index} of the model has no gradient in step {step}")]
    NoGradient {
        /// The step, from 0.
        step: u64,
        /// Its place in the layout.
        index: usize,
    },
    /// candle failed.
    #[error("a tensor operation failed in step {step}")]
    Tensor {
        /// The step, from 0.
        step: u64,
        /// What candle said.
        source: candle_core::Error,
    },
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepReport {
    /// The step, from 0.
    pub step: u64,
    /// Steps of the whole run.
    pub step_count: u64,
    /// Mean loss of the batch before the step, in nats.
    pub loss_nats: f32,
    /// Learning rate of the step.
    pub learning_rate: f32,
}

/// A training run between two steps.
#[derive(Debug)]
pub struct Trainer<'data> {
    specification: OrderSpecification,
    data: &'data Dataset,
    options: TrainingOptions,
    model: Model,
    state: OptimizerState,
    order: BatchOrder,
    step: u64,
}

impl<'data> Trainer<'data> {
    /// A run at its start: initial weights, nothing learnt.
    ///
    /// # Errors
    /// [`TrainError::Options`], [`TrainError::Data`] or [`TrainError::Parameters`] when options or
    /// data do not fit the order.
    pub fn new(
        specification: &OrderSpecification,
        data: &'data Dataset,
        options: TrainingOptions,
    ) -> Result<Self, TrainError> {
        let parameters = initial_parameters(specification, options.seed)?;
        let counts = parameters.tensors().iter().map(|tensor| tensor.values().len());
        let state = OptimizerState::new(options.optimizer, counts);
        Self::at(
            specification,
            data,
            Checkpoint { order: specification.id(), options, step: 0, parameters, state },
        )
    }

    /// A run where a checkpoint left it.
    ///
    /// # Errors
    /// [`TrainError::ForeignCheckpoint`] for a checkpoint of another order, else as [`Self::new`].
    pub fn resume(
        specification: &OrderSpecification,
        data: &'data Dataset,
        checkpoint: Checkpoint,
    ) -> Result<Self, TrainError> {
        if checkpoint.order != specification.id() {
            return Err(TrainError::ForeignCheckpoint);
        }
        Self::at(specification, data, checkpoint)
    }

    fn at(
        specification: &OrderSpecification,
        data: &'data Dataset,
        checkpoint: Checkpoint,
    ) -> Result<Self, TrainError> {
        let Checkpoint { options, step, parameters, state, .. } = checkpoint;
        options.check()?;
        check_data(specification, data)?;
        let example_count = u32::try_from(data.example_count()).unwrap_or(u32::MAX);
        let model = Model::new(specification, &parameters)
            .map_err(|source| TrainError::Tensor { step, source })?;
        Ok(Self {
            specification: specification.clone(),
            order: BatchOrder::new(options.seed, example_count, options.batch_size),
            data,
            options,
            model,
            state,
            step,
        })
    }

    /// The number of the next step.
    pub fn step_index(&self) -> u64 {
        self.step
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.step >= self.options.step_count
    }

    /// Does one step: forward, loss, backward, update.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::NoGradient`] or [`TrainError::Tensor`], with the
    /// weights left as they were by all but a failing update.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let step = self.step;
        let failed = |source| TrainError::Tensor { step, source };

        let (features, labels) = gather(self.data, self.order.batch(step)).map_err(failed)?;
        let logits = self.model.forward(&features).map_err(failed)?;
        let loss = cross_entropy(&logits, &labels).map_err(failed)?;
        let loss_nats = loss.to_scalar::<f32>().map_err(failed)?;
        if !loss_nats.is_finite() {
            return Err(TrainError::Diverged { step, loss: loss_nats });
        }
        let gradients = loss.backward().map_err(failed)?;
        let learning_rate = self.options.learning_rate_at(step);
        let update = Update { options: self.options.optimizer, learning_rate, step };
        let tensors = self.model.variables().iter().zip(&mut self.state.moments);
        for (index, (variable, moments)) in tensors.enumerate() {
            let gradient = gradients.get(variable).ok_or(TrainError::NoGradient { step, index })?;
            update.apply(variable, gradient, moments).map_err(failed)?;
        }
        self.step = step.saturating_add(1);
        Ok(StepReport { step, step_count: self.options.step_count, loss_nats, learning_rate })
    }

    /// Everything that is needed to go on later.
    ///
    /// # Errors
    /// [`TrainError::Tensor`] when candle does not hand out the weights.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        Ok(Checkpoint {
            order: self.specification.id(),
            options: self.options,
            step: self.step,
            parameters: self.parameters()?,
            state: self.state.clone(),
        })
    }

    /// The weights as they are now.
    ///
    /// # Errors
    /// [`TrainError::Tensor`] when candle does not hand them out.
    pub fn parameters(&self) -> Result<Parameters, TrainError> {
        self.model.parameters(&self.specification).map_err(|error| match error {
            ModelReadError::Tensor(source) => TrainError::Tensor { step: self.step, source },
            ModelReadError::Parameters(source) => TrainError::Parameters(source),
        })
    }

    /// Ends the run and gives the weights, which are then known to be finite.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] with the first weight that is not finite, else as
    /// [`Self::parameters`].
    pub fn finish(self) -> Result<Parameters, TrainError> {
        let parameters = self.parameters()?;
        let mut values = parameters.tensors().iter().flat_map(Parameter::values);
        match values.find(|value| !value.is_finite()) {
            Some(loss) => Err(TrainError::Diverged { step: self.step, loss: *loss }),
            None => Ok(parameters),
        }
    }
}

fn check_data(specification: &OrderSpecification, data: &Dataset) -> Result<(), TrainError> {
    if data.format() == DataFormat::Text {
        return Err(TrainError::Text);
    }
    let expected = &specification.data;
    let is_equal = u32::try_from(data.feature_count()) == Ok(expected.feature_count)
        && data.class_count() == expected.class_count;
    if is_equal {
        return Ok(());
    }
    Err(TrainError::Data {
        features: data.feature_count(),
        classes: data.class_count(),
        expected_features: expected.feature_count,
        expected_classes: expected.class_count,
    })
}

/// Copies the examples of a batch.
///
/// # Shapes
/// `[batch, feature]` and `[batch]`.
fn gather(data: &Dataset, examples: &[usize]) -> candle_core::Result<(Tensor, Vec<u32>)> {
    let width = data.feature_count();
    let mut features = Vec::with_capacity(examples.len() * width);
    for example in examples {
        features.extend_from_slice(&data.features()[example * width..][..width]);
    }
    let labels = examples.iter().map(|example| data.labels()[*example]).collect();
    Ok((Tensor::from_vec(features, (examples.len(), width), &Device::Cpu)?, labels))
}

#[cfg(test)]
mod tests;
