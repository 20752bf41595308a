//! Everything on this machine: a chain, providers, validators and a client, each operator a process of its
//! own, and real orders carried through all eleven steps.
//!
//! This process holds the chain and the client's node. Operators are children that know nothing but a
//! folder, the chain's address and one peer.

pub mod child;
pub mod display;
pub mod kill_plan;
pub mod launch;
pub mod report;
mod run;
pub mod scenario;

use std::path::PathBuf;
use std::time::Duration;

use aipot_domain_runtime::state::Fault;

use crate::chain::ChainError;
use crate::chain::rpc::ServeError;
use crate::client::ClientError;
use crate::node::NodeError;

pub use run::run;

/// Most orders of one run.
pub const ORDERS_MAX: u32 = 64;

/// How a development network is run.
#[derive(Clone, Debug)]
pub struct DevnetOptions {
    /// Orders of the client.
    pub order_count: u32,
    /// Whether operators are killed and started again in each phase.
    pub kill: bool,
    /// From which everything follows.
    pub seed: u64,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// Time between blocks.
    pub block_time: Duration,
    /// The program that children run: this one.
    pub program: PathBuf,
}

/// Why a development network failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// The network could not be described.
    #[error(transparent)]
    Scenario(#[from] scenario::ScenarioError),
    /// A folder or file could not be written.
    #[error("writing {path} failed")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds another run.
    #[error("the folder {path} is not empty; give another with --folder")]
    FolderInUse {
        /// Which one.
        path: PathBuf,
    },
    /// The program of the children is not known.
    #[error("the path of this program is not known")]
    Program {
        /// Why.
        source: std::io::Error,
    },
    /// The genesis could not be written for the children.
    #[error("writing the genesis failed")]
    Genesis {
        /// Why.
        #[from]
        source: crate::genesis_file::GenesisFileError,
    },
    /// The key of a participant could not be written.
    #[error(transparent)]
    Key(#[from] crate::keystore::KeyError),
    /// The chain failed.
    #[error("the chain failed")]
    Chain {
        /// Why.
        #[from]
        source: ChainError,
    },
    /// The chain could not be served to the children.
    #[error("serving the chain failed")]
    Serve {
        /// Why.
        #[from]
        source: ServeError,
    },
    /// The client's node did not start.
    #[error("the client's node did not start")]
    Start {
        /// Why.
        #[from]
        source: crate::node::StartError,
    },
    /// The client's node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The client's side of an order failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] Fault),
    /// A child could not be handled.
    #[error(transparent)]
    Child(#[from] child::ChildError),
    /// A child did not come up.
    #[error("{name} was not ready after {seconds} s; its log is {log}")]
    NotReady {
        /// Which one.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// A child ended without being told to.
    #[error("{name} ended by itself; its log is {log}")]
    Ended {
        /// Which one.
        name: String,
        /// Where to look.
        log: PathBuf,
    },
    /// The run took too long.
    #[error("orders were not settled by block {block}")]
    TooLong {
        /// The last block.
        block: u32,
    },
    /// The client's node stopped.
    #[error("the client's node stopped")]
    Stopped,
}
