//! What a step computes, as data: operators over slots, derived from the order alone.
//!
//! A slot is a row of 32-bit words, mostly the bits of f32 values. An operator writes one slot, and each
//! element of it is a small function of a few elements of other slots, so that the referee can
//! compute any single element from a handful of opened words. A fast engine may fuse as it likes, as long
//! as the bits are those of the operators one after the other.

mod builder;
mod check;
mod data;
mod error;
mod evaluation;
mod function;
mod header;
mod layers;
mod model;
mod operation;
mod training;
mod wiring;

pub use data::{Batch, DataInput, Layout, Picker};
pub use error::{OperatorFault, ProgramError};
pub use evaluation::{evaluation, evaluation_batch_rows};
pub use function::Function;
pub use header::{base_header, model_header};
pub use operation::{Operation, Reduction};
pub use training::training;

use alloc::vec::Vec;

use crate::order::RecipeSchedule;
use crate::primitives::DataRoot;

/// Sides of an operator's output, the slowest first; unused ones are 1.
pub const RANK: usize = 6;
/// Most operands of one function.
pub const OPERANDS_MAX: usize = 6;
/// Most operators of a program: three rounds of a bisection into 16 parts locate one of them.
pub const OPERATORS_MAX: usize = 4_096;
/// Most slots of a program that are no files; far more than the operators of any network need.
pub const SLOTS_MAX: usize = 8_192;
/// Most elements of a slot: two rounds of a descent into 128 children locate one of its chunks.
pub const ELEMENTS_MAX: u32 = 1 << 22;
/// Most elements of a slot in a file, which is opened by its bytes.
pub const FILE_ELEMENTS_MAX: u32 = 1 << 28;
/// Most elements that one element of an output sums or compares, so that a leaf stays small.
pub const ROW_ELEMENTS_MAX: u32 = 1_024;
/// Most elements of K in one operator: a block of the canonical product.
pub const BLOCK_ELEMENTS: u32 = 512;

/// Place of a slot in its program.
pub type SlotIndex = u16;

/// A file that a program reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum File {
    /// The training data of the order.
    Train,
    /// The revealed test data.
    Test,
    /// The model that is evaluated.
    Model,
    /// Weights that the order starts from or builds upon.
    Base,
}

/// Where the words of a slot are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotKind {
    /// They survive the step: weights, moments, counters. These slots come first in a program.
    Persistent,
    /// They do not survive the step. These slots come second.
    Scratch,
    /// They stand in a file from `byte_offset` on and never change. These slots come last.
    File {
        /// Which file.
        file: File,
        /// First byte of the slot within it.
        byte_offset: u64,
    },
}

/// A row of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// What it holds, for people.
    pub name: &'static str,
    /// Of which layer, for people.
    pub layer: u16,
    /// Where it is kept.
    pub kind: SlotKind,
    /// Words; of a data file 0, because its records are read by the byte.
    pub element_count: u32,
}

/// Some elements of a slot, seen in the shape of an operator's output: element `i` of the output belongs
/// to element `offset + sum(i[side] * strides[side])` of the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Which slot.
    pub slot: SlotIndex,
    /// Element that belongs to the output's first.
    pub offset: u32,
    /// Distance in elements for each side of the output; 0 repeats.
    pub strides: [u32; RANK],
}

/// An input of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// An element of a slot.
    Slot(View),
    /// The integer `offset + sum(i[side] * strides[side])` itself.
    Index {
        /// Its value at the output's first element.
        offset: u32,
        /// Its growth for each side of the output.
        strides: [u32; RANK],
    },
    /// The same word everywhere.
    Constant(u32),
}

/// How the learning rate changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateCourse {
    /// Its peak, the bits of an f32.
    pub peak: u32,
    /// Its course, as a share of the peak.
    pub schedule: RecipeSchedule,
    /// Steps of the run.
    pub step_count: u32,
}

/// One step of a program: writes every element of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// What it computes, for people.
    pub name: &'static str,
    /// Of which layer, for people.
    pub layer: u16,
    /// The slot that it writes.
    pub output: SlotIndex,
    /// Sides of the output; their product is the slot's element count.
    pub shape: [u32; RANK],
    /// What it does.
    pub operation: Operation,
}

/// Operators over slots.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// Persistent slots, then scratch slots, then files.
    pub slots: Vec<Slot>,
    /// What is done, in order.
    pub operators: Vec<Operator>,
}

/// A whole computation: a first step that makes the state, and one program for every step after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Computation {
    /// Step 0.
    pub initial: Program,
    /// Steps 1 to `step_count`.
    pub step: Program,
    /// Steps after the first.
    pub step_count: u32,
}

/// The contents of files that a computation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileRoots {
    /// Root and length of the training data.
    pub train: Option<(DataRoot, u64)>,
    /// Root and length of the test data.
    pub test: Option<(DataRoot, u64)>,
    /// Root and length of the model.
    pub model: Option<([u8; 32], u64)>,
    /// Root and length of the base.
    pub base: Option<(DataRoot, u64)>,
}

impl Computation {
    /// The program of a step and the number that its operators see: step 0 makes the state, step s + 1 is
    /// step s of the run. `None` beyond the last.
    #[must_use]
    pub fn program(&self, step: u32) -> Option<(&Program, u32)> {
        match step.checked_sub(1) {
            None => Some((&self.initial, 0)),
            Some(number) if number < self.step_count => Some((&self.step, number)),
            Some(_) => None,
        }
    }

    /// Steps in all, the first included.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.step_count.saturating_add(1)
    }
}

impl Program {
    /// Slots that survive a step.
    pub fn persistent_count(&self) -> usize {
        self.slots.iter().filter(|slot| slot.kind == SlotKind::Persistent).count()
    }

    /// Slots that do not.
    pub fn scratch_count(&self) -> usize {
        self.slots.iter().filter(|slot| slot.kind == SlotKind::Scratch).count()
    }
}

impl FileRoots {
    /// Root and length of a file.
    #[must_use]
    pub fn get(&self, file: File) -> Option<([u8; 32], u64)> {
        match file {
            File::Train => self.train.map(|(root, length)| (root.0, length)),
            File::Test => self.test.map(|(root, length)| (root.0, length)),
            File::Model => self.model,
            File::Base => self.base.map(|(root, length)| (root.0, length)),
        }
    }
}

#[cfg(test)]
mod tests;
