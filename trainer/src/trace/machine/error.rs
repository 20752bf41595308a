//! Why a program cannot run.

use aipot_domain_runtime::program::SlotIndex;
use aipot_kernels::matmul::MatmulError;
use aipot_kernels::matrix::MatrixError;
use thiserror::Error;

/// Why a program cannot run. Programs that the runtime derives from an order, over the order's own files,
/// never fail.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MachineError {
    /// The computation has fewer steps.
    #[error("step {step}, the computation has {step_count}")]
    NoStep {
        /// The step asked for.
        step: u32,
        /// Steps in all.
        step_count: u32,
    },
    /// No step was begun.
    #[error("an operator cannot run before its step has begun")]
    NotBegun,
    /// The program has fewer operators.
    #[error("operator {operator}, the program has {count}")]
    NoOperator {
        /// The operator asked for.
        operator: usize,
        /// Operators in all.
        count: usize,
    },
    /// The program has fewer slots.
    #[error("slot {slot} is not one of the program")]
    NoSlot {
        /// The slot asked for.
        slot: SlotIndex,
    },
    /// Something is read that was not written.
    #[error("{operator} reads {slot}, which was not written before")]
    Unset {
        /// The operator.
        operator: &'static str,
        /// The slot.
        slot: &'static str,
    },
    /// A view reaches beyond its slot.
    #[error("{operator} reads beyond the end of {slot}")]
    OutOfBounds {
        /// The operator.
        operator: &'static str,
        /// The slot.
        slot: &'static str,
    },
    /// The sides of an operator do not make up its output.
    #[error("the sides of {operator} do not make up {slot}")]
    WrongShape {
        /// The operator.
        operator: &'static str,
        /// Its output.
        slot: &'static str,
    },
    /// A function has other operands.
    #[error("{operator} has {found} operands, expected {expected}")]
    OperandCount {
        /// The operator.
        operator: &'static str,
        /// Operands given.
        found: usize,
        /// Operands of the function.
        expected: usize,
    },
    /// A file ends too early.
    #[error("the file of {slot} ends too early, after {found} bytes")]
    FileTooShort {
        /// The slot.
        slot: &'static str,
        /// Bytes of the file.
        found: u64,
    },
    /// A data slot is none, or its layout does not fit what is read.
    #[error("{operator} reads data of another layout")]
    WrongLayout {
        /// The operator.
        operator: &'static str,
    },
    /// A product's sides are no matrices.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// A product's matrices do not fit each other.
    #[error(transparent)]
    Matmul(#[from] MatmulError),
}
