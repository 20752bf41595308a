//! The node: one folder, one account, one network and one view of the domain, put together.
//!
//! [`NodeHandle`] is what everything above it (roles, remote procedures, the devnet) is written against.

mod handle;
mod head;
mod outcome;

pub use handle::NodeHandle;
pub use head::{DomainHead, StateRoot};
pub use outcome::{CallOutcome, NodeError};
