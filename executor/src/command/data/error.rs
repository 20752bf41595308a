//! Why files of a client cannot be made into those of an order.

use std::path::PathBuf;

use aipot_trainer::dataset::import::ImportError;
use aipot_trainer::tokenizer::{TokenizerError, TrainingError};

/// Why no files of an order were made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportingError {
    /// A file is not of its format.
    #[error(transparent)]
    File(#[from] ImportError),
    /// A file is no tokenizer, or none that can be used here.
    #[error("{path} cannot be used")]
    Tokenizer {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TokenizerError,
    },
    /// No tokenizer came out of a text.
    #[error("no tokenizer was trained")]
    Training {
        /// Why.
        #[from]
        source: TrainingError,
    },
    /// An argument is needed that is not there.
    #[error("{argument} is missing: {reason}")]
    Missing {
        /// The argument.
        argument: &'static str,
        /// What it is needed for.
        reason: &'static str,
    },
    /// An argument is there that says nothing here.
    #[error("{argument} says nothing here: {reason}")]
    Needless {
        /// The argument.
        argument: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The share of the test leaves one of the files empty.
    #[error("--test-share {share} of {example_count} examples leaves one of the files empty")]
    Share {
        /// The share.
        share: f64,
        /// How many examples there are.
        example_count: u64,
    },
    /// This program was built without a format.
    #[error("this aipot reads no parquet: build it with --features parquet")]
    #[cfg(not(feature = "parquet"))]
    NoParquet,
}
