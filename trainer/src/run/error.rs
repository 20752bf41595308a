//! Why training stops.

use std::fmt;

use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::primitives::DataRoot;
use thiserror::Error;

use super::OptionError;
use crate::engine::EngineError;
use crate::optimizer::OptimizerError;
use crate::parameters::ParametersError;

/// Why training stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The options make no run.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The data is another order's.
    #[error("the training data has root {found}, the order's {expected}")]
    ForeignData {
        /// Root of the data.
        found: DataRoot,
        /// Root in the order.
        expected: DataRoot,
    },
    /// The weights do not fit the order.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// A checkpoint of another order.
    #[error("the checkpoint does not belong to this run")]
    ForeignCheckpoint,
    /// The loss is no number any more; the weights are as they were before the step.
    #[error("the loss is {loss} in step {step}, {saved}; a lower learning rate may help")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// The loss; where it is a number, the gradients or the weights are none.
        loss: f32,
        /// The last checkpoint from which the run could be taken up.
        saved: Saved,
    },
    /// The order's sizes do not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The network failed.
    #[error("the network failed in step {step}")]
    Engine {
        /// The step, from 0.
        step: u64,
        /// What it said.
        source: EngineError,
    },
    /// The optimizer refused its sizes, which follow from the order.
    #[error("the optimizer failed in step {step}")]
    Optimizer {
        /// The step, from 0.
        step: u64,
        /// What it said.
        source: OptimizerError,
    },
}

/// The step of the last checkpoint, if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saved(pub Option<u64>);

impl fmt::Display for Saved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(step) => write!(formatter, "the last checkpoint is of step {step}"),
            None => formatter.write_str("there is no checkpoint"),
        }
    }
}
