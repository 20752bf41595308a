//! The ways to train that a search tries: a function of the order and the seed.

use std::num::NonZeroU64;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::BATCH_MAX;
use aipot_kernels::chacha8::ChaChaStream;

use super::SearchOptions;
use crate::batch_order::seed_bytes;
use crate::optimizer::OptimizerOptions;
use crate::run::TrainingOptions;
use crate::schedule::Schedule;

/// Names the stream of candidates.
const CANDIDATES_DOMAIN: &str = "candidates";

/// Optimizers that are tried, with their learning rate as a share of that of `AdamW`.
///
/// # Source
/// Lion: Chen and others, 2023, section 5. The steeper ones: the defaults of `aipot train`.
const OPTIMIZERS: [(OptimizerOptions, f32); 5] = [
    (OptimizerOptions::ADAMW, 1.0),
    (OptimizerOptions::ADAMW_DECODER, 1.0),
    (OptimizerOptions::NESTEROV, 7.0),
    (OptimizerOptions::LION, 0.1),
    (OptimizerOptions::MUON, 7.0),
];

/// Factors of a learning rate, even in their logarithms: halves of factors of two.
const FACTORS: [f32; 9] = [0.25, 0.354, 0.5, 0.707, 1.0, 1.414, 2.0, 2.828, 4.0];

/// Batch sizes as shares of the order's, in halves.
const BATCH_HALVES: [u32; 3] = [1, 2, 4];

/// The share of averaged weights that stays in a step, where averages are tried.
const AVERAGE_SHARE: f32 = 0.99;

/// Draws the candidates; the first is the recipe that the order would get without a search.
pub(super) fn draw(
    specification: &OrderSpecification,
    options: SearchOptions,
) -> Vec<TrainingOptions> {
    let recipe = TrainingOptions::recipe(specification, options.seed);
    let mut stream = ChaChaStream::derive(&seed_bytes(options.seed), CANDIDATES_DOMAIN, 0);
    let others = (1..options.candidate_count).map(|_| other(&recipe, specification, &mut stream));
    std::iter::once(recipe).chain(others).collect()
}

fn other(
    recipe: &TrainingOptions,
    specification: &OrderSpecification,
    stream: &mut ChaChaStream,
) -> TrainingOptions {
    let (optimizer, share) = *one_of(&OPTIMIZERS, stream);
    let factor = *one_of(&FACTORS, stream);
    let halves = *one_of(&BATCH_HALVES, stream);
    let largest = BATCH_MAX.min(specification.data.train_example_count).max(1);
    let batch_size = recipe.batch_size.saturating_mul(halves) / 2;
    let schedules = [recipe.schedule, Schedule::OneCycle];
    TrainingOptions {
        seed: stream.next_u64(),
        batch_size: batch_size.clamp(1, largest),
        learning_rate: recipe.learning_rate * share * factor,
        schedule: *one_of(&schedules, stream),
        optimizer,
        average_share: *one_of(&[None, Some(AVERAGE_SHARE)], stream),
        ..*recipe
    }
}

/// The same way to train in another number of steps.
pub(super) fn stretched(options: TrainingOptions, step_count: u64) -> TrainingOptions {
    let schedule = match options.schedule {
        Schedule::Cosine { warmup_step_count } => Schedule::Cosine {
            warmup_step_count: scaled(warmup_step_count, step_count, options.step_count),
        },
        other => other,
    };
    TrainingOptions { step_count, schedule, ..options }
}

fn scaled(value: u64, numerator: u64, denominator: u64) -> u64 {
    let product = u128::from(value).saturating_mul(u128::from(numerator));
    u64::try_from(product / u128::from(denominator.max(1))).unwrap_or(u64::MAX)
}

fn one_of<'choices, Choice>(
    choices: &'choices [Choice],
    stream: &mut ChaChaStream,
) -> &'choices Choice {
    let count = u64::try_from(choices.len()).ok().and_then(NonZeroU64::new);
    let index = count.map_or(0, |count| stream.below(count));
    // Below the number of choices, which is a `usize`.
    &choices[usize::try_from(index).unwrap_or(0)]
}
