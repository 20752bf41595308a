//! The training file of an order, checked once.

use std::fmt;
use std::io;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::DataRoot;

use super::TrainError;
use crate::dataset::import::Seekable;
use crate::dataset::stream::StreamError;
use crate::dataset::{Dataset, DatasetError};
use crate::engine::EngineError;
use crate::engine::batch::Batches;
use crate::engine::room::Room;

/// Opens a file anew, as often as a run begins.
pub type Open<'data> = dyn Fn() -> io::Result<Box<dyn Seekable>> + Sync + 'data;

/// A training file that holds what its order says.
#[derive(Clone, Copy, Debug)]
pub struct TrainingFile<'data> {
    source: Source<'data>,
    root: DataRoot,
}

/// Where the file is.
#[derive(Clone, Copy)]
enum Source<'data> {
    Memory(&'data [u8]),
    Disk(&'data Open<'data>),
}

impl<'data> TrainingFile<'data> {
    /// Checks the training file of an order.
    ///
    /// # Errors
    /// [`DatasetError`] when it is another file or does not hold what the order says.
    pub fn new(
        bytes: &'data [u8],
        specification: &OrderSpecification,
    ) -> Result<Self, DatasetError> {
        let root = Dataset::read_train(bytes, &specification.data)?.file().root;
        Ok(Self { source: Source::Memory(bytes), root })
    }

    /// A training file that stays on the disk and is read batch by batch; see [`crate::dataset::stream`].
    ///
    /// A run compares its root when it begins, and what an example holds when it comes up.
    pub fn on_disk(open: &'data Open<'data>, specification: &OrderSpecification) -> Self {
        Self { source: Source::Disk(open), root: specification.data.train.root }
    }

    /// Whether it is the file of the order.
    pub(crate) fn check(self, specification: &OrderSpecification) -> Result<(), TrainError> {
        let (found, expected) = (self.root, specification.data.train.root);
        if found == expected { Ok(()) } else { Err(TrainError::ForeignData { found, expected }) }
    }

    /// The batches of a run over it.
    pub(crate) fn batches(self, run: &OrderSpecification) -> Result<Batches<'data>, EngineError> {
        match self.source {
            Source::Memory(bytes) => Batches::new(run, bytes, &mut Room::taken()),
            Source::Disk(open) => {
                let file = open().map_err(|source| StreamError::Read { offset: 0, source })?;
                Batches::on_disk(run, file, &mut Room::taken())
            }
        }
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(formatter, "{} bytes in memory", bytes.len()),
            Self::Disk(_) => formatter.write_str("a file on the disk"),
        }
    }
}
