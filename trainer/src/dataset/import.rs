//! Files as people have them, read example by example and written as the files of an order.
//!
//! Nothing here holds a file in memory: [`Input`] is read in pieces, headers have bounds, and one
//! [`Example`] at a time goes from a reader ([`Examples`]) through [`survey`] or [`write()`] into the
//! layouts that the chain knows.

mod array;
mod error;
mod idx;
mod input;
mod json_lines;
mod lines;
mod npy;
mod npz;
mod pair;
#[cfg(feature = "parquet")]
mod parquet;
mod running;
mod table;
mod tensors;
mod write;

pub use array::Array;
pub use error::{ImportError, Place, Problem};
pub use idx::read_idx;
pub use input::{Input, Seekable};
pub use json_lines::{JsonKeys, JsonLines};
pub use npy::read_npy;
pub use npz::read_npz;
pub use pair::Pair;
#[cfg(feature = "parquet")]
pub use parquet::ParquetRows;
pub use running::{RunningText, write_text, write_tokens};
pub use table::Table;
pub use tensors::read_tensor;
pub use write::{Layout, Rounding, Survey, TestChoice, Written, agree, survey, write};

/// One example as a file has it. Readers fill it again and again.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Example {
    /// Its features; of text none. Decimal numbers are rounded to the nearest f32 already.
    pub features: Vec<f64>,
    /// Its text; of numbers none.
    pub text: String,
    /// Its class.
    pub label: f64,
}

/// The examples of a file, one after the other.
pub trait Examples {
    /// What errors call the file.
    fn name(&self) -> &str;

    /// How many bytes or values were read, of how many, for whoever watches.
    fn progress(&self) -> (u64, u64);

    /// Reads the next example; false when there is none.
    ///
    /// # Errors
    /// [`ImportError`] with the file and the place in it.
    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError>;
}

impl<Inner: Examples + ?Sized> Examples for Box<Inner> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn progress(&self) -> (u64, u64) {
        (**self).progress()
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        (**self).read(example)
    }
}

#[cfg(test)]
mod tests;
