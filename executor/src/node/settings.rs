//! What a node is started with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aipot_domain_runtime::genesis::Genesis;
use futures::future::BoxFuture;

use super::NodeHandle;
use crate::chain::Chain;
use crate::domain_rpc::RpcSettings;
use crate::network::{Multiaddr, NetworkLimits};
use crate::pool::PoolLimits;

/// Starts a role on a running node. The future is the role; it is dropped some seconds after
/// [`NodeHandle::stopped`] has resolved, if it has not ended by then.
pub type RoleStarter = Box<dyn FnOnce(NodeHandle) -> BoxFuture<'static, ()> + Send>;

/// How a node takes part in the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// Addresses to listen on; with none, the node only dials.
    pub listen: Vec<Multiaddr>,
    /// Peers to begin with.
    pub bootstrap: Vec<Multiaddr>,
    /// Every bound on what peers may make this node do.
    pub limits: NetworkLimits,
}

/// What a node is started with.
pub struct NodeConfiguration {
    /// Everything the node keeps lies in here; nothing else is needed to go on after a crash.
    pub folder: PathBuf,
    /// The network's first state.
    pub genesis: Genesis,
    /// The consensus chain.
    pub chain: Arc<dyn Chain>,
    /// How it takes part in the network.
    pub network: NetworkSettings,
    /// Where it answers remote procedure calls; `None`: nowhere.
    pub rpc: Option<RpcSettings>,
    /// How many calls may wait.
    pub pool: PoolLimits,
    /// What it does for others; nothing makes it an observer.
    pub roles: Vec<RoleStarter>,
}

impl NodeConfiguration {
    /// An observer of the network `genesis` on `chain`, with the usual limits, alone.
    pub fn new(folder: impl Into<PathBuf>, genesis: Genesis, chain: Arc<dyn Chain>) -> Self {
        Self {
            folder: folder.into(),
            genesis,
            chain,
            network: NetworkSettings::default(),
            rpc: None,
            pool: PoolLimits::default(),
            roles: Vec::new(),
        }
    }
}

impl fmt::Debug for NodeConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NodeConfiguration")
            .field("folder", &self.folder)
            .field("chain", &self.chain)
            .field("network", &self.network)
            .field("rpc", &self.rpc)
            .field("role_count", &self.roles.len())
            .finish_non_exhaustive()
    }
}
