//! The recipe of a run: the word `free`, or a table; read and written.

use aipot_domain_runtime::order::check::STEPS_MAX;
use aipot_domain_runtime::order::{FixedRecipe, Recipe, RecipeOptimizer, RecipeSchedule};

use super::error::SpecificationError;
use super::section::Section;

/// Steps between two roots of the trace where none are given.
const CHECKPOINT_INTERVAL_DEFAULT: u32 = 100;

const WORDS: &[(&str, Recipe)] = &[("free", Recipe::Free)];
const OPTIMIZERS: &[(&str, Optimizer)] =
    &[("adamw", Optimizer::AdamW), ("momentum", Optimizer::Momentum), ("lion", Optimizer::Lion)];
const SCHEDULES: &[(&str, Schedule)] = &[
    ("constant", Schedule::Constant),
    ("cosine", Schedule::Cosine),
    ("one_cycle", Schedule::OneCycle),
];

#[derive(Clone, Copy)]
enum Optimizer {
    AdamW,
    Momentum,
    Lion,
}

#[derive(Clone, Copy)]
enum Schedule {
    Constant,
    Cosine,
    OneCycle,
}

/// Reads the recipe of the training section; left out, it is free.
pub(super) fn read(section: &mut Section) -> Result<Recipe, SpecificationError> {
    match section.table("recipe")? {
        Some(table) => fixed(table).map(Recipe::Fixed),
        None => Ok(section.word("recipe", WORDS)?.unwrap_or(Recipe::Free)),
    }
}

fn fixed(mut section: Section) -> Result<FixedRecipe, SpecificationError> {
    let step_count = section.integer("steps", 1..=STEPS_MAX)?;
    let step_count = section.required("steps", step_count)?;
    let learning_rate = section.float("learning_rate")?;
    let learning_rate = section.required("learning_rate", learning_rate)?;
    let recipe = FixedRecipe {
        step_count,
        optimizer: optimizer(&mut section)?,
        learning_rate: learning_rate.to_bits(),
        schedule: schedule(&mut section)?,
        checkpoint_interval: section
            .integer("checkpoint_interval", 1..=STEPS_MAX)?
            .unwrap_or(CHECKPOINT_INTERVAL_DEFAULT),
    };
    section.finish()?;
    Ok(recipe)
}

/// Where left out, constants are those of the papers.
fn optimizer(section: &mut Section) -> Result<RecipeOptimizer, SpecificationError> {
    let name = section.word("optimizer", OPTIMIZERS)?;
    let name = section.required("optimizer", name)?;
    let mut constant =
        |key, default: f32| section.float(key).map(|number| number.unwrap_or(default).to_bits());
    Ok(match name {
        Optimizer::AdamW => RecipeOptimizer::AdamW {
            beta1: constant("beta1", 0.9)?,
            beta2: constant("beta2", 0.999)?,
            epsilon: constant("epsilon", 1e-8)?,
            weight_decay: constant("weight_decay", 0.01)?,
        },
        Optimizer::Momentum => RecipeOptimizer::Momentum {
            momentum: constant("momentum", 0.9)?,
            weight_decay: constant("weight_decay", 0.0)?,
        },
        Optimizer::Lion => RecipeOptimizer::Lion {
            beta1: constant("beta1", 0.9)?,
            beta2: constant("beta2", 0.99)?,
            weight_decay: constant("weight_decay", 0.1)?,
        },
    })
}

fn schedule(section: &mut Section) -> Result<RecipeSchedule, SpecificationError> {
    Ok(match section.word("schedule", SCHEDULES)?.unwrap_or(Schedule::Constant) {
        Schedule::Constant => RecipeSchedule::Constant,
        Schedule::Cosine => {
            let warmup = section.integer("warmup_steps", 0..=STEPS_MAX)?;
            RecipeSchedule::Cosine { warmup_step_count: warmup.unwrap_or(0) }
        }
        Schedule::OneCycle => RecipeSchedule::OneCycle,
    })
}

/// Writes the recipe as the value of its key.
pub(super) fn write(recipe: &Recipe) -> String {
    let recipe = match recipe {
        Recipe::Free => return "\"free\"".into(),
        Recipe::Fixed(recipe) => recipe,
    };
    let optimizer = match recipe.optimizer {
        RecipeOptimizer::AdamW { beta1, beta2, epsilon, weight_decay } => format!(
            "\"adamw\", beta1 = {}, beta2 = {}, epsilon = {}, weight_decay = {}",
            number(beta1),
            number(beta2),
            number(epsilon),
            number(weight_decay)
        ),
        RecipeOptimizer::Momentum { momentum, weight_decay } => format!(
            "\"momentum\", momentum = {}, weight_decay = {}",
            number(momentum),
            number(weight_decay)
        ),
        RecipeOptimizer::Lion { beta1, beta2, weight_decay } => format!(
            "\"lion\", beta1 = {}, beta2 = {}, weight_decay = {}",
            number(beta1),
            number(beta2),
            number(weight_decay)
        ),
    };
    let schedule = match recipe.schedule {
        RecipeSchedule::Constant => "\"constant\"".to_owned(),
        RecipeSchedule::Cosine { warmup_step_count } => {
            format!("\"cosine\", warmup_steps = {warmup_step_count}")
        }
        RecipeSchedule::OneCycle => "\"one_cycle\"".to_owned(),
    };
    format!(
        "{{ steps = {}, optimizer = {optimizer}, learning_rate = {}, schedule = {schedule}, \
         checkpoint_interval = {} }}",
        recipe.step_count,
        number(recipe.learning_rate),
        recipe.checkpoint_interval
    )
}

/// A text that reads as the same f32: the short one, unless reading it by way of an f64 gives another.
pub(super) fn number(bits: u32) -> String {
    let value = f32::from_bits(bits);
    let short = format!("{value:e}");
    let is_exact = short.parse().is_ok_and(|wide: f64| rounded(wide).to_bits() == bits);
    if is_exact { short } else { format!("{:e}", f64::from(value)) }
}

/// The nearest f32.
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what is wanted")]
pub(super) fn rounded(value: f64) -> f32 {
    value as f32
}
