//! The rules of recipes, and of what a game must be able to referee.

use super::{OrderError, STEPS_MAX, within};
use crate::order::{
    DataFile, FixedRecipe, OrderSpecification, Recipe, RecipeOptimizer, RecipeSchedule,
};
use crate::program::{evaluation, training};
use crate::progress::TestSource;

/// The bits of the largest finite f32; those of positive numbers are in the order of the numbers.
const FINITE_MAX: u32 = 0x7f7f_ffff;
/// The bits of the largest f32 below 1.
const BELOW_ONE: u32 = 0x3f7f_ffff;

/// Checks the numbers of a fixed recipe. Real ones are compared by their bits.
pub(super) fn check_recipe(recipe: &Recipe) -> Result<(), OrderError> {
    let recipe = match recipe {
        Recipe::Free => return Ok(()),
        Recipe::Fixed(recipe) => recipe,
    };
    let FixedRecipe { step_count, learning_rate, checkpoint_interval, .. } = *recipe;
    within("train.recipe.steps", step_count, 1_u32, STEPS_MAX)?;
    within("train.recipe.checkpoint_interval", checkpoint_interval, 1_u32, STEPS_MAX)?;
    within("train.recipe.learning_rate (bits)", learning_rate, 1_u32, FINITE_MAX)?;
    if let RecipeSchedule::Cosine { warmup_step_count } = recipe.schedule {
        within("train.recipe.warmup_steps", warmup_step_count, 0_u32, step_count)?;
    }
    check_optimizer(recipe.optimizer)
}

fn check_optimizer(optimizer: RecipeOptimizer) -> Result<(), OrderError> {
    let decay = match optimizer {
        RecipeOptimizer::AdamW { beta1, beta2, epsilon, weight_decay } => {
            within("train.recipe.beta1 (bits)", beta1, 0_u32, BELOW_ONE)?;
            within("train.recipe.beta2 (bits)", beta2, 0_u32, BELOW_ONE)?;
            within("train.recipe.epsilon (bits)", epsilon, 1_u32, FINITE_MAX)?;
            weight_decay
        }
        RecipeOptimizer::Momentum { momentum, weight_decay } => {
            within("train.recipe.momentum (bits)", momentum, 0_u32, BELOW_ONE)?;
            weight_decay
        }
        RecipeOptimizer::Lion { beta1, beta2, weight_decay } => {
            within("train.recipe.beta1 (bits)", beta1, 0_u32, BELOW_ONE)?;
            within("train.recipe.beta2 (bits)", beta2, 0_u32, BELOW_ONE)?;
            weight_decay
        }
    };
    within("train.recipe.weight_decay (bits)", decay, 0_u32, FINITE_MAX)
}

/// Checks that the evaluation, and the training of a fixed recipe, are programs.
pub(super) fn check_programs(specification: &OrderSpecification) -> Result<(), OrderError> {
    // The length of the test file is known when it is revealed.
    let file = DataFile { byte_count: u64::MAX, ..specification.data.train };
    let evaluation = evaluation(specification, &file, &TestSource::Revealed(file), [0; 32])?;
    // As many as a training may have: five rounds of a bisection into sixteen parts find one of them.
    within("steps of the evaluation", evaluation.step_count, 1_u32, STEPS_MAX)?;
    match specification.train.recipe {
        Recipe::Free => Ok(()),
        Recipe::Fixed(_) => training(specification).map(|_| ()).map_err(OrderError::from),
    }
}
