//! What survives a step: weights, what the optimizer remembers, and its scalars.

use aipot_domain_runtime::order::{FixedRecipe, OrderSpecification, RecipeOptimizer};
use aipot_domain_runtime::program::RateCourse;
use aipot_kernels::update::{AdamWConstants, AdamWScalars, AdamWStep, LionStep, MomentumStep};

use super::EngineError;
use super::room::Room;
use crate::architecture::{TensorLayout, layout};
use crate::trace::recorder::Persistent;

/// Scalars of `AdamW`: the powers of its betas.
const ADAMW_SCALARS: usize = 2;

/// The state of a run between two steps.
#[derive(Debug)]
pub(super) struct TrainingState {
    optimizer: RecipeOptimizer,
    weights: Vec<Vec<f32>>,
    /// `[tensor][moment][value]`.
    moments: Vec<Vec<Vec<f32>>>,
    powers: AdamWScalars,
}

impl TrainingState {
    pub(super) fn new(
        specification: &OrderSpecification,
        optimizer: RecipeOptimizer,
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let layouts = layout(specification)
            .map_err(|overflow| EngineError::Overflow { quantity: overflow.quantity })?;
        let counts = layouts.iter().map(TensorLayout::value_count);
        let weights = counts.clone().map(|count| room.floats(count)).collect();
        let moments = counts.map(|count| {
            std::iter::repeat_with(|| room.floats(count)).take(moment_count(optimizer)).collect()
        });
        let moments = moments.collect();
        Ok(Self { optimizer, weights, moments, powers: AdamWScalars::START })
    }

    pub(super) fn weights(&self) -> &[Vec<f32>] {
        &self.weights
    }

    /// The words of the persistent slots: weights, then the moments of each, then scalars.
    pub(super) fn persistent(&self) -> Persistent {
        let words = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
        let mut slots: Persistent = self.weights.iter().map(words).collect();
        slots.extend(self.moments.iter().flatten().map(words));
        if matches!(self.optimizer, RecipeOptimizer::AdamW { .. }) {
            slots.push(vec![self.powers.power1.to_bits()]);
            slots.push(vec![self.powers.power2.to_bits()]);
        }
        slots
    }

    /// Puts a state in place of this one.
    pub(super) fn restore(&mut self, persistent: &Persistent) -> Result<(), EngineError> {
        let scalars = self.scalar_count();
        let own = self.weights.iter().chain(self.moments.iter().flatten()).map(Vec::len);
        let lengths: Vec<usize> = own.chain(std::iter::repeat_n(1, scalars)).collect();
        if !lengths.iter().eq(persistent.iter().map(Vec::len).collect::<Vec<_>>().iter()) {
            let (found, expected) = (persistent.len(), lengths.len());
            return Err(EngineError::ForeignState { found, expected });
        }
        let own = self.weights.iter_mut().chain(self.moments.iter_mut().flatten());
        for (values, words) in own.zip(persistent) {
            values.iter_mut().zip(words).for_each(|(value, word)| *value = f32::from_bits(*word));
        }
        if let [.., power1, power2] = persistent.as_slice()
            && scalars == ADAMW_SCALARS
        {
            let first = |slot: &[u32]| slot.first().copied().map_or(f32::NAN, f32::from_bits);
            self.powers = AdamWScalars { power1: first(power1), power2: first(power2) };
        }
        Ok(())
    }

    fn scalar_count(&self) -> usize {
        match self.optimizer {
            RecipeOptimizer::AdamW { .. } => ADAMW_SCALARS,
            RecipeOptimizer::Momentum { .. } | RecipeOptimizer::Lion { .. } => 0,
        }
    }

    /// Moves the weights down their gradients.
    pub(super) fn update(&mut self, gradients: &[Vec<f32>], rate: f32) -> Result<(), EngineError> {
        match self.optimizer {
            RecipeOptimizer::AdamW { beta1, beta2, epsilon, weight_decay } => {
                let [beta1, beta2, epsilon, weight_decay] =
                    [beta1, beta2, epsilon, weight_decay].map(f32::from_bits);
                self.powers.advance(beta1, beta2);
                let constants = AdamWConstants { beta1, beta2, epsilon, weight_decay };
                self.update_adamw(gradients, self.powers.step(constants, rate))
            }
            RecipeOptimizer::Momentum { momentum, weight_decay } => {
                let [momentum, weight_decay] = [momentum, weight_decay].map(f32::from_bits);
                self.update_momentum(gradients, MomentumStep::new(momentum, weight_decay, rate))
            }
            RecipeOptimizer::Lion { beta1, beta2, weight_decay } => {
                let [beta1, beta2, weight_decay] = [beta1, beta2, weight_decay].map(f32::from_bits);
                self.update_lion(gradients, LionStep::new((beta1, beta2), weight_decay, rate))
            }
        }
    }

    fn update_adamw(&mut self, gradients: &[Vec<f32>], step: AdamWStep) -> Result<(), EngineError> {
        let tensors = self.weights.iter_mut().zip(gradients).zip(&mut self.moments);
        for ((weights, gradient), moments) in tensors {
            let [first, second] = moments.as_mut_slice() else { continue };
            step.apply(weights, gradient, first, second).map_err(EngineError::kernel)?;
        }
        Ok(())
    }

    fn update_lion(&mut self, gradients: &[Vec<f32>], step: LionStep) -> Result<(), EngineError> {
        let tensors = self.weights.iter_mut().zip(gradients).zip(&mut self.moments);
        for ((weights, gradient), moments) in tensors {
            let [momentum] = moments.as_mut_slice() else { continue };
            step.apply(weights, gradient, momentum).map_err(EngineError::kernel)?;
        }
        Ok(())
    }

    fn update_momentum(
        &mut self,
        gradients: &[Vec<f32>],
        step: MomentumStep,
    ) -> Result<(), EngineError> {
        let tensors = self.weights.iter_mut().zip(gradients).zip(&mut self.moments);
        for ((weights, gradient), moments) in tensors {
            let [velocity] = moments.as_mut_slice() else { continue };
            step.apply(weights, gradient, velocity).map_err(EngineError::kernel)?;
        }
        Ok(())
    }
}

/// Vectors that an optimizer keeps for each tensor.
pub(super) fn moment_count(optimizer: RecipeOptimizer) -> usize {
    match optimizer {
        RecipeOptimizer::AdamW { .. } => 2,
        RecipeOptimizer::Momentum { .. } | RecipeOptimizer::Lion { .. } => 1,
    }
}

/// The course of the learning rate of a recipe.
pub(super) fn course(recipe: &FixedRecipe) -> RateCourse {
    let FixedRecipe { learning_rate, schedule, step_count, .. } = *recipe;
    RateCourse { peak: learning_rate, schedule, step_count }
}
