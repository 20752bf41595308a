//! What an order takes: memory and time, estimated before anything is allocated or paid.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::{OrderCost, Overflow, cost};
use aipot_kernels::matmul::{MatmulError, matmul};
use aipot_kernels::matrix::{Matrix, MatrixError};
use thiserror::Error;

use crate::engine::{self, EngineError};

/// Side of the product by which a machine's speed is measured: a layer of a small network.
const PROBE_SIDE: usize = 128;

/// Multiplication and addition are two operations.
const OPERATIONS_PER_PRODUCT: usize = 2;

const MILLISECONDS_PER_SECOND: u128 = 1_000;

/// Memory and time that an order takes on a machine of known speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// Parameters, operations and bytes, which no machine changes.
    pub cost: OrderCost,
    /// Time of one training step.
    pub step_ms: u64,
    /// Time of the training that the client expects.
    pub training_ms: u64,
    /// Time of one evaluation of one model.
    pub evaluation_ms: u64,
}

/// Bytes that the training of an order takes at a size of its pieces, before any of them is taken.
///
/// The kernels' own working memory is not among them: some hundred kilobytes for each thread, and for a
/// packed weight as many bytes as it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrainingMemory {
    /// Weights.
    pub weights: u64,
    /// What the optimizer remembers; that of `AdamW` when the provider chooses it.
    pub moments: u64,
    /// Gradients of all weights.
    pub gradients: u64,
    /// Features, tokens and labels of a batch.
    pub batch: u64,
    /// What the layers keep of a piece, losses, and chains that a piece leaves open.
    pub activations: u64,
}

impl TrainingMemory {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { weights, moments, gradients, batch, activations } = *self;
        let parts = [weights, moments, gradients, batch, activations];
        parts.iter().fold(0, |total, part| part.saturating_add(total))
    }
}

/// The memory of a training in pieces of `micro_rows` examples; 0 counts as 1, and more than the
/// order's batch as that.
///
/// # Errors
/// [`EngineError::Overflow`] when a size does not fit this machine.
pub fn training_memory(
    specification: &OrderSpecification,
    micro_rows: u32,
) -> Result<TrainingMemory, EngineError> {
    engine::memory(specification, micro_rows)
}

/// Why the probe did not run.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The shape is not that of the values.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The shapes do not fit.
    #[error(transparent)]
    Matmul(#[from] MatmulError),
}

/// Estimates an order on a machine that does `operations_per_second`; 0 counts as 1.
///
/// # Errors
/// [`Overflow`] when a size does not fit.
pub fn estimate(
    specification: &OrderSpecification,
    operations_per_second: u64,
) -> Result<Estimate, Overflow> {
    let cost = cost(specification)?;
    let time_ms = |operations: u64| {
        let speed = u128::from(operations_per_second.max(1));
        let time = (u128::from(operations) * MILLISECONDS_PER_SECOND).div_ceil(speed);
        u64::try_from(time).unwrap_or(u64::MAX)
    };
    Ok(Estimate {
        cost,
        step_ms: time_ms(cost.step_operations),
        training_ms: time_ms(cost.training_operations),
        evaluation_ms: time_ms(cost.evaluation_operations),
    })
}

/// Does the work by which speed is measured, and says how many operations it was.
///
/// The caller has the clock.
///
/// # Errors
/// [`ProbeError`] when the kernel refuses.
pub fn probe() -> Result<u64, ProbeError> {
    let values = vec![1.0; PROBE_SIDE * PROBE_SIDE];
    let matrix = Matrix::new(&values, PROBE_SIDE, PROBE_SIDE)?;
    let product = matmul(matrix, matrix.transposed(), None)?;
    let operations = product.len() * PROBE_SIDE * OPERATIONS_PER_PRODUCT;
    Ok(u64::try_from(operations).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
