//! What an order costs others: parameters, operations, bytes, and the price that follows from them.

use super::{Architecture, OrderSpecification};
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

/// Widths of all layers of an order's network, from features to classes.
pub fn layer_widths(specification: &OrderSpecification) -> impl Iterator<Item = u64> {
    let Architecture::Mlp { hidden_widths } = &specification.model.architecture;
    core::iter::once(u64::from(specification.data.feature_count))
        .chain(hidden_widths.iter().map(|width| u64::from(*width)))
        .chain(core::iter::once(u64::from(specification.data.class_count)))
}

/// Computes every cost of `specification`, before anything is allocated.
///
/// # Errors
/// [`Overflow`] naming the first quantity that does not fit.
pub fn cost(specification: &OrderSpecification) -> Result<OrderCost, Overflow> {
    let products = products(specification).ok_or(Overflow { quantity: "parameters" })?;
    let train = &specification.train;
    let batch = u64::from(train.batch_size);
    let example_count = u64::from(specification.data.train_example_count);
    let forward = products.weights.checked_mul(2).ok_or(Overflow { quantity: "operations" })?;
    let step_operations = multiply(&[forward, STEP_PASSES, batch], "operations of a step")?;
    let training_operations = multiply(
        &[forward, STEP_PASSES, example_count, u64::from(train.epochs)],
        "operations of the training",
    )?;
    let test_count = u64::from(specification.data.test_example_count);
    let evaluation_operations = multiply(&[forward, test_count], "operations of an evaluation")?;
    let model_bytes = multiply(&[products.parameters, FLOAT_BYTES], "bytes of the model")?;
    let examples = multiply(
        &[example_count, u64::from(specification.data.feature_count), FLOAT_BYTES],
        "bytes of the data",
    )?;
    // Each activation is kept once forward and once as a gradient.
    let activations = multiply(&[products.widths, batch, FLOAT_BYTES, 2], "bytes of activations")?;
    let training_bytes = multiply(&[model_bytes, TRAINING_COPIES], "bytes of the training")?
        .checked_add(examples)
        .and_then(|sum| sum.checked_add(activations))
        .ok_or(Overflow { quantity: "bytes of the training" })?;
    Ok(OrderCost {
        parameter_count: products.parameters,
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

struct Products {
    parameters: u64,
    weights: u64,
    widths: u64,
}

fn products(specification: &OrderSpecification) -> Option<Products> {
    let mut sums = Products { parameters: 0, weights: 0, widths: 0 };
    let mut previous: Option<u64> = None;
    for width in layer_widths(specification) {
        sums.widths = sums.widths.checked_add(width)?;
        if let Some(input) = previous {
            let weights = input.checked_mul(width)?;
            sums.weights = sums.weights.checked_add(weights)?;
            sums.parameters = sums.parameters.checked_add(weights)?.checked_add(width)?;
        }
        previous = Some(width);
    }
    Some(sums)
}

fn multiply(factors: &[u64], quantity: &'static str) -> Result<u64, Overflow> {
    factors
        .iter()
        .try_fold(1_u64, |product, factor| product.checked_mul(*factor))
        .ok_or(Overflow { quantity })
}
