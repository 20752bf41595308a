//! Optimizers: one pass over each tensor in place; their state is plain vectors, so it can be saved.
//!
//! All arithmetic is that of the kernels, so threads and machines change no bit.

mod muon;
mod options;
mod shape;

pub use options::OptimizerOptions;
pub use shape::TensorShape;

use aipot_kernels::length::LengthError;
use aipot_kernels::update::{
    AdamWConstants, AdamWScalars, AdamWStep, DescentStep, LionStep, MomentumStep, NesterovStep,
    OrthogonalError,
};
use parity_scale_codec::{Decode, Encode};
use thiserror::Error;

use self::muon::Muon;

/// What an optimizer remembers between two steps.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct OptimizerState {
    /// `[tensor][moment][value]`; all moments are as long as their tensor.
    pub moments: Vec<Vec<Vec<f32>>>,
    /// Powers of the betas of Adam, where there is one.
    pub powers: (f32, f32),
}

impl OptimizerState {
    /// A fresh state for tensors of these shapes.
    pub fn new(options: OptimizerOptions, shapes: &[TensorShape]) -> Self {
        let of_tensor = |shape: &TensorShape| {
            vec![vec![0.0; shape.value_count()]; options.moment_count(*shape)]
        };
        let AdamWScalars { power1, power2 } = AdamWScalars::START;
        Self { moments: shapes.iter().map(of_tensor).collect(), powers: (power1, power2) }
    }

    /// Whether the state is one for tensors of these shapes.
    pub fn fits(&self, options: OptimizerOptions, shapes: &[TensorShape]) -> bool {
        self.moments.len() == shapes.len()
            && self.moments.iter().zip(shapes).all(|(moments, shape)| {
                moments.len() == options.moment_count(*shape)
                    && moments.iter().all(|moment| moment.len() == shape.value_count())
            })
    }
}

/// Why a step failed: the values given are not as long as the tensors.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// The state is of other tensors or of another optimizer.
    #[error("the optimizer's state does not fit the weights")]
    State,
    /// A gradient or a moment has another length than its tensor.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The direction of Muon cannot be computed.
    #[error(transparent)]
    Orthogonal(#[from] OrthogonalError),
}

/// An optimizer between two steps, with all memory it needs.
#[derive(Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    shapes: Vec<TensorShape>,
    state: OptimizerState,
    muon: Muon,
}

impl Optimizer {
    /// An optimizer of tensors of these shapes that goes on with a state.
    ///
    /// # Errors
    /// [`OptimizerError::State`] when the state is of another optimizer or of other tensors.
    pub fn new(
        options: OptimizerOptions,
        shapes: Vec<TensorShape>,
        state: OptimizerState,
    ) -> Result<Self, OptimizerError> {
        if !state.fits(options, &shapes) {
            return Err(OptimizerError::State);
        }
        Ok(Self { options, shapes, state, muon: Muon::default() })
    }

    /// What is remembered.
    pub fn state(&self) -> &OptimizerState {
        &self.state
    }

    /// Moves all tensors down their gradients.
    ///
    /// # Errors
    /// [`OptimizerError::Length`] when a gradient is not as long as its tensor.
    pub fn step(
        &mut self,
        weights: &mut [Vec<f32>],
        gradients: &[Vec<f32>],
        rate: f32,
    ) -> Result<(), OptimizerError> {
        let of_adamw = self.adamw_step(rate);
        let tensors = weights.iter_mut().zip(gradients).zip(&mut self.state.moments);
        for (((weights, gradient), moments), shape) in tensors.zip(&self.shapes) {
            match (self.options, moments.as_mut_slice()) {
                (OptimizerOptions::Descent { weight_decay }, []) => {
                    DescentStep::new(weight_decay, rate).apply(weights, gradient)?;
                }
                (OptimizerOptions::Momentum { momentum, weight_decay }, [velocity]) => {
                    let step = MomentumStep::new(momentum, weight_decay, rate);
                    step.apply(weights, gradient, velocity)?;
                }
                (OptimizerOptions::Nesterov { momentum, weight_decay }, [velocity]) => {
                    let step = NesterovStep::new(momentum, weight_decay, rate);
                    step.apply(weights, gradient, velocity)?;
                }
                (OptimizerOptions::Lion { beta1, beta2, weight_decay }, [momentum]) => {
                    let step = LionStep::new((beta1, beta2), weight_decay, rate);
                    step.apply(weights, gradient, momentum)?;
                }
                (OptimizerOptions::Muon { momentum, weight_decay, .. }, [velocity]) => {
                    let step = DescentStep::new(weight_decay, rate);
                    let direction = self.muon.direction(
                        *shape,
                        (gradient, velocity.as_mut_slice()),
                        momentum,
                    )?;
                    step.apply(weights, direction)?;
                }
                (_, [first, second]) => of_adamw.apply(weights, gradient, first, second)?,
                _ => return Err(OptimizerError::State),
            }
        }
        Ok(())
    }

    /// The step of Adam for all tensors that it moves; it counts its steps.
    fn adamw_step(&mut self, rate: f32) -> AdamWStep {
        let (constants, share) = self.options.adamw();
        let AdamWConstants { beta1, beta2, .. } = constants;
        let (power1, power2) = self.state.powers;
        let mut scalars = AdamWScalars { power1, power2 };
        scalars.advance(beta1, beta2);
        self.state.powers = (scalars.power1, scalars.power2);
        scalars.step(constants, rate * share)
    }
}

#[cfg(test)]
mod tests;
