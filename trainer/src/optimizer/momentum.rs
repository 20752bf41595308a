//! Stochastic gradient descent with momentum.

use rayon::prelude::*;

use super::CHUNK_VALUES;

/// The constants of one step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Share of the velocity that stays.
    pub(super) momentum: f32,
    /// Share of the weight that stays.
    pub(super) kept: f32,
    /// How far the velocity carries.
    pub(super) learning_rate: f32,
}

/// Updates one tensor and its velocity; all have the same length.
pub(super) fn update(step: Step, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
    let Step { momentum, kept, learning_rate } = step;
    let weights = weights.par_chunks_mut(CHUNK_VALUES).zip(gradient.par_chunks(CHUNK_VALUES));
    let velocities = velocity.par_chunks_mut(CHUNK_VALUES);
    weights.zip(velocities).for_each(|((weights, gradient), velocities)| {
        for ((weight, gradient), velocity) in weights.iter_mut().zip(gradient).zip(velocities) {
            *velocity = momentum * *velocity + gradient;
            *weight = kept * *weight - learning_rate * *velocity;
        }
    });
}
