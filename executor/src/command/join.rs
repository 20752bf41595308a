//! How a command joins a network with a node of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::CommandError;
use crate::chain::remote::RemoteChain;
use crate::configuration::{Configuration, WorkplaceSettings};
use crate::genesis_file;
use crate::node::{Node, NodeConfiguration, NodeHandle};
use crate::roles::{INCLUSION_BLOCKS_DEFAULT, RolesConfiguration};
use crate::worker::process::{ProcessPool, ProcessSettings};
use crate::worker::remote::RemoteProvider;
use crate::worker::{TrainingProgress, Worker, Workplace};

/// Where a node listens by default: every interface, any free port, over both transports.
const LISTEN_DEFAULT: [&str; 2] = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"];

/// What it takes to join a network. Each key can also stand in the configuration file or in a variable
/// `AIPOT_…`; flags win over variables, variables over the file.
#[derive(Clone, Debug, Args)]
pub(crate) struct JoinArguments {
    /// The configuration file, in TOML, with the same keys as the flags below.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the node: its key, state, models. Made when it is not there.
    #[arg(long)]
    folder: Option<String>,
    /// The consensus chain, ws://HOST:PORT.
    #[arg(long)]
    chain: Option<String>,
    /// The network's genesis file.
    #[arg(long)]
    genesis: Option<String>,
    /// A peer to begin with, as multiaddress with /p2p/; may be repeated.
    #[arg(long)]
    bootstrap: Vec<String>,
    /// Where peers can reach this node, as multiaddress; may be repeated.
    #[arg(long)]
    listen: Vec<String>,
    /// Where the owner's tools can reach this node, HOST:PORT.
    #[arg(long)]
    rpc: Option<String>,
    /// Threads of one training or evaluation; 0 means one for each core.
    #[arg(long)]
    threads: Option<String>,
}

/// A node that has joined.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The node.
    pub(crate) node: NodeHandle,
    /// How its trainings go.
    pub(crate) progress: tokio::sync::broadcast::Receiver<TrainingProgress>,
    /// What they run on.
    pub(crate) worker: Worker,
}

impl JoinArguments {
    /// File, variables and flags put together; `more` are flags that the command has beside these.
    ///
    /// # Errors
    /// [`CommandError::Configuration`] naming the key, where its value stands, and what is allowed.
    pub(crate) fn resolve(&self, more: &[(&str, String)]) -> Result<Configuration, CommandError> {
        let single = [
            ("folder", &self.folder),
            ("chain", &self.chain),
            ("genesis", &self.genesis),
            ("rpc", &self.rpc),
            ("threads", &self.threads),
        ];
        let single =
            single.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        let several = [("bootstrap", &self.bootstrap), ("listen", &self.listen)];
        let several = several
            .into_iter()
            .flat_map(|(key, values)| values.iter().map(|value| (key.to_owned(), value.clone())));
        let more = more.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let flags = single.chain(several).chain(more);
        Ok(Configuration::resolve(self.config.as_deref(), environment(), flags)?)
    }
}

/// All variables; one that is not text cannot be one of ours.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
}

/// Starts a node as configured; the client's part is always done.
///
/// # Errors
/// [`CommandError`] naming what is missing.
pub(crate) async fn join(configuration: &Configuration) -> Result<Joined, CommandError> {
    let folder = configuration.folder.clone();
    std::fs::create_dir_all(&folder)
        .map_err(|source| CommandError::Write { path: folder.clone(), source })?;
    let genesis = genesis_file::read(&configuration.genesis)?;
    let chain = RemoteChain::connect(&configuration.chain).await?;
    let mut settings = NodeConfiguration::new(&folder, genesis, Arc::new(chain));
    settings.network.listen.clone_from(&configuration.listen);
    if configuration.listen.is_empty() {
        settings.network.listen =
            LISTEN_DEFAULT.iter().filter_map(|text| text.parse().ok()).collect();
    }
    settings.network.bootstrap.clone_from(&configuration.bootstrap);
    settings.rpc = configuration.rpc;
    settings.pool = configuration.pool;
    let workplace = workplace(&configuration.workplace, &folder).await?;
    let worker = Worker::with_workplace(configuration.worker.for_folder(&folder), workplace);
    let progress = worker.progress();
    let roles = RolesConfiguration {
        folder,
        roles: configuration.roles,
        inclusion_blocks: INCLUSION_BLOCKS_DEFAULT,
    };
    let at_work = worker.clone();
    settings
        .roles
        .push(Box::new(move |handle| Box::pin(crate::roles::run(handle, at_work, roles))));
    Ok(Joined { node: Node::start(settings).await?, progress, worker })
}

/// Where trainings are done.
async fn workplace(settings: &WorkplaceSettings, folder: &Path) -> Result<Workplace, CommandError> {
    if let Some(remote) = &settings.remote {
        let provider = RemoteProvider::connect(remote.clone(), folder).await?;
        return Ok(Workplace::Remote(Arc::new(provider)));
    }
    if !settings.processes {
        return Ok(Workplace::Here);
    }
    let processes = ProcessSettings::for_folder(folder);
    let processes = processes.map_err(|source| CommandError::Runtime { source })?;
    let processes = ProcessSettings { device: settings.device, ..processes };
    Ok(Workplace::Processes(Arc::new(ProcessPool::new(processes))))
}
