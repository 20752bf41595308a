//! What a program reads of a data file.

use super::SlotIndex;
use crate::primitives::Beacon;

/// Which example of a file stands in a row of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Picker {
    /// A fresh permutation for every pass over the file.
    Shuffled {
        /// Seed of the permutations.
        seed: u64,
    },
    /// One after the other; beyond the last there is none.
    Sequence,
    /// One after the other in the permutation that a beacon draws.
    Split {
        /// The beacon.
        beacon: Beacon,
        /// Examples of the file from which are drawn.
        file_example_count: u32,
    },
}

/// The examples that a batch takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// In which order.
    pub picker: Picker,
    /// Rows of a batch.
    pub rows: u32,
    /// Examples in all.
    pub example_count: u32,
}

/// The layout of a data file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Little-endian integers of `value_bytes`: the features of an example, then its label.
    Records {
        /// Bytes of an integer.
        value_bytes: u8,
        /// Features of an example.
        feature_count: u32,
    },
    /// Bytes; an example is `context + 1` of them, each beginning with the last of the one before.
    Text {
        /// Bytes that predict another.
        context: u32,
    },
}

/// A data file of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataInput {
    /// Its slot.
    pub slot: SlotIndex,
    /// Its layout.
    pub layout: Layout,
    /// What a batch takes of it.
    pub batch: Batch,
}
