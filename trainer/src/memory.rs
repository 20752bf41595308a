//! What an order takes: memory and time, estimated before anything is allocated or paid.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::{OrderCost, Overflow, cost};
use aipot_kernels::matmul::{MatmulError, matmul};
use aipot_kernels::matrix::{Matrix, MatrixError};
use thiserror::Error;

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
