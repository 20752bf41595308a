//! How free a provider is, and the recipe of one that is not.
//!
//! Real numbers are the bits of an f32. Weights and the order of the batches follow from the seed of
//! the model, so a fixed recipe has exactly one result.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

/// How free the provider is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Recipe {
    /// Contest: train as you like, the best score wins.
    #[codec(index = 0)]
    Free,
    /// Every step is prescribed, and every provider has the same bits.
    #[codec(index = 1)]
    Fixed(FixedRecipe),
}

impl Recipe {
    /// Whether every step is prescribed, so that there is a trace to check.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        match self {
            Self::Free => false,
            Self::Fixed(_) => true,
        }
    }
}

/// A run that is prescribed down to the last bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct FixedRecipe {
    /// Steps of the run.
    pub step_count: u32,
    /// What moves the weights.
    pub optimizer: RecipeOptimizer,
    /// Peak of the learning rate, the bits of an f32.
    pub learning_rate: u32,
    /// Its course.
    pub schedule: RecipeSchedule,
    /// Steps between two roots of the trace.
    pub checkpoint_interval: u32,
}

/// An optimizer; every constant is the bits of an f32.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum RecipeOptimizer {
    /// Adam with decoupled weight decay.
    ///
    /// # Source
    /// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    #[codec(index = 0)]
    AdamW {
        /// Decay of the mean gradient.
        beta1: u32,
        /// Decay of the mean squared gradient.
        beta2: u32,
        /// Keeps the division from zero.
        epsilon: u32,
        /// Share of the weights that is lost at a learning rate of 1.
        weight_decay: u32,
    },
    /// Stochastic gradient descent with momentum.
    ///
    /// # Source
    /// Sutskever and others, "On the importance of initialization and momentum", 2013, equations 1
    /// and 2, with the learning rate applied to the velocity.
    #[codec(index = 1)]
    Momentum {
        /// Share of the velocity that stays.
        momentum: u32,
        /// Share of the weights that is lost at a learning rate of 1.
        weight_decay: u32,
    },
    /// The sign of a mixture of gradient and momentum.
    ///
    /// # Source
    /// Chen and others, "Symbolic discovery of optimization algorithms", 2023, program 1.
    #[codec(index = 2)]
    Lion {
        /// Share of the momentum in the direction.
        beta1: u32,
        /// Decay of the momentum.
        beta2: u32,
        /// Share of the weights that is lost at a learning rate of 1.
        weight_decay: u32,
    },
}

/// The course of the learning rate, as a share of its peak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum RecipeSchedule {
    /// Always the peak.
    #[codec(index = 0)]
    Constant,
    /// A straight rise to the peak, then half a cosine down to nothing at the last step.
    #[codec(index = 1)]
    Cosine {
        /// Steps of the rise.
        warmup_step_count: u32,
    },
    /// A straight rise from a tenth of the peak over nine twentieths of the steps, as straight a fall, and
    /// then down to nothing.
    ///
    /// # Source
    /// Smith, "A disciplined approach to neural network hyper-parameters", 2018, section 4.1.
    #[codec(index = 2)]
    OneCycle,
}
