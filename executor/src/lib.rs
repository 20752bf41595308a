//! Skeleton.
pub mod bundle;
pub mod chain;
pub mod configuration;
pub mod domain_rpc;
pub mod genesis_file;
pub mod intake;
pub mod keystore;
pub mod network;
pub mod node;
pub mod pool;
pub mod producer;
pub mod roles;
pub mod scheduler;
pub mod store;
pub mod view;
pub mod worker;
