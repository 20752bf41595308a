//! The order specification as people write it: TOML or JSON in, a checked draft out, and back.
//!
//! A draft may leave open what the client's files say (roots, counts, the commitment to the test
//! data); [`OrderDraft::complete`] fills that in, or refuses files that are not the ones described.
//! Every key has either a default, written at the constants of `read`, or must be there; an unknown
//! key is an error. What the network demands beyond this is `order::check` in the domain runtime.

mod complete;
mod decimal;
mod error;
mod model;
mod read;
mod recipe;
mod section;
mod synthetic;
mod value;
mod write;

pub use complete::TestFacts;
pub use decimal::{Decimal, DecimalError, format_tokens, parse_tokens};
pub use error::SpecificationError;
pub use model::write as model_toml;
pub use write::to_toml;

use aipot_domain_runtime::order::{
    CommitteeSpecification, ModelSpecification, PaySpecification, Profile, TrainSpecification,
    Windows,
};
use aipot_domain_runtime::primitives::{Commitment, DataRoot};

use crate::dataset::{FileFormat, FileShape};
use section::Section;

/// Longest specification that is read.
pub const SPECIFICATION_BYTES_MAX: usize = 1 << 20;

/// An order whose files may still be unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderDraft {
    /// Version of the specification.
    pub version: u16,
    /// What is trained.
    pub model: ModelSpecification,
    /// Path of the file of the model's base, relative to the specification.
    pub base_path: Option<String>,
    /// On what, as far as it was written down.
    pub data: DataDraft,
    /// How.
    pub train: TrainSpecification,
    /// In which arithmetic results are checked.
    pub profile: Profile,
    /// For how much.
    pub pay: PaySpecification,
    /// By whom.
    pub committee: CommitteeSpecification,
    /// When.
    pub windows: Windows,
}

/// Where the files of an order come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DataSource {
    /// From the client, who may have written down where they lie, relative to the specification.
    Files {
        /// Path of the training file.
        train: Option<String>,
        /// Path of the test file.
        test: Option<String>,
    },
    /// Out of a seed; see [`crate::dataset::synthetic`].
    Synthetic {
        /// The seed.
        seed: u64,
    },
}

/// The part of an order that describes its files; whatever is `None` must come from the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataDraft {
    /// Where the files come from.
    pub source: DataSource,
    /// BLAKE3 of the training file.
    pub train_root: Option<DataRoot>,
    /// Length of the training file in bytes.
    pub train_byte_count: Option<u64>,
    /// How both files are written.
    pub format: FileFormat,
    /// Examples in the training file.
    pub train_example_count: Option<u32>,
    /// Examples in the test file.
    pub test_example_count: Option<u32>,
    /// Features of one example.
    pub feature_count: Option<u32>,
    /// Features are divided by this.
    pub feature_divisor: u32,
    /// Classes; labels are below.
    pub class_count: Option<u32>,
    /// Commitment to the hidden test file.
    pub test_commitment: Option<Commitment>,
}

impl DataDraft {
    /// What is known of the files before they are read.
    pub fn shape(&self) -> FileShape {
        let Self { format, feature_count, train_root, .. } = *self;
        FileShape { format, feature_count, train_root }
    }
}

/// Reads a specification in TOML.
///
/// # Errors
/// [`SpecificationError`] naming the field, its value and what is allowed.
pub fn parse_order_toml(text: &str) -> Result<OrderDraft, SpecificationError> {
    check_length(text)?;
    let value = toml::from_str(text).map_err(|source| SpecificationError::Toml { source })?;
    read::draft(Section::root(value)?)
}

/// Reads a specification in JSON, with the same keys as in TOML.
///
/// # Errors
/// [`SpecificationError`] naming the field, its value and what is allowed.
pub fn parse_order_json(text: &str) -> Result<OrderDraft, SpecificationError> {
    check_length(text)?;
    let value = serde_json::from_str(text).map_err(|source| SpecificationError::Json { source })?;
    read::draft(Section::root(value)?)
}

fn check_length(text: &str) -> Result<(), SpecificationError> {
    if text.len() > SPECIFICATION_BYTES_MAX {
        let (byte_count, max) = (text.len(), SPECIFICATION_BYTES_MAX);
        return Err(SpecificationError::TooLong { byte_count, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
