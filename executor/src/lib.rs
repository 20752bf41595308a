//! The only crate that touches chain, network, disk and clock; the library behind the binary `aipot`.
//!
//! [`chain`] orders bundles, [`intake`] derives the domain from them, [`roles`] act in it, [`node`] puts
//! them together, [`client`] buys, [`devnet`] runs all of it on one machine, [`command`] is the command line.

pub mod backend;
pub mod bundle;
pub mod chain;
pub mod client;
pub mod command;
pub mod configuration;
pub mod devnet;
pub mod domain_rpc;
pub mod genesis_file;
pub mod intake;
pub mod keystore;
pub mod loss_curve;
pub mod metrics;
pub mod narrative;
pub mod network;
pub mod node;
pub mod plotter;
pub mod pool;
pub mod processor;
pub mod producer;
pub mod roles;
pub mod scheduler;
pub mod store;
pub mod view;
pub mod worker;
