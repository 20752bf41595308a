//! The node: one folder, one account, one network and one view of the domain, put together.
//!
//! [`Node::start`] makes one; [`NodeHandle`] is what everything above it (roles, remote procedures, the
//! devnet) is written against.

mod gossip;
mod handle;
mod head;
pub mod intents;
mod outbox;
mod outcome;
mod settings;
mod start;
mod stop;

pub use handle::NodeHandle;
pub use head::DomainHead;
pub use outcome::{CallOutcome, NodeError};
pub use settings::{NetworkSettings, NodeConfiguration, RoleStarter};
pub use start::{KEY_FILE, Node, StartError};
pub use stop::StopReason;

pub use crate::network::FetchError;
pub use crate::store::state::StateRoot;

#[cfg(test)]
mod tests;
