//! The networks that the engine trains.

use aipot_domain_runtime::order::{Architecture, OrderSpecification};

use super::EngineError;
use super::batch::Batch;
use super::perceptron::Perceptron;

/// A network with the memory of one batch.
#[derive(Debug)]
pub(super) enum Network {
    /// Linear layers.
    Perceptron(Perceptron),
}

impl Network {
    pub(super) fn new(specification: &OrderSpecification) -> Result<Self, EngineError> {
        let size = |value: u32| {
            usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "a layer" })
        };
        let data = &specification.data;
        let (features, classes) = (size(data.feature_count)?, size(data.class_count)?);
        let rows = size(specification.train.batch_size)?;
        match &specification.model.architecture {
            Architecture::Mlp { hidden_widths } => {
                let widths = std::iter::once(Ok(features))
                    .chain(hidden_widths.iter().map(|width| size(*width)))
                    .chain(std::iter::once(Ok(classes)));
                let widths = widths.collect::<Result<Vec<_>, _>>()?;
                Ok(Self::Perceptron(Perceptron::new(rows, &widths)))
            }
            Architecture::Cnn { .. } | Architecture::Gpt { .. } => {
                Err(EngineError::Overflow { quantity: "the network" })
            }
        }
    }

    /// Forward, loss, backward: writes the gradient of every tensor and gives the mean loss in nats.
    pub(super) fn train(
        &mut self,
        weights: &[Vec<f32>],
        batch: Batch<'_>,
        gradients: &mut [Vec<f32>],
    ) -> Result<f32, EngineError> {
        match self {
            Self::Perceptron(perceptron) => {
                perceptron.forward(weights, batch.features)?;
                let loss = perceptron.loss(batch.labels)?;
                perceptron.backward((weights, batch.features), gradients, None)?;
                Ok(loss)
            }
        }
    }
}
