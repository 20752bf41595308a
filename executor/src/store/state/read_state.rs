//! The state as the domain runtime reads it.

use aipot_domain_runtime::state::{ReadState, StorageFailure};

use redb::ReadTransaction;

use super::{StateStore, StoreError, value_of};

impl ReadState for StateStore {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        self.get(key).map_err(|error| StorageFailure { reason: error.to_string() })
    }
}

/// The state after one block, whatever is committed later. To be dropped soon: it keeps the database from
/// being opened again after a failure of the disk.
pub struct StateSnapshot(ReadTransaction);

impl std::fmt::Debug for StateSnapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StateSnapshot")
    }
}

impl StateStore {
    /// The state after the last block.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn snapshot(&self) -> Result<StateSnapshot, StoreError> {
        Ok(StateSnapshot(self.database.snapshot()?))
    }
}

impl ReadState for StateSnapshot {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        value_of(&self.0, key).map_err(|error| StorageFailure { reason: error.to_string() })
    }
}
