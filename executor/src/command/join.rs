//! How a command joins a network with a node of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aipot_domain_runtime::operator::Roles;
use clap::Args;

use super::CommandError;
use crate::chain::remote::RemoteChain;
use crate::domain_rpc::RpcSettings;
use crate::genesis_file;
use crate::network::Multiaddr;
use crate::node::{Node, NodeConfiguration, NodeHandle};
use crate::roles::{INCLUSION_BLOCKS_DEFAULT, RolesConfiguration};
use crate::worker::{TrainingProgress, Worker, WorkerConfiguration};

/// Where a node listens by default: every interface, any free port, over both transports.
const LISTEN_DEFAULT: [&str; 2] = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"];

/// What it takes to join a network.
#[derive(Clone, Debug, Args)]
pub struct JoinArguments {
    /// Folder of the node: its key, state, models. Made when it is not there.
    #[arg(long, env = "AIPOT_FOLDER")]
    pub folder: PathBuf,
    /// The consensus chain, ws://HOST:PORT.
    #[arg(long, env = "AIPOT_CHAIN")]
    pub chain: String,
    /// The network's genesis file.
    #[arg(long, env = "AIPOT_GENESIS")]
    pub genesis: PathBuf,
    /// A peer to begin with, as multiaddress with /p2p/; may be repeated.
    #[arg(long, env = "AIPOT_BOOTSTRAP", value_delimiter = ',')]
    pub bootstrap: Vec<Multiaddr>,
    /// Where peers can reach this node, as multiaddress; may be repeated.
    #[arg(long, env = "AIPOT_LISTEN", value_delimiter = ',')]
    pub listen: Vec<Multiaddr>,
    /// Where the owner's tools can reach this node.
    #[arg(long, env = "AIPOT_RPC")]
    pub rpc: Option<SocketAddr>,
    /// Threads of one training or evaluation; 0 means one for each core.
    #[arg(long, env = "AIPOT_THREADS", default_value_t = 0)]
    pub threads: usize,
}

/// A node that has joined.
#[derive(Debug)]
pub struct Joined {
    /// The node.
    pub node: NodeHandle,
    /// How its trainings go.
    pub progress: tokio::sync::broadcast::Receiver<TrainingProgress>,
}

/// Starts a node that acts in `roles`; the client's part is always done.
///
/// # Errors
/// [`CommandError`] naming what is missing.
pub async fn join(arguments: &JoinArguments, roles: Roles) -> Result<Joined, CommandError> {
    std::fs::create_dir_all(&arguments.folder)
        .map_err(|source| CommandError::Write { path: arguments.folder.clone(), source })?;
    let genesis = genesis_file::read(&arguments.genesis)?;
    let chain = RemoteChain::connect(&arguments.chain).await?;
    let mut configuration = NodeConfiguration::new(&arguments.folder, genesis, Arc::new(chain));
    configuration.network.listen = listen(arguments);
    configuration.network.bootstrap.clone_from(&arguments.bootstrap);
    configuration.rpc =
        arguments.rpc.map(|listen| RpcSettings { listen, ..RpcSettings::default() });
    let worker = Worker::new(WorkerConfiguration::for_folder(&arguments.folder, arguments.threads));
    let progress = worker.progress();
    let roles = RolesConfiguration {
        folder: arguments.folder.clone(),
        roles,
        inclusion_blocks: INCLUSION_BLOCKS_DEFAULT,
    };
    configuration
        .roles
        .push(Box::new(move |handle| Box::pin(crate::roles::run(handle, worker, roles))));
    Ok(Joined { node: Node::start(configuration).await?, progress })
}

fn listen(arguments: &JoinArguments) -> Vec<Multiaddr> {
    if arguments.listen.is_empty() {
        return LISTEN_DEFAULT.iter().filter_map(|text| text.parse().ok()).collect();
    }
    arguments.listen.clone()
}
