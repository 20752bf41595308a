//! Which optimizer, with its constants.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use aipot_kernels::update::AdamWConstants;
use parity_scale_codec::{Decode, Encode};

use super::TensorShape;

/// Which optimizer, with its constants. Weight decay is always decoupled: the share of the weights that is
/// lost at a learning rate of 1.
#[derive(Clone, Copy, PartialEq, Debug, Encode, Decode)]
pub enum OptimizerOptions {
    /// Adam with decoupled weight decay.
    ///
    /// # Source
    /// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    #[codec(index = 0)]
    AdamW {
        /// Decay of the mean gradient.
        beta1: f32,
        /// Decay of the mean squared gradient.
        beta2: f32,
        /// Keeps the division from zero.
        epsilon: f32,
        /// Share of the weights that is lost.
        weight_decay: f32,
    },
    /// Stochastic gradient descent with momentum.
    ///
    /// # Source
    /// Sutskever and others, "On the importance of initialization and momentum", 2013, equations 1
    /// and 2, with the learning rate applied to the velocity.
    #[codec(index = 1)]
    Momentum {
        /// Share of the velocity that stays.
        momentum: f32,
        /// Share of the weights that is lost.
        weight_decay: f32,
    },
    /// The same with the gradient taken ahead.
    ///
    /// # Source
    /// As [`Self::Momentum`], equations 3 and 4.
    #[codec(index = 2)]
    Nesterov {
        /// Share of the velocity that stays.
        momentum: f32,
        /// Share of the weights that is lost.
        weight_decay: f32,
    },
    /// Stochastic gradient descent that remembers nothing.
    #[codec(index = 3)]
    Descent {
        /// Share of the weights that is lost.
        weight_decay: f32,
    },
    /// The sign of a mixture of gradient and momentum.
    ///
    /// # Source
    /// Chen and others, "Symbolic discovery of optimization algorithms", 2023, program 1.
    #[codec(index = 4)]
    Lion {
        /// Share of the momentum in the direction.
        beta1: f32,
        /// Decay of the momentum.
        beta2: f32,
        /// Share of the weights that is lost.
        weight_decay: f32,
    },
    /// Orthogonal directions for the matrices of hidden layers, `AdamW` with its constants for everything
    /// else.
    ///
    /// # Source
    /// Jordan and others, "Muon: an optimizer for hidden layers in neural networks", 2024.
    #[codec(index = 5)]
    Muon {
        /// Share of the velocity that stays.
        momentum: f32,
        /// Share of the weights that is lost.
        weight_decay: f32,
        /// Learning rate of `AdamW` as a share of that of the matrices.
        adamw_share: f32,
    },
}

impl OptimizerOptions {
    /// `AdamW` with the constants of its paper.
    pub const ADAMW: Self =
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

    /// `AdamW` as decoders are trained: a shorter memory of sizes, more decay.
    ///
    /// # Source
    /// Brown and others, "Language models are few-shot learners", 2020, appendix B.
    pub const ADAMW_DECODER: Self =
        Self::AdamW { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1 };

    /// Momentum as commonly used.
    pub const MOMENTUM: Self = Self::Momentum { momentum: 0.9, weight_decay: 0.0 };

    /// Nesterov's momentum as commonly used.
    pub const NESTEROV: Self = Self::Nesterov { momentum: 0.9, weight_decay: 0.0 };

    /// Plain descent.
    pub const DESCENT: Self = Self::Descent { weight_decay: 0.0 };

    /// Lion with the betas of its paper.
    pub const LION: Self = Self::Lion { beta1: 0.9, beta2: 0.99, weight_decay: 0.1 };

    /// Muon with the momentum of its page.
    pub const MUON: Self = Self::Muon { momentum: 0.95, weight_decay: 0.01, adamw_share: 0.15 };

    /// Vectors of state for a tensor.
    pub fn moment_count(self, shape: TensorShape) -> usize {
        match (self, shape) {
            (Self::Descent { .. }, _) => 0,
            (Self::Momentum { .. } | Self::Nesterov { .. } | Self::Lion { .. }, _)
            | (Self::Muon { .. }, TensorShape::Hidden { .. }) => 1,
            (Self::AdamW { .. }, _) | (Self::Muon { .. }, TensorShape::Other { .. }) => 2,
        }
    }

    /// The constants of `AdamW` for the tensors that it moves, and its share of the learning rate.
    pub(super) fn adamw(self) -> (AdamWConstants, f32) {
        match self {
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                (AdamWConstants { beta1, beta2, epsilon, weight_decay }, 1.0)
            }
            Self::Momentum { weight_decay, .. }
            | Self::Nesterov { weight_decay, .. }
            | Self::Descent { weight_decay }
            | Self::Lion { weight_decay, .. } => (paper(weight_decay), 1.0),
            Self::Muon { weight_decay, adamw_share, .. } => (paper(weight_decay), adamw_share),
        }
    }

    /// The constants, to be checked.
    pub(crate) fn constants(self) -> [f32; 4] {
        match self {
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                [beta1, beta2, epsilon, weight_decay]
            }
            Self::Momentum { momentum, weight_decay }
            | Self::Nesterov { momentum, weight_decay } => [momentum, weight_decay, 0.0, 0.0],
            Self::Descent { weight_decay } => [weight_decay, 0.0, 0.0, 0.0],
            Self::Lion { beta1, beta2, weight_decay } => [beta1, beta2, weight_decay, 0.0],
            Self::Muon { momentum, weight_decay, adamw_share } => {
                [momentum, weight_decay, adamw_share, 0.0]
            }
        }
    }
}

/// The paper's constants of Adam with another decay.
fn paper(weight_decay: f32) -> AdamWConstants {
    AdamWConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
}
