//! How a node is configured: one TOML file, environment variables above it, flags above both.
//!
//! [`KEYS`] lists every key. The variable of the key `rpc` is `AIPOT_RPC`, its flag `--rpc`; lists are
//! written with commas there. Whatever is unknown or not allowed is an error that says where it stands.

mod error;
mod given;
mod plotter;
mod strategy;
mod worker;
mod workplace;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aipot_domain_runtime::operator::Roles;

use crate::domain_rpc::RpcSettings;
use crate::network::Multiaddr;
use crate::pool::PoolLimits;

pub use error::{ConfigurationError, Origin};
pub use plotter::{PlotterAlone, PlotterConfiguration};
pub use strategy::StrategySettings;
pub use worker::WorkerSettings;
pub use workplace::{WorkerAlone, WorkplaceSettings};

use given::Given;

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// Whether it holds several values.
    pub is_list: bool,
    /// What it says.
    pub help: &'static str,
}

/// Every key there is.
pub const KEYS: &[Key] = &[
    single("folder", "everything the node keeps lies in here"),
    single("chain", "the consensus chain, as ws://HOST:PORT"),
    single("genesis", "the genesis file of the network"),
    several("roles", "provider, validator; none makes an observer"),
    several("listen", "multiaddresses to listen on"),
    several("bootstrap", "multiaddresses of peers to begin with, ending with /p2p/NAME"),
    single("rpc", "address for the owner's tools, as HOST:PORT"),
    single("rpc_connections_max", "connections of tools at once"),
    single("rpc_subscriptions_max", "subscriptions of one connection"),
    single("rpc_uploads_max", "files that tools send at once"),
    single("pool_calls_max", "calls that may wait for the chain"),
    single("pool_bytes_max", "their bytes"),
    single("threads", "threads of one training or evaluation; 0 means one for each core"),
    single(
        "worker_strategy_candidates",
        "ways to train a contest that are tried; 1 means no search",
    ),
    single("worker_strategy_seconds", "how long such a search takes at most"),
    single("worker_memory_mib", "mebibytes that jobs may take; half of the machine's by default"),
    single("worker_jobs_max", "jobs that run at once"),
    single("metrics", "address of the page that Prometheus reads, as HOST:PORT"),
    several("plotter_nats", "NATS servers of a farming cluster to plot for, as nats://HOST:PORT"),
    single("plotter_variant", "v1 or v2, as the farmers of that cluster read sectors"),
    single("plotter_backend", "auto, cpu, wgpu or cuda"),
    single("plotter_sectors_max", "sectors in work at once"),
    single("plotter_cache_group", "group of caches in which pieces are looked for"),
    single("plotter_credentials", "credentials file for the NATS server"),
    single("worker_processes", "true or false: whether each training has a process of its own"),
    several("worker_nats", "NATS servers through which other machines train, as nats://HOST:PORT"),
    single("worker_stream", "the word that a node and its workers have in common"),
    single("worker_credentials", "credentials file for the NATS server of the workers"),
    single("worker_device", "what trains: cpu"),
];

/// Most of anything that is counted here.
const COUNT_MAX: u64 = 1 << 20;
/// Largest pool in bytes: 1 GiB.
const POOL_BYTES_MAX: u64 = 1 << 30;

/// A configuration whose every value is acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Everything the node keeps lies in here.
    pub folder: PathBuf,
    /// The consensus chain.
    pub chain: String,
    /// The genesis file.
    pub genesis: PathBuf,
    /// What the node does for others.
    pub roles: Roles,
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Peers to begin with.
    pub bootstrap: Vec<Multiaddr>,
    /// Where it answers its owner's tools, if at all.
    pub rpc: Option<RpcSettings>,
    /// How many calls may wait.
    pub pool: PoolLimits,
    /// What jobs may take.
    pub worker: WorkerSettings,
    /// Where trainings are done.
    pub workplace: WorkplaceSettings,
    /// Where the metrics page is shown, if at all.
    pub metrics: Option<SocketAddr>,
    /// For which farming cluster it plots what training leaves, if for any.
    pub plotter: Option<PlotterConfiguration>,
}

impl Configuration {
    /// Puts a configuration together. Of several values for a key the flag wins, then the variable.
    ///
    /// Of `environment`, only variables that begin with `AIPOT_` are looked at. A flag is given as the name of
    /// its key and its value; given several times, a list is joined.
    ///
    /// # Errors
    /// [`ConfigurationError`], naming the key, where its value stands, and what is allowed.
    pub fn resolve(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        Self::from_given(&Self::gather(file, environment, flags)?)
    }

    /// Everything that was given, of which nothing is understood yet but the names.
    fn gather(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Given, ConfigurationError> {
        let mut given = Given::default();
        if let Some(path) = file {
            given.read_file(path)?;
        }
        given.read_environment(environment)?;
        given.read_flags(flags)?;
        Ok(given)
    }

    fn from_given(given: &Given) -> Result<Self, ConfigurationError> {
        let text = "text that is not empty";
        let mut pool = PoolLimits::default();
        if let Some(calls_max) = given.count("pool_calls_max", 1..=COUNT_MAX)? {
            pool.calls_max = calls_max;
        }
        if let Some(bytes_max) = given.count("pool_bytes_max", 1..=POOL_BYTES_MAX)? {
            pool.bytes_max = bytes_max;
        }
        Ok(Self {
            folder: given.required("folder", text)?,
            chain: given.required("chain", text)?,
            genesis: given.required("genesis", text)?,
            roles: roles(given)?,
            listen: given.list("listen", "multiaddresses such as /ip4/127.0.0.1/tcp/0")?,
            bootstrap: given
                .list("bootstrap", "multiaddresses such as /ip4/10.0.0.1/tcp/4001/p2p/NAME")?,
            rpc: rpc(given)?,
            pool,
            worker: WorkerSettings::from_given(given)?,
            workplace: WorkplaceSettings::of(given)?,
            metrics: plotter::metrics(given)?,
            plotter: PlotterConfiguration::optional(given)?,
        })
    }
}

const fn single(name: &'static str, help: &'static str) -> Key {
    Key { name, is_list: false, help }
}

const fn several(name: &'static str, help: &'static str) -> Key {
    Key { name, is_list: true, help }
}

fn roles(given: &Given) -> Result<Roles, ConfigurationError> {
    let names = given.list::<String>("roles", "provider, validator")?;
    let mut roles = Roles::default();
    for name in names {
        match name.as_str() {
            "provider" => roles.provider = true,
            "validator" => roles.validator = true,
            "observer" => {}
            _ => return Err(given.refused("roles", &name, "provider, validator, observer")),
        }
    }
    Ok(roles)
}

fn rpc(given: &Given) -> Result<Option<RpcSettings>, ConfigurationError> {
    let Some(listen) = given.single::<SocketAddr>("rpc", "addresses such as 127.0.0.1:9955")?
    else {
        return Ok(None);
    };
    let mut settings = RpcSettings { listen, ..RpcSettings::default() };
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    if let Some(count) = given.count("rpc_connections_max", 1..=COUNT_MAX)? {
        settings.connections_max = small(count);
    }
    if let Some(count) = given.count("rpc_subscriptions_max", 1..=COUNT_MAX)? {
        settings.subscriptions_max = small(count);
    }
    if let Some(count) = given.count("rpc_uploads_max", 1..=COUNT_MAX)? {
        settings.uploads_max = count;
    }
    Ok(Some(settings))
}

#[cfg(test)]
mod tests;
