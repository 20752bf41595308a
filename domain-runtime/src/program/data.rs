//! What a program reads of a data file.

use super::SlotIndex;
use crate::order::layout::FLOAT_BYTES;
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
    /// Little-endian f32 features of an example, then its label, a little-endian u32.
    Floats {
        /// Features of an example.
        feature_count: u32,
    },
    /// Tokens; an example is `context + 1` of them, each beginning with the last of the one before.
    Text {
        /// Tokens that predict another.
        context: u32,
        /// Bytes of a token.
        token_bytes: u8,
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

impl Layout {
    /// Bytes of a value and features of an example; `None` for running text.
    #[must_use]
    pub const fn record(self) -> Option<(u8, u32)> {
        match self {
            Self::Records { value_bytes, feature_count } => Some((value_bytes, feature_count)),
            Self::Floats { feature_count } => Some((FLOAT_BYTES, feature_count)),
            Self::Text { .. } => None,
        }
    }

    /// Whether features are f32 as they stand.
    #[must_use]
    pub const fn is_real(self) -> bool {
        match self {
            Self::Floats { .. } => true,
            Self::Records { .. } | Self::Text { .. } => false,
        }
    }
}
