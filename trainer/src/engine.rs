//! The fast engine of fixed recipes: the bits of the order's program, by fused kernels over memory that is
//! taken once.
//!
//! [`aipot_domain_runtime::program::training`] says what a step computes, operator by operator; this room
//! computes the same with whole layers. Tests compare the two word by word.

pub(crate) mod batch;
mod convolutional;
mod decoder;
mod graph;
pub(crate) mod linear;
pub(crate) mod network;
mod perceptron;
pub(crate) mod room;
mod state;

use aipot_domain_runtime::order::{OrderSpecification, Recipe};
use aipot_domain_runtime::program::{Computation, RateCourse};
use aipot_domain_runtime::referee::learning_rate;
use thiserror::Error;

pub use self::batch::Batch;
pub use self::network::Network;

use self::batch::Batches;
use self::room::Room;
use self::state::TrainingState;
use crate::architecture::layout;
use crate::base_file::{Base, BaseError, read_base};
use crate::dataset::stream::StreamError;
use crate::memory::TrainingMemory;
use crate::trace::machine::{Files, Machine, MachineError};
use crate::trace::recorder::Persistent;
use crate::trace::replay::Engine;

/// Why a step of the engine fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The order leaves the training to its provider.
    #[error("the order has no fixed recipe")]
    NoRecipe,
    /// The data file is not one of the order.
    #[error("the training file has {found} bytes, the order {expected}")]
    Data {
        /// Bytes given.
        found: usize,
        /// Bytes of the order's file.
        expected: u64,
    },
    /// A state of another computation.
    #[error("the state has {found} slots or other sizes, the order's {expected}")]
    ForeignState {
        /// Slots given.
        found: usize,
        /// Slots of the computation.
        expected: usize,
    },
    /// A layer that this engine does not have.
    #[error("the engine has no layer {name}")]
    NoLayer {
        /// The layer.
        name: &'static str,
    },
    /// Weights that stay as they are were not given, or are others than those of the order.
    #[error("the weights of the base are missing, or are not those of the order")]
    NoBase,
    /// The sizes of the order do not fit this machine.
    #[error("{quantity} does not fit this machine")]
    Overflow {
        /// What does not fit.
        quantity: &'static str,
    },
    /// The base file is not the order's.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The first step, which makes the state, failed.
    #[error(transparent)]
    Initial(#[from] MachineError),
    /// The batches cannot be read from the disk.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A kernel refused its sizes, which follow from the order.
    #[error("a kernel refused: {reason}")]
    Kernel {
        /// What it said.
        reason: String,
    },
}

impl EngineError {
    /// Wraps the refusal of a kernel.
    pub(crate) fn kernel(error: impl std::error::Error) -> Self {
        Self::Kernel { reason: error.to_string() }
    }
}

/// A run of a fixed recipe.
#[derive(Debug)]
pub struct FastEngine<'input> {
    computation: &'input Computation,
    files: Files<'input>,
    course: RateCourse,
    batches: Batches<'input>,
    network: Network,
    state: TrainingState,
    gradients: Vec<Vec<f32>>,
    taken_bytes: u64,
    loss_nats: f32,
    learning_rate: f32,
}

impl<'input> FastEngine<'input> {
    /// A run before its first step, with memory for a whole batch.
    ///
    /// # Errors
    /// [`EngineError::NoRecipe`], [`EngineError::Data`], [`EngineError::Base`] or [`EngineError::Overflow`].
    pub fn new(
        specification: &OrderSpecification,
        computation: &'input Computation,
        files: impl Into<Files<'input>>,
    ) -> Result<Self, EngineError> {
        Self::with_micro_batch(specification, computation, files, specification.train.batch_size)
    }

    /// A run with memory for at most `micro_rows` examples, through which a batch goes in pieces.
    ///
    /// No size of the pieces changes a bit; 0 counts as 1.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_micro_batch(
        specification: &OrderSpecification,
        computation: &'input Computation,
        files: impl Into<Files<'input>>,
        micro_rows: u32,
    ) -> Result<Self, EngineError> {
        let Recipe::Fixed(recipe) = specification.train.recipe else {
            return Err(EngineError::NoRecipe);
        };
        let files: Files<'input> = files.into();
        let (train, expected) = (files.train, specification.data.train.byte_count);
        if u64::try_from(train.len()) != Ok(expected) {
            return Err(EngineError::Data { found: train.len(), expected });
        }
        let room = &mut Room::taken();
        let micro_rows = usize::try_from(micro_rows)
            .map_err(|_| EngineError::Overflow { quantity: "the micro-batch" })?;
        let state = TrainingState::new(specification, recipe.optimizer, room)?;
        let gradients = state.weights().iter().map(|weights| room.floats(weights.len()));
        let gradients = gradients.collect();
        let mut network = Network::in_room(specification, micro_rows, room)?;
        if let Some(Base::Frozen(base)) = read_base(files.base, specification)? {
            network.set_base(base)?;
        }
        Ok(Self {
            gradients,
            computation,
            files,
            course: state::course(&recipe),
            batches: Batches::new(specification, train, room)?,
            network,
            state,
            taken_bytes: room.bytes(),
            loss_nats: f32::NAN,
            learning_rate: 0.0,
        })
    }

    /// Bytes of the buffers that were taken for this run; see [`crate::memory::training_memory`].
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Mean loss of the last batch before its step, in nats; NaN before the first. A run whose loss is no
    /// number any more goes on all the same: whoever checks it must come to the same bits.
    pub fn loss_nats(&self) -> f32 {
        self.loss_nats
    }

    /// Learning rate of the last step; 0 before the first.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// The weights, in the order of the model's tensors.
    pub fn weights(&self) -> &[Vec<f32>] {
        self.state.weights()
    }

    /// The examples of step `number`, from 0.
    ///
    /// # Errors
    /// [`EngineError`] when a file on the disk cannot be read.
    pub fn batch(&mut self, number: u32) -> Result<Batch<'_>, EngineError> {
        self.batches.take(number)
    }

    fn initial(&mut self) -> Result<(), EngineError> {
        let mut machine = Machine::new(self.computation, self.files);
        machine.step(0)?;
        self.state.restore(&machine.persistent().to_vec())
    }

    fn train(&mut self, number: u32) -> Result<(), EngineError> {
        let batch = self.batches.take(number)?;
        self.loss_nats = self.network.train(self.state.weights(), batch, &mut self.gradients)?;
        self.learning_rate = f32::from_bits(learning_rate(&self.course, number).0);
        self.state.update(&self.gradients, self.learning_rate)
    }
}

/// Vectors that `AdamW` keeps for each tensor: no optimizer that a provider may choose keeps more.
const MOMENTS_MAX: usize = 2;

/// See [`crate::memory::training_memory`].
pub(crate) fn memory(
    specification: &OrderSpecification,
    micro_rows: u32,
) -> Result<TrainingMemory, EngineError> {
    let overflow = |quantity| EngineError::Overflow { quantity };
    let moments = match specification.train.recipe {
        Recipe::Fixed(recipe) => state::moment_count(recipe.optimizer),
        Recipe::Free => MOMENTS_MAX,
    };
    let tensors = layout(specification).map_err(|refused| overflow(refused.quantity))?;
    let mut weights = Room::counted();
    for tensor in &tensors {
        weights.floats(tensor.value_count());
    }
    let (mut batch, mut activations) = (Room::counted(), Room::counted());
    Batches::new(specification, &[], &mut batch)?;
    let micro_rows = usize::try_from(micro_rows).map_err(|_| overflow("the micro-batch"))?;
    Network::in_room(specification, micro_rows, &mut activations)?;
    let moments = u64::try_from(moments).map_err(|_| overflow("the optimizer"))?;
    Ok(TrainingMemory {
        weights: weights.bytes(),
        moments: weights.bytes().saturating_mul(moments),
        gradients: weights.bytes(),
        batch: batch.bytes(),
        activations: activations.bytes(),
    })
}

impl Engine for FastEngine<'_> {
    type Error = EngineError;

    fn step(&mut self, step: u32) -> Result<(), EngineError> {
        match step.checked_sub(1) {
            None => self.initial(),
            Some(number) => self.train(number),
        }
    }

    fn persistent(&self) -> Persistent {
        self.state.persistent()
    }

    fn restore(&mut self, persistent: &Persistent) -> Result<(), EngineError> {
        // Before the first step, which makes the state, there is none.
        if persistent.iter().all(Vec::is_empty) {
            return Ok(());
        }
        self.state.restore(persistent)
    }
}

#[cfg(test)]
pub(crate) mod tests;
