//! The networks that the engine trains.

use aipot_domain_runtime::order::shape::convolution_stages;
use aipot_domain_runtime::order::{Architecture, OrderSpecification};

use super::EngineError;
use super::batch::Batch;
use super::convolutional::Convolutional;
use super::decoder::{Decoder, DecoderSides};
use super::perceptron::Perceptron;

/// A network with the memory of one batch.
#[derive(Debug)]
pub(crate) enum Network {
    /// Linear layers.
    Perceptron(Perceptron),
    /// Convolutions before linear layers.
    Convolutional(Convolutional),
    /// A decoder over bytes.
    Decoder(Box<Decoder>),
}

impl Network {
    pub(crate) fn new(specification: &OrderSpecification) -> Result<Self, EngineError> {
        let data = &specification.data;
        let (features, classes) = (size(data.feature_count)?, size(data.class_count)?);
        let rows = size(specification.train.batch_size)?;
        match &specification.model.architecture {
            Architecture::Mlp { hidden_widths } => {
                let widths = widths(features, hidden_widths, classes)?;
                Ok(Self::Perceptron(Perceptron::new(rows, &widths)))
            }
            Architecture::Cnn { image, convolutions, hidden_widths } => {
                let misfit = EngineError::Overflow { quantity: "an image" };
                let stages = convolution_stages(*image, convolutions).map_err(|_| misfit)?;
                let last = stages.last().map_or(*image, |stage| stage.pooled);
                let features = usize::try_from(last.value_count())
                    .map_err(|_| EngineError::Overflow { quantity: "an image" })?;
                let widths = widths(features, hidden_widths, classes)?;
                Ok(Self::Convolutional(Convolutional::new(rows, &stages, &widths)?))
            }
            Architecture::Gpt { width, layer_count, head_count, context } => {
                Ok(Self::Decoder(Box::new(Decoder::new(DecoderSides {
                    batch: rows,
                    context: size(*context)?,
                    width: size(*width)?,
                    heads: size(*head_count)?,
                    blocks: size(*layer_count)?,
                    vocabulary: classes,
                }))))
            }
        }
    }

    /// Forward, loss, backward: writes the gradient of every tensor and gives the mean loss in nats.
    pub(crate) fn train(
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
            Self::Decoder(network) => {
                let loss = network.forward(weights, batch.tokens, batch.labels)?;
                network.backward(weights, batch.tokens, gradients)?;
                Ok(loss)
            }
            Self::Convolutional(network) => {
                let loss = network.forward(weights, batch.features, batch.labels)?;
                network.backward(weights, batch.features, gradients)?;
                Ok(loss)
            }
        }
    }
}

fn widths(features: usize, hidden: &[u32], classes: usize) -> Result<Vec<usize>, EngineError> {
    let hidden = hidden.iter().map(|width| size(*width));
    std::iter::once(Ok(features)).chain(hidden).chain(std::iter::once(Ok(classes))).collect()
}

fn size(value: u32) -> Result<usize, EngineError> {
    usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "a layer" })
}
