//! The state as the domain runtime reads it.

use aipot_domain_runtime::state::{ReadState, StorageFailure};

use super::StateStore;

impl ReadState for StateStore {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        self.get(key).map_err(|error| StorageFailure { reason: error.to_string() })
    }
}
