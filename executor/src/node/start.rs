//! Puts a node together, and takes it apart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aipot_domain_runtime::genesis::Genesis;
use aipot_domain_runtime::primitives::GenesisHash;
use tokio::sync::{Mutex, Notify, mpsc, watch};

use super::gossip::listen;
use super::handle::{NodeHandle, Shared, Tasks};
use super::intents::Intents;
use super::outbox::Outbox;
use super::settings::NodeConfiguration;
use super::stop::{Stop, StopReason};
use crate::chain::{Chain, ChainError};
use crate::domain_rpc::{self, RpcError};
use crate::intake::follow::Intake;
use crate::intake::ledger::{Ledger, LedgerError};
use crate::keystore::{KeyError, NodeKey};
use crate::network::{Network, NetworkConfiguration, NetworkError, NetworkEvent, NetworkIdError};
use crate::pool::mempool::{Mempool, StateSource};
use crate::producer::Producer;
use crate::store::artefacts::{ArtefactError, ArtefactStore};
use crate::store::{DatabaseError, EventLog, EventLogError, NodeDatabase};

/// The node's secret, inside its folder.
pub const KEY_FILE: &str = "key";
/// Everything the node knows, inside its folder.
const DATABASE_FILE: &str = "node.redb";
/// What roles write down, inside its folder.
const LOG_FILE: &str = "events.log";
/// Models and data, inside its folder.
const ARTEFACT_FOLDER: &str = "artefacts";
/// Files on their way here over RPC, inside its folder.
const UPLOAD_FOLDER: &str = "uploads";

/// How long roles may take to end their work before they are dropped; what they do survives that too.
const ROLE_PATIENCE: Duration = Duration::from_secs(5);

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The secret cannot be used.
    #[error(transparent)]
    NodeKey(#[from] KeyError),
    /// The chain cannot be asked where it stands.
    #[error("the consensus chain does not answer: {0}")]
    Chain(#[from] ChainError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The domain in the folder cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The artefacts in the folder cannot be used.
    #[error(transparent)]
    Artefacts(#[from] ArtefactError),
    /// The log in the folder cannot be used.
    #[error(transparent)]
    Log(#[from] EventLogError),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The network has no acceptable name.
    #[error(transparent)]
    NetworkId(#[from] NetworkIdError),
    /// Remote procedures cannot be offered.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A task of this process died.
    #[error("the start was interrupted")]
    Interrupted,
}

/// Makes nodes.
#[derive(Debug)]
pub struct Node;

impl Node {
    /// Starts a node inside the current tokio runtime.
    ///
    /// It goes on where its folder says it stopped. The handle keeps it alive; see
    /// [`NodeHandle::shutdown`].
    ///
    /// # Errors
    /// [`StartError`], naming what is missing and what to do about it.
    pub async fn start(configuration: NodeConfiguration) -> Result<NodeHandle, StartError> {
        let NodeConfiguration { folder, genesis, chain, network, rpc, pool, roles } = configuration;
        let base = Base::open(&folder, genesis, chain.as_ref()).await?;
        let network_id = network_id(base.ledger.genesis()).parse()?;
        let network = NetworkConfiguration {
            identity: base.keys.network_identity(),
            listen: network.listen,
            bootstrap: network.bootstrap,
            network_id,
            limits: network.limits,
        };
        let artefacts = Arc::clone(&base.artefacts);
        let (network, events) = Network::start(network, artefacts).await?;
        let state = state_source(&base.ledger);
        let mempool = Arc::new(Mempool::new(base.ledger.genesis(), state, pool));
        let node = assemble(base, network, mempool, Running { chain, events })?;
        let mut tasks = node.shared.tasks.lock().await;
        if let Some(settings) = rpc {
            let uploads = folder.join(UPLOAD_FOLDER);
            match domain_rpc::serve(node.clone(), settings, uploads).await {
                Ok((address, serving)) => {
                    node.shared.rpc_address.get_or_init(|| address);
                    tasks.core.spawn(serving);
                }
                Err(error) => {
                    drop(tasks);
                    node.shutdown().await;
                    return Err(error.into());
                }
            }
        }
        for role in roles {
            tasks.roles.spawn(role(node.clone()));
        }
        drop(tasks);
        Ok(node)
    }
}

/// What lies in the folder.
struct Base {
    keys: Arc<NodeKey>,
    database: Arc<NodeDatabase>,
    ledger: Arc<Ledger>,
    artefacts: Arc<ArtefactStore>,
    log: EventLog,
}

impl Base {
    async fn open(folder: &Path, genesis: Genesis, chain: &dyn Chain) -> Result<Self, StartError> {
        let chain_genesis = chain.head().await?.genesis;
        let folder: PathBuf = folder.to_path_buf();
        let open = move || {
            let keys = Arc::new(NodeKey::open(folder.join(KEY_FILE))?);
            let database = Arc::new(NodeDatabase::open(folder.join(DATABASE_FILE))?);
            let ledger = Arc::new(Ledger::open(&database, &genesis, chain_genesis)?);
            let artefacts = Arc::new(ArtefactStore::open(folder.join(ARTEFACT_FOLDER))?);
            let log = EventLog::open(folder.join(LOG_FILE))?;
            Ok(Self { keys, database, ledger, artefacts, log })
        };
        tokio::task::spawn_blocking(open).await.map_err(|_| StartError::Interrupted)?
    }
}

/// What the tasks of a node read from.
struct Running {
    chain: Arc<dyn Chain>,
    events: mpsc::Receiver<NetworkEvent>,
}

/// Connects the parts and starts their tasks.
fn assemble(
    base: Base,
    network: Network,
    mempool: Arc<Mempool>,
    running: Running,
) -> Result<NodeHandle, StartError> {
    let Base { keys, database, ledger, artefacts, log } = base;
    let Running { chain, events } = running;
    let genesis = ledger.genesis();
    let intents = Arc::new(Intents::on(database, Arc::clone(&keys), genesis)?);
    let (heads_sender, heads) = watch::channel(ledger.head()?);
    let (settled_sender, settled) = watch::channel(0);
    let (best_sender, best) = watch::channel(0);
    let (wake, stop) = (Arc::new(Notify::new()), Stop::new());
    let mut tasks = Tasks::default();
    let intake = Intake {
        chain: Arc::clone(&chain),
        ledger: Arc::clone(&ledger),
        mempool: Arc::clone(&mempool),
        heads: heads_sender,
        best: best_sender,
    };
    let producer = Producer {
        account: keys.account(),
        genesis,
        chain,
        mempool: Arc::clone(&mempool),
        state: state_source(&ledger),
    };
    let outbox = Outbox {
        intents: Arc::clone(&intents),
        ledger: Arc::clone(&ledger),
        mempool: Arc::clone(&mempool),
        network: network.clone(),
        heads: heads.clone(),
        wake: Arc::clone(&wake),
        settled: settled_sender,
    };
    let failing = stop.clone();
    tasks.core.spawn(until(stop.clone(), async move {
        if let Err(error) = intake.run().await {
            tracing::error!(%error, "the node stops acting");
            failing.set(StopReason::Failed(Arc::new(error)));
        }
    }));
    tasks.core.spawn(until(stop.clone(), producer.run(best)));
    tasks.core.spawn(until(stop.clone(), outbox.run()));
    let gossip = listen(network.clone(), events, Arc::clone(&mempool), Arc::clone(&wake));
    tasks.core.spawn(gossip);
    let tasks = Mutex::new(tasks);
    let shared = Shared {
        keys,
        ledger,
        heads,
        artefacts,
        log,
        network,
        mempool,
        intents,
        wake,
        settled,
        stop,
        rpc_address: OnceLock::new(),
        tasks,
    };
    Ok(NodeHandle { shared: Arc::new(shared) })
}

impl NodeHandle {
    /// Waits until every task has ended, after the stop was given.
    pub(super) async fn rest(&self) {
        let mut tasks = self.shared.tasks.lock().await;
        let roles = async { while tasks.roles.join_next().await.is_some() {} };
        if tokio::time::timeout(ROLE_PATIENCE, roles).await.is_err() {
            tracing::warn!(
                "roles did not end in time and are dropped; they resume at the next start"
            );
            tasks.roles.shutdown().await;
        }
        // Ends the task that listens to it.
        self.shared.network.shutdown().await;
        while tasks.core.join_next().await.is_some() {}
    }
}

/// Runs `task` until it ends or the stop is given.
async fn until(stop: Stop, task: impl Future<Output = ()>) {
    tokio::select! {
        _ = stop.wait() => {}
        () = task => {}
    }
}

fn state_source(ledger: &Arc<Ledger>) -> StateSource {
    let ledger = Arc::clone(ledger);
    Arc::new(move || ledger.view())
}

/// The name under which nodes of this network find each other.
fn network_id(genesis: GenesisHash) -> String {
    // Eight bytes tell networks apart; the name travels in every negotiation.
    let short: String = genesis.to_string().chars().take(16).collect();
    format!("aipot-{short}")
}
