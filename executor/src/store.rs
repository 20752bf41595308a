//! The disk of a node: authenticated state, the event log from which roles resume, and artefacts.
//!
//! Every write here is durable before it is reported, and every failure of the disk is an error
//! that leaves what was stored before untouched, so that the caller may try again.

pub mod artefacts;
pub mod base;
pub(crate) mod database;
pub(crate) mod digest;
pub mod event_log;
pub mod state;

pub use database::{DatabaseError, NodeDatabase};
pub use digest::ParseHashError;
pub use event_log::{EventLog, EventLogError, LoggedEvent};
pub use state::{MemoryStore, StateStore, StoreError};
