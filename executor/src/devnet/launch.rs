//! Starts everything that a development network consists of, and stops it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aipot_domain_runtime::operator::Roles;
use parity_scale_codec::Encode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::child::{Launch, Process, Report, Said};
use super::scenario::{Part, Participant, Scenario};
use super::{DevnetError, DevnetOptions};
use crate::chain::development::{DevelopmentChain, DevelopmentConfiguration, every, produce_on};
use crate::chain::rpc::{ChainServer, serve};
use crate::domain_rpc::RpcSettings;
use crate::domain_rpc::client::DomainClient;
use crate::genesis_file;
use crate::node::{DomainHead, KEY_FILE, Node, NodeConfiguration, NodeHandle};
use crate::roles::{INCLUSION_BLOCKS_DEFAULT, RolesConfiguration};
use crate::worker::{Worker, WorkerConfiguration};

/// How long a child may take until it is ready.
const READY_TIME: Duration = Duration::from_mins(1);
/// Time between two looks at whether operators have come to the same block.
const LOOK_TIME: Duration = Duration::from_millis(100);
/// The genesis, inside the folder of the run.
const GENESIS_FILE: &str = "genesis.json";
/// Where nodes listen: loopback, any free port, over both transports.
pub const LISTEN: [&str; 2] = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];

/// Everything that runs.
#[derive(Debug)]
pub struct Network {
    /// The chain, in this process.
    pub chain: DevelopmentChain,
    /// The client's node, in this process.
    pub node: NodeHandle,
    server: ChainServer,
    producer: JoinHandle<()>,
    processes: Vec<Option<Process>>,
    /// Where each ready child answers, by its place in the scenario.
    endpoints: Mutex<Vec<Option<String>>>,
    names: Vec<(String, PathBuf)>,
}

impl Network {
    /// Starts the chain, which makes no block yet, the client's node and all children.
    ///
    /// # Errors
    /// [`DevnetError`] naming what did not start.
    pub async fn start(
        options: &DevnetOptions,
        scenario: &Scenario,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, DevnetError> {
        let genesis_path = options.folder.join(GENESIS_FILE);
        genesis_file::write(&genesis_path, &scenario.genesis)?;
        let chain = open_chain(options, scenario)?;
        let server = serve(chain.clone(), loopback(), jsonrpsee::RpcModule::new(())).await?;
        let producer = tokio::spawn(produce_on(chain.clone(), every(options.block_time)));
        let names: Vec<(String, PathBuf)> = scenario
            .participants
            .iter()
            .map(|one| (one.name(), options.folder.join(one.name()).join("log")))
            .collect();
        for participant in &scenario.participants {
            prepare(&options.folder, participant)?;
        }
        let node = start_client(options, scenario, &chain).await?;
        let shared = Shared { genesis_path, chain_url: server.url(), peers: peers(&node) };
        let mut processes = Vec::new();
        for (place, participant) in scenario.participants.iter().enumerate() {
            processes.push(match participant.part {
                Part::Client | Part::Customer => None,
                Part::Provider | Part::Validator => {
                    let launch = shared.launch(options, participant);
                    Some(Process::start(place, launch, reports.clone())?)
                }
            });
        }
        let endpoints = Mutex::new(vec![None; processes.len()]);
        Ok(Self { chain, node, server, producer, processes, endpoints, names })
    }

    /// Waits until every child takes part.
    ///
    /// # Errors
    /// [`DevnetError::NotReady`] or [`DevnetError::Ended`], naming the child and its log.
    pub async fn wait_until_ready(
        &self,
        reports: &mut mpsc::Receiver<Report>,
    ) -> Result<(), DevnetError> {
        let deadline = tokio::time::Instant::now() + READY_TIME;
        while let Some(missing) = self.first_not_ready() {
            let report = tokio::time::timeout_at(deadline, reports.recv()).await;
            let Ok(Some(report)) = report else { return Err(self.not_ready(missing)) };
            match report.said {
                Some(Said::Ready { rpc, .. }) => self.note_ready(report.participant, &rpc),
                Some(Said::Training { .. }) => {}
                None => return Err(self.ended(report.participant)),
            }
        }
        Ok(())
    }

    /// Notes where a child answers.
    pub fn note_ready(&self, participant: usize, rpc: &str) {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = endpoints.get_mut(participant) {
            *endpoint = Some(rpc.to_owned());
        }
    }

    /// Kills a child with SIGKILL and starts it again in its folder.
    ///
    /// # Errors
    /// [`DevnetError::Child`] when that fails.
    pub async fn kill_and_restart(&mut self, participant: usize) -> Result<(), DevnetError> {
        if let Ok(mut endpoints) = self.endpoints.lock()
            && let Some(endpoint) = endpoints.get_mut(participant)
        {
            *endpoint = None;
        }
        if let Some(Some(process)) = self.processes.get_mut(participant) {
            process.kill_and_restart().await?;
        }
        Ok(())
    }

    /// How many processes, this one included, come to the state root of `head` within `patience`.
    pub async fn agreeing_processes(&self, head: DomainHead, patience: Duration) -> usize {
        let deadline = Instant::now() + patience;
        let operators = self.processes.iter().enumerate().filter(|(_, process)| process.is_some());
        let asked = operators.map(|(place, _)| self.comes_to(place, head, deadline));
        let answers = futures::future::join_all(asked).await;
        1 + answers.into_iter().filter(|agrees| *agrees).count()
    }

    /// How the person at the keyboard uses the network while it stays.
    pub fn invitation(&self, options: &DevnetOptions) -> String {
        let rpc = self.node.rpc_address().map(|address| format!("ws://{address}"));
        let customer = options.folder.join(Part::Customer.name());
        let peer = peers(&self.node).into_iter().next().unwrap_or_default();
        format!(
            "the network stays until Ctrl-C. In another terminal, with an order and data of your own:\n  \
             aipot order submit order.toml --data train.csv --test test.csv --out model.safetensors \\\n    \
             --folder {} --chain {} \\\n    --genesis {} --bootstrap {peer}\n  \
             aipot order watch ORDER --node {}",
            customer.display(),
            self.server.url(),
            options.folder.join(GENESIS_FILE).display(),
            rpc.unwrap_or_default(),
        )
    }

    /// Stops everything; children are asked first.
    pub async fn stop(mut self) {
        for process in self.processes.iter_mut().flatten() {
            if let Err(error) = process.stop().await {
                tracing::warn!(%error, "a child did not stop");
            }
        }
        self.node.shutdown().await;
        self.producer.abort();
        self.server.stop().await;
    }

    /// The error of a child that ended by itself.
    pub fn ended(&self, participant: usize) -> DevnetError {
        let (name, log) = self.name(participant);
        DevnetError::Ended { name, log }
    }

    fn not_ready(&self, participant: usize) -> DevnetError {
        let (name, log) = self.name(participant);
        DevnetError::NotReady { name, seconds: READY_TIME.as_secs(), log }
    }

    fn name(&self, participant: usize) -> (String, PathBuf) {
        self.names.get(participant).cloned().unwrap_or_default()
    }

    fn endpoint(&self, participant: usize) -> Option<String> {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints.get(participant).cloned().flatten()
    }

    fn first_not_ready(&self) -> Option<usize> {
        (0..self.processes.len()).find(|place| {
            self.processes.get(*place).is_some_and(Option::is_some)
                && self.endpoint(*place).is_none()
        })
    }

    /// Whether an operator has the root of `head` at its block or later; after the last settlement the
    /// root stays.
    async fn comes_to(&self, place: usize, head: DomainHead, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            if let Some(url) = self.endpoint(place)
                && let Ok(client) = DomainClient::connect(&url).await
                && let Ok(info) = client.info().await
                && info.head.block >= head.block.0
            {
                return info.head.root == head.root.to_string();
            }
            tokio::time::sleep(LOOK_TIME).await;
        }
        false
    }
}

/// What all children are told.
struct Shared {
    genesis_path: PathBuf,
    chain_url: String,
    peers: Vec<String>,
}

impl Shared {
    fn launch(&self, options: &DevnetOptions, participant: &Participant) -> Launch {
        let folder = options.folder.join(participant.name());
        let mut arguments: Vec<String> = vec![
            "node".to_owned(),
            "--json".to_owned(),
            "--log=info".to_owned(),
            format!("--role={}", participant.part.name()),
            format!("--folder={}", folder.display()),
            format!("--genesis={}", self.genesis_path.display()),
            format!("--chain={}", self.chain_url),
            "--rpc=127.0.0.1:0".to_owned(),
            "--threads=1".to_owned(),
        ];
        arguments.extend(LISTEN.iter().map(|address| format!("--listen={address}")));
        arguments.extend(self.peers.iter().map(|address| format!("--bootstrap={address}")));
        Launch { program: options.program.clone(), arguments, log_file: folder.join("log") }
    }
}

fn open_chain(
    options: &DevnetOptions,
    scenario: &Scenario,
) -> Result<DevelopmentChain, DevnetError> {
    let seed =
        blake3::derive_key("aipot development network chain v1", &options.seed.to_le_bytes());
    let configuration = DevelopmentConfiguration::new(scenario.genesis.encode(), seed);
    let chain = DevelopmentChain::open(options.folder.join("chain.redb"), configuration)?;
    chain.hold_blocks();
    Ok(chain)
}

/// Makes the folder of a participant and puts its key there.
fn prepare(folder: &Path, participant: &Participant) -> Result<(), DevnetError> {
    let folder = folder.join(participant.name());
    std::fs::create_dir_all(&folder)
        .map_err(|source| DevnetError::Write { path: folder.clone(), source })?;
    Ok(participant.key.keep(folder.join(KEY_FILE))?)
}

async fn start_client(
    options: &DevnetOptions,
    scenario: &Scenario,
    chain: &DevelopmentChain,
) -> Result<NodeHandle, DevnetError> {
    let folder = client_folder(options);
    let genesis = scenario.genesis.clone();
    let mut configuration = NodeConfiguration::new(&folder, genesis, Arc::new(chain.clone()));
    configuration.network.listen = LISTEN.iter().filter_map(|text| text.parse().ok()).collect();
    configuration.rpc = Some(RpcSettings::default());
    let roles = RolesConfiguration {
        folder: folder.clone(),
        roles: Roles::default(),
        inclusion_blocks: INCLUSION_BLOCKS_DEFAULT,
    };
    let worker = Worker::new(WorkerConfiguration::for_folder(&folder, 1));
    configuration
        .roles
        .push(Box::new(move |handle| Box::pin(crate::roles::run(handle, worker, roles))));
    Ok(Node::start(configuration).await?)
}

/// Folder of the client's node.
pub fn client_folder(options: &DevnetOptions) -> PathBuf {
    options.folder.join(Part::Client.name())
}

/// Addresses of a node with its identity, for others to begin with.
pub fn peers(node: &NodeHandle) -> Vec<String> {
    let network = node.network();
    let id = network.local_peer_id();
    network.listen_addresses().iter().map(|address| format!("{address}/p2p/{id}")).collect()
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
