//! Optimizers: one pass over each tensor in place; their state is plain vectors, so it can be saved.
//!
//! Every value is computed alone and with correctly rounded operations only, so threads and machines
//! change nothing.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

mod adamw;
mod momentum;

use std::cell::RefCell;

use candle_core::{CpuStorage, Error, InplaceOp2, Layout, Tensor};
use parity_scale_codec::{Decode, Encode};

use crate::layer::view;

/// Values that one thread updates at a time: some 10 microseconds of work.
const CHUNK_VALUES: usize = 1 << 14;

/// Which optimizer, with its constants.
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
        /// Share of the weights that is lost at a learning rate of 1.
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
        /// Share of the weights that is lost at a learning rate of 1.
        weight_decay: f32,
    },
}

impl OptimizerOptions {
    /// AdamW with the constants of its paper.
    pub const ADAMW: Self =
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

    /// Momentum as commonly used.
    pub const MOMENTUM: Self = Self::Momentum { momentum: 0.9, weight_decay: 0.0 };

    /// Vectors of state for each tensor.
    pub fn moment_count(self) -> usize {
        match self {
            Self::AdamW { .. } => 2,
            Self::Momentum { .. } => 1,
        }
    }
}

/// What an optimizer remembers: for each tensor its moments, all as long as the tensor.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct OptimizerState {
    /// `[tensor][moment][value]`.
    pub moments: Vec<Vec<Vec<f32>>>,
}

impl OptimizerState {
    /// A fresh state for tensors of these lengths.
    pub fn new(options: OptimizerOptions, value_counts: impl Iterator<Item = usize>) -> Self {
        let of_tensor = |count| vec![vec![0.0; count]; options.moment_count()];
        Self { moments: value_counts.map(of_tensor).collect() }
    }

    /// Whether the state is one for tensors of these lengths.
    pub fn fits(
        &self,
        options: OptimizerOptions,
        mut value_counts: impl ExactSizeIterator<Item = usize>,
    ) -> bool {
        self.moments.len() == value_counts.len()
            && self.moments.iter().all(|moments| {
                let count = value_counts.next();
                moments.len() == options.moment_count()
                    && moments.iter().all(|moment| Some(moment.len()) == count)
            })
    }
}

/// One step of an optimizer, the same for all tensors.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// The optimizer.
    pub options: OptimizerOptions,
    /// Learning rate of this step.
    pub learning_rate: f32,
    /// Which step this is, from 0.
    pub step: u64,
}

impl Update {
    /// Moves one tensor down its gradient.
    ///
    /// # Errors
    /// candle's error when the gradient has another shape or is not on the CPU.
    pub fn apply(
        self,
        variable: &Tensor,
        gradient: &Tensor,
        moments: &mut [Vec<f32>],
    ) -> candle_core::Result<()> {
        let step = InPlace { update: self, moments: RefCell::new(moments) };
        variable.inplace_op2(&gradient.contiguous()?, &step)
    }

    fn run(self, weights: &mut [f32], gradient: &[f32], moments: &mut [Vec<f32>]) {
        match (self.options, moments) {
            (OptimizerOptions::AdamW { beta1, beta2, epsilon, weight_decay }, [first, second]) => {
                let constants = adamw::Constants { beta1, beta2, epsilon, weight_decay };
                let step = adamw::Step::new(constants, self.learning_rate, self.step);
                adamw::update(&step, weights, gradient, (first, second));
            }
            (OptimizerOptions::Momentum { momentum, weight_decay }, [velocity]) => {
                let kept = 1.0 - self.learning_rate * weight_decay;
                let step = momentum::Step { momentum, kept, learning_rate: self.learning_rate };
                momentum::update(step, weights, gradient, velocity);
            }
            // `InPlace` has compared the number of moments with the optimizer's.
            _ => {}
        }
    }
}

/// The bridge to candle, which hands out the memory of a tensor to such an operation only.
struct InPlace<'state> {
    update: Update,
    /// The operation is called once, but through a shared reference.
    moments: RefCell<&'state mut [Vec<f32>]>,
}

impl InplaceOp2 for InPlace<'_> {
    fn name(&self) -> &'static str {
        "optimizer step"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        weights_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let gradient = view::values(gradient, gradient_layout)?;
        let range = weights_layout.contiguous_offsets().map(|(start, end)| start..end);
        let CpuStorage::F32(weights) = weights else {
            return Err(Error::msg("weights are f32"));
        };
        let weights = range.and_then(|range| weights.get_mut(range));
        let weights = weights.ok_or_else(|| Error::msg("weights are contiguous"))?;
        let mut moments = self.moments.borrow_mut();
        let is_fitting = moments.len() == self.update.options.moment_count()
            && moments.iter().all(|moment| moment.len() == weights.len());
        if gradient.len() != weights.len() || !is_fitting {
            return Err(Error::msg("gradient and moments are as long as the weights"));
        }
        self.update.run(weights, gradient, &mut moments);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
