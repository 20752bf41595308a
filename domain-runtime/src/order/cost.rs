//! What an order costs others: parameters, operations, bytes, and the price that follows from them.

mod count;

use count::Counts;

use super::{OrderSpecification, Recipe};
use crate::primitives::Amount;

/// Bytes of one f32.
const FLOAT_BYTES: u64 = 4;
/// Copies of the parameters while training: weights, gradients and the two moments of AdamW.
const TRAINING_COPIES: u64 = 4;
/// A backward pass costs about two forward passes, so a training step is three.
const STEP_PASSES: u64 = 3;
/// Operations in one priced unit.
pub const GIGA_OPERATIONS: u64 = 1_000_000_000;

/// What an order costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderCost {
    /// Parameters of the model.
    pub parameter_count: u64,
    /// Floating-point operations of one training step.
    pub step_operations: u64,
    /// Floating-point operations of the training that the client expects.
    pub training_operations: u64,
    /// Floating-point operations of one evaluation of one model.
    pub evaluation_operations: u64,
    /// Peak memory of a training step, in bytes: parameters, gradients, moments, activations, data.
    pub training_bytes: u64,
    /// Bytes of the model's weights.
    pub model_bytes: u64,
}

/// A size that does not fit into 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{quantity} does not fit into 64 bits")]
pub struct Overflow {
    /// What was computed.
    pub quantity: &'static str,
}

/// Computes every cost of `specification`, before anything is allocated.
///
/// # Errors
/// [`Overflow`] naming the first quantity that does not fit.
pub fn cost(specification: &OrderSpecification) -> Result<OrderCost, Overflow> {
    let counts = Counts::of(specification)?;
    let batch = u64::from(specification.train.batch_size);
    let example_count = u64::from(specification.data.train_example_count);
    let forward = counts.operations;
    let step_operations = multiply(&[forward, STEP_PASSES, batch], "operations of a step")?;
    let training_operations = match &specification.train.recipe {
        Recipe::Free => multiply(
            &[forward, STEP_PASSES, example_count, u64::from(specification.train.epochs)],
            "operations of the training",
        )?,
        Recipe::Fixed(recipe) => multiply(
            &[step_operations, u64::from(recipe.step_count)],
            "operations of the training",
        )?,
    };
    let test_count = u64::from(specification.data.test_example_count);
    let evaluation_operations = multiply(&[forward, test_count], "operations of an evaluation")?;
    let model_bytes = multiply(&[counts.parameters, FLOAT_BYTES], "bytes of the model")?;
    let examples = multiply(
        &[example_count, u64::from(specification.data.feature_count), value_bytes(specification)],
        "bytes of the data",
    )?;
    // Each activation is kept once forward and once as a gradient.
    let activations =
        multiply(&[counts.activations, batch, FLOAT_BYTES, 2], "bytes of activations")?;
    let training_bytes = multiply(&[model_bytes, TRAINING_COPIES], "bytes of the training")?
        .checked_add(examples)
        .and_then(|sum| sum.checked_add(activations))
        .ok_or(Overflow { quantity: "bytes of the training" })?;
    Ok(OrderCost {
        parameter_count: counts.parameters,
        step_operations,
        training_operations,
        evaluation_operations,
        training_bytes,
        model_bytes,
    })
}

/// The price of `operations` at `price_per_giga_operation`, rounded up to whole units.
#[must_use]
pub fn price(operations: u64, price_per_giga_operation: Amount) -> Amount {
    Amount(
        u128::from(operations.div_ceil(GIGA_OPERATIONS)).saturating_mul(price_per_giga_operation.0),
    )
}

/// Bytes in memory of one feature: a text stays bytes, everything else becomes f32.
fn value_bytes(specification: &OrderSpecification) -> u64 {
    if specification.data.format.is_running() {
        specification.data.value_bytes()
    } else {
        FLOAT_BYTES
    }
}

fn multiply(factors: &[u64], quantity: &'static str) -> Result<u64, Overflow> {
    factors
        .iter()
        .try_fold(1_u64, |product, factor| product.checked_mul(*factor))
        .ok_or(Overflow { quantity })
}
