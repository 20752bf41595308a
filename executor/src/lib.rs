//! Skeleton.
pub mod network;
pub mod store;
