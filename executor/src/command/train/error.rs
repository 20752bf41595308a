//! Why `aipot train`, or what is done with what it trained, does not do what was asked.

use std::path::PathBuf;

use aipot_trainer::checkpoint::CheckpointError;
use aipot_trainer::dataset::stream::StreamError;
use aipot_trainer::import::ImportError;
use aipot_trainer::run::OptionError;
use aipot_trainer::sampling::SamplingError;
use thiserror::Error;

use crate::worker::durable::FileError;

/// Why `aipot train` does not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainCommandError {
    /// The options make no run.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The model from elsewhere is not imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A model does not go on with a text.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The device trains nothing.
    #[error("{backend} trains nothing yet: the engine has no {missing} for it; allowed is cpu")]
    Backend {
        /// The device asked for.
        backend: &'static str,
        /// What it would need.
        missing: &'static str,
    },
    /// Lines are read whole, so that they can be packed.
    #[error(
        "data.train.format is csv, which --stream does not read: make a file of records with aipot data prepare"
    )]
    Csv,
    /// The training file on the disk is not usable.
    #[error("the training file cannot be streamed")]
    Stream {
        /// Why.
        #[from]
        source: StreamError,
    },
    /// There is nothing to go on from.
    #[error("{} does not exist, so there is no run to resume", path.display())]
    NoCheckpoint {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is no checkpoint of this order.
    #[error("{} is not usable", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// The checkpoint cannot be written or read.
    #[error("the checkpoint is neither read nor written")]
    File {
        /// Why.
        #[from]
        source: FileError,
    },
}

impl TrainCommandError {
    /// Whether the one who asked can put it right.
    pub fn is_wrong_input(&self) -> bool {
        !matches!(self, Self::File { .. })
    }
}
