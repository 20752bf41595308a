//! Why an order has no program.

use super::{BLOCK_ELEMENTS, ELEMENTS_MAX, OPERATORS_MAX, ROW_ELEMENTS_MAX, SLOTS_MAX};
use crate::order::cost::Overflow;
use crate::order::shape::ShapeError;

/// Why an order has no program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The provider chooses its own training.
    #[error("the recipe is free, only a fixed one is a program")]
    FreeRecipe,
    /// A model of features and labels over running text, or the reverse.
    #[error("the model reads {expected}, the data is {found}")]
    Format {
        /// What the model reads.
        expected: &'static str,
        /// What the data is.
        found: &'static str,
    },
    /// Layers do not fit each other or the data.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A size does not fit into 64 bits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// A tensor is larger than a slot may be.
    #[error("{name} has {element_count} elements, allowed 1 to {}", ELEMENTS_MAX)]
    SlotSize {
        /// What it holds.
        name: &'static str,
        /// Its elements.
        element_count: u64,
    },
    /// A row is longer than one element may sum or compare.
    #[error("a row of {name} has {length} elements, allowed 1 to {}", ROW_ELEMENTS_MAX)]
    RowLength {
        /// What is summed or compared.
        name: &'static str,
        /// Its elements.
        length: u32,
    },
    /// A layer has no operators.
    #[error("{name} is not written as operators")]
    NoOperators {
        /// The layer.
        name: &'static str,
    },
    /// Weights that stay as they are have no file.
    #[error("model.base is missing, for the weights that stay as they are")]
    NoBase,
    /// There is more to do than a game can search.
    #[error("the step has more than {} operators", OPERATORS_MAX)]
    OperatorCount,
    /// There are more tensors than a game can search.
    #[error("the step has more than {} slots", SLOTS_MAX)]
    SlotCount,
    /// The data file ends before its last example.
    #[error("the data has {found} bytes, its examples need {needed}")]
    DataLength {
        /// Bytes needed.
        needed: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// An operator that no program may hold.
    #[error("operator {operator} ({name}): {fault}")]
    Operator {
        /// Its place.
        operator: usize,
        /// What it computes.
        name: &'static str,
        /// What is wrong with it.
        fault: OperatorFault,
    },
    /// A slot that no program may hold.
    #[error("slot {slot} ({name}) stands out of order, or has {element_count} elements")]
    Slot {
        /// Its place.
        slot: usize,
        /// What it holds.
        name: &'static str,
        /// Its elements.
        element_count: u32,
    },
    /// A slot that survives is not written by the first step.
    #[error("slot {slot} ({name}) is not written by the first step")]
    NotInitial {
        /// Its place.
        slot: usize,
        /// What it holds.
        name: &'static str,
    },
    /// The programs of a computation do not keep the same state.
    #[error("the first step keeps {initial} slots, the others {step} or other ones")]
    StateMismatch {
        /// Persistent slots of the first step.
        initial: usize,
        /// Persistent slots of the others.
        step: usize,
    },
}

/// What is wrong with an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorFault {
    /// It writes a slot that is not there or never changes.
    #[error("writes slot {0}, which is not there or a file")]
    Output(u16),
    /// Its sides do not multiply to what the slot holds.
    #[error("writes {sides} elements of {element_count}")]
    Sides {
        /// Product of the sides.
        sides: u64,
        /// Elements of the slot.
        element_count: u32,
    },
    /// It reads beyond a slot.
    #[error("reads element {element} of slot {slot}, which has {element_count}")]
    Beyond {
        /// The slot.
        slot: u16,
        /// The last element that is read.
        element: u64,
        /// Elements of the slot.
        element_count: u32,
    },
    /// It reads a slot that is not there or not written yet.
    #[error("reads slot {0}, which is not there or not written yet")]
    Unwritten(u16),
    /// It reads elements of its own output other than the one it writes.
    #[error("reads slot {0}, which it writes, at another place")]
    Aliased(u16),
    /// A function has other operands than it takes.
    #[error("has {found} operands, its function takes {expected}")]
    Operands {
        /// What the function takes.
        expected: usize,
        /// What it has.
        found: usize,
    },
    /// A sum or a block is empty or too long.
    #[error("sums or compares {length} elements, allowed 1 to {max}")]
    Length {
        /// Elements.
        length: u32,
        /// [`BLOCK_ELEMENTS`] or [`ROW_ELEMENTS_MAX`].
        max: u32,
    },
    /// A window does not lie within the plane.
    #[error("adds a window that reaches beyond the plane")]
    Window,
    /// The output of such an operator has another size.
    #[error("writes a slot of {element_count} elements, its kind needs {expected}")]
    Counter {
        /// What the operation writes.
        expected: u32,
        /// Elements of the slot.
        element_count: u32,
    },
}

const _: () = assert!(BLOCK_ELEMENTS <= ROW_ELEMENTS_MAX);
