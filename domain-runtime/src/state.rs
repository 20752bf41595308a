//! The state as typed tables over a key-value store, with changes that are kept or dropped as a whole.
//!
//! A [`State`] reads through three layers: the changes of the call in progress, the changes of the block
//! so far, and the store beneath. The store is the executor's; only its changed keys come back.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeAll, Encode};

use crate::event::Event;

/// Changed keys: the new value, or `None` for a removed key.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A store that holds the state of the last block.
pub trait ReadState {
    /// The value under `key`, `None` when there is none.
    ///
    /// # Errors
    /// [`StorageFailure`] when the store cannot tell.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure>;
}

impl ReadState for BTreeMap<Vec<u8>, Vec<u8>> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        Ok(self.get(key).cloned())
    }
}

/// The store beneath could not answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("reading the state failed: {reason}")]
pub struct StorageFailure {
    /// What the store says.
    pub reason: String,
}

/// The executor cannot go on; never the fault of a call, so nothing is refused because of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The store beneath could not answer.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
    /// A stored record does not decode, or one that must be there is missing.
    #[error("the record of table {table} is missing or damaged")]
    Damaged {
        /// Number of the table.
        table: u8,
    },
    /// Sums of money no longer fit, which conservation of value rules out.
    #[error("an amount of {quantity} does not fit")]
    Overflow {
        /// What was added or taken.
        quantity: &'static str,
    },
}

/// A type that lives in a table of the state.
pub trait Record: Encode + Decode {
    /// First byte of each key of the table.
    const TABLE: u8;
    /// What tells records of the table apart.
    type Key: Encode;
}

/// The full key of a record: the table's byte, then the SCALE bytes of the key.
pub fn record_key<R: Record>(key: &R::Key) -> Vec<u8> {
    let mut bytes = alloc::vec![R::TABLE];
    key.encode_to(&mut bytes);
    bytes
}

/// Reads one record straight from a store.
///
/// # Errors
/// [`Fault`] when the store fails or the record does not decode.
pub fn read_record<R: Record>(store: &dyn ReadState, key: &R::Key) -> Result<Option<R>, Fault> {
    store.read(&record_key::<R>(key))?.map(|bytes| decode_record::<R>(&bytes)).transpose()
}

/// The state during a block.
pub struct State<'store> {
    store: &'store dyn ReadState,
    block: Changes,
    call: Changes,
    call_events: Vec<Event>,
    events: Vec<Event>,
}

impl core::fmt::Debug for State<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("State")
            .field("changed_in_block", &self.block.len())
            .field("changed_in_call", &self.call.len())
            .finish_non_exhaustive()
    }
}

impl<'store> State<'store> {
    /// The state as `store` holds it, without changes.
    pub fn new(store: &'store dyn ReadState) -> Self {
        Self {
            store,
            block: Changes::new(),
            call: Changes::new(),
            call_events: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The record under `key`.
    ///
    /// # Errors
    /// [`Fault`] when the store fails or the record does not decode.
    pub fn get<R: Record>(&self, key: &R::Key) -> Result<Option<R>, Fault> {
        let key = record_key::<R>(key);
        let bytes = match self.call.get(&key).or_else(|| self.block.get(&key)) {
            Some(changed) => changed.clone(),
            None => self.store.read(&key)?,
        };
        bytes.map(|bytes| decode_record::<R>(&bytes)).transpose()
    }

    /// The record under `key`, which must be there.
    ///
    /// # Errors
    /// [`Fault::Damaged`] when it is not.
    pub fn require<R: Record>(&self, key: &R::Key) -> Result<R, Fault> {
        self.get(key)?.ok_or(Fault::Damaged { table: R::TABLE })
    }

    /// Writes a record.
    pub fn put<R: Record>(&mut self, key: &R::Key, record: &R) {
        self.call.insert(record_key::<R>(key), Some(record.encode()));
    }

    /// Removes a record.
    pub fn remove<R: Record>(&mut self, key: &R::Key) {
        self.call.insert(record_key::<R>(key), None);
    }

    /// Notes that something happened.
    pub fn emit(&mut self, event: Event) {
        self.call_events.push(event);
    }

    /// Keeps the changes and events since the last `keep` or `discard`.
    pub fn keep(&mut self) {
        self.block.append(&mut self.call);
        self.events.append(&mut self.call_events);
    }

    /// Drops the changes and events since the last `keep` or `discard`.
    pub fn discard(&mut self) {
        self.call.clear();
        self.call_events.clear();
    }

    /// Everything kept: the changed keys and the events, in order.
    pub fn finish(self) -> (Changes, Vec<Event>) {
        (self.block, self.events)
    }

    /// Events kept so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

fn decode_record<R: Record>(bytes: &[u8]) -> Result<R, Fault> {
    R::decode_all(&mut &*bytes).map_err(|_| Fault::Damaged { table: R::TABLE })
}

#[cfg(test)]
mod tests;
