//! The base of an order's model among the files of a node: it comes and goes as the training data does.

use aipot_domain_runtime::order::OrderSpecification;

use super::artefacts::{ArtefactError, ArtefactStore, ContentHash};

/// Hash and length of the base of an order, if it has one.
pub fn base_of(specification: &OrderSpecification) -> Option<(ContentHash, u64)> {
    specification.model.base.map(|file| (ContentHash(file.root.0), file.byte_count))
}

/// Reads the base of an order with `read`; nothing where it has none.
///
/// # Errors
/// What `read` says.
pub fn read_base_with<E>(
    specification: &OrderSpecification,
    read: impl FnOnce(ContentHash) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    base_of(specification).map_or_else(|| Ok(Vec::new()), |(hash, _)| read(hash))
}

impl ArtefactStore {
    /// The base of an order; nothing where it has none.
    ///
    /// # Errors
    /// [`ArtefactError`] when it is not here, or damaged.
    pub fn read_base(&self, specification: &OrderSpecification) -> Result<Vec<u8>, ArtefactError> {
        read_base_with(specification, |hash| self.read(hash))
    }
}
