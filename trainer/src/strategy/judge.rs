//! The loss of a model on the examples that were held out.

use super::{Division, SearchError};
use crate::engine::EngineError;
use crate::engine::batch::Batches;
use crate::engine::network::Network;
use crate::engine::room::Room;
use crate::run::{TrainError, TrainingFile};

/// A network with memory of its own, so that judging leaves no trace in a run.
#[derive(Debug)]
pub(super) struct Judge<'data> {
    batches: Batches<'data>,
    network: Network,
    gradients: Vec<Vec<f32>>,
    batch_count: u32,
    batch_size: u32,
}

impl<'data> Judge<'data> {
    pub(super) fn new(division: &'data Division, micro_rows: u32) -> Result<Self, SearchError> {
        let mut specification = division.held_out.specification.clone();
        TrainingFile::new(&division.held_out.bytes, &specification)?;
        let example_count = specification.data.train_example_count;
        let batch_size = specification.train.batch_size.clamp(1, example_count.max(1));
        specification.train.batch_size = batch_size;
        let micro_rows = usize::try_from(micro_rows).unwrap_or(usize::MAX);
        let failed = |source| TrainError::Engine { step: 0, source };
        Ok(Self {
            batches: Batches::new(&specification, &division.held_out.bytes, &mut Room::taken())
                .map_err(failed)?,
            network: Network::new(&specification, micro_rows).map_err(failed)?,
            gradients: Vec::new(),
            batch_count: example_count / batch_size,
            batch_size,
        })
    }

    /// Examples of one judgment: all that fill whole batches.
    pub(super) fn example_count(&self) -> u64 {
        u64::from(self.batch_count).saturating_mul(u64::from(self.batch_size))
    }

    /// Mean loss of a model, in nats.
    pub(super) fn loss(&mut self, model: &[Vec<f32>]) -> Result<f64, EngineError> {
        if self.gradients.is_empty() {
            self.gradients = model.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        }
        let mut total = 0.0;
        for number in 0..self.batch_count {
            let batch = self.batches.take(number)?;
            total += f64::from(self.network.train(model, batch, &mut self.gradients)?);
        }
        Ok(total / f64::from(self.batch_count))
    }
}
