//! The training file of an order, checked once.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::DataRoot;

use super::TrainError;
use crate::base_file::{Base, BaseError, read_base};
use crate::dataset::{Dataset, DatasetError};

/// A training file that holds what its order says.
#[derive(Clone, Copy, Debug)]
pub struct TrainingFile<'data> {
    bytes: &'data [u8],
    root: DataRoot,
    base: &'data [u8],
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
        Ok(Self { bytes, root, base: &[] })
    }

    /// The same with the bytes of the order's base, which are checked when a run begins.
    #[must_use]
    pub fn with_base(self, base: &'data [u8]) -> Self {
        Self { base, ..self }
    }

    /// The weights of the order's base, `None` where it has none.
    pub(crate) fn base_for(
        self,
        specification: &OrderSpecification,
    ) -> Result<Option<Base>, BaseError> {
        read_base(self.base, specification)
    }

    /// The bytes, if they are those of the order.
    pub(crate) fn bytes_for(
        self,
        specification: &OrderSpecification,
    ) -> Result<&'data [u8], TrainError> {
        let (found, expected) = (self.root, specification.data.train.root);
        if found == expected {
            Ok(self.bytes)
        } else {
            Err(TrainError::ForeignData { found, expected })
        }
    }
}
