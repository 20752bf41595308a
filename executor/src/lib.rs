//! Skeleton.
pub mod chain;
pub mod network;
pub mod node;
pub mod scheduler;
pub mod store;
pub mod worker;
