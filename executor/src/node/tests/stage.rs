//! The stage: a development chain in memory and nodes on it, each with its own folder and runtime, so
//! that dropping one is as sudden as killing a process.

use std::sync::Arc;
use std::time::Duration;

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::genesis::Genesis;
use aipot_domain_runtime::primitives::{AccountId, Amount};
use aipot_domain_runtime::state::read_record;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::chain::development::{DevelopmentChain, DevelopmentConfiguration, FINALITY_DEPTH};
use crate::domain_rpc::RpcSettings;
use crate::intake::fixture::key;
use crate::network::Multiaddr;
use crate::node::{
    CallOutcome, DomainHead, KEY_FILE, Node, NodeConfiguration, NodeError, NodeHandle, StartError,
};

/// No step takes this long, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Blocks in which anything that happens at all has happened.
const BLOCKS_MAX: u32 = 400;

/// A node that can be killed.
pub(super) struct Actor {
    pub(super) runtime: Runtime,
    pub(super) node: NodeHandle,
    pub(super) folder: TempDir,
}

impl Actor {
    /// Stops at once, in the middle of whatever it does, and leaves the folder.
    pub(super) fn kill(self) -> TempDir {
        let Self { runtime, node, folder } = self;
        drop(node);
        drop(runtime);
        folder
    }

    pub(super) fn stop(self) -> TempDir {
        self.runtime.block_on(self.node.shutdown());
        self.kill()
    }

    pub(super) fn head(&self) -> DomainHead {
        *self.node.heads().borrow()
    }

    pub(super) fn account(&self, id: AccountId) -> Account {
        read_record(self.node.state().as_ref(), &id).unwrap().unwrap_or_default()
    }

    /// Calls in the background.
    pub(super) fn call(
        &self,
        intent: &str,
        call: Call,
    ) -> JoinHandle<Result<CallOutcome, NodeError>> {
        let (node, intent) = (self.node.clone(), intent.to_owned());
        self.runtime.spawn(async move { node.call(&intent, call).await })
    }

    pub(super) fn wait_for_block(&self, number: u32) {
        let mut heads = self.node.heads();
        let reached = async { heads.wait_for(|head| head.block.0 >= number).await.map(drop) };
        self.within(reached).unwrap();
    }

    /// Waits until `count` calls wait in the pool.
    pub(super) fn wait_for_calls(&self, count: usize) {
        let mut arrivals = self.node.mempool().arrivals();
        self.within(async {
            while self.node.mempool().lock().len() < count {
                arrivals.changed().await.unwrap();
            }
        });
    }

    pub(super) fn within<T>(&self, future: impl Future<Output = T>) -> T {
        let patient = async { tokio::time::timeout(PATIENCE, future).await };
        self.runtime.block_on(patient).expect("it happens in time")
    }

    fn address(&self) -> Multiaddr {
        let network = self.node.network();
        let own = format!("{}/p2p/{}", network.listen_addresses()[0], network.local_peer_id());
        own.parse().unwrap()
    }
}

/// The chain and the network's genesis.
pub(super) struct Stage {
    pub(super) chain: DevelopmentChain,
    pub(super) genesis: Genesis,
}

impl Stage {
    pub(super) fn new(genesis: Genesis) -> Self {
        let configuration = DevelopmentConfiguration::new(vec![1], [2; 32]);
        Self { chain: DevelopmentChain::in_memory(configuration).unwrap(), genesis }
    }

    /// Starts the node of account `number` in a fresh folder.
    pub(super) fn node(&self, number: u8, peers: &[&Actor]) -> Actor {
        let folder = tempfile::tempdir().unwrap();
        key(number).keep(folder.path().join(KEY_FILE)).unwrap();
        self.node_in(folder, peers)
    }

    /// Starts the node whose folder this is.
    pub(super) fn node_in(&self, folder: TempDir, peers: &[&Actor]) -> Actor {
        let mut configuration = self.configuration(&folder);
        configuration.network.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        configuration.network.bootstrap = peers.iter().map(|peer| peer.address()).collect();
        configuration.rpc = Some(RpcSettings::default());
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(Node::start(configuration)).unwrap();
        Actor { runtime, node, folder }
    }

    pub(super) fn refusal_in(&self, folder: &TempDir) -> StartError {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(Node::start(self.configuration(folder))).unwrap_err()
    }

    fn configuration(&self, folder: &TempDir) -> NodeConfiguration {
        NodeConfiguration::new(folder.path(), self.genesis.clone(), Arc::new(self.chain.clone()))
    }

    /// Makes a block and waits until `actors` have applied everything final.
    pub(super) fn step(&self, actors: &[&Actor]) {
        let block = self.chain.produce_block().unwrap();
        let finalized = block.number.saturating_sub(FINALITY_DEPTH);
        for actor in actors {
            actor.wait_for_block(finalized);
        }
    }

    /// Makes blocks until the call is over.
    pub(super) fn until_over(
        &self,
        actors: &[&Actor],
        call: JoinHandle<Result<CallOutcome, NodeError>>,
    ) -> CallOutcome {
        self.until(actors, || call.is_finished());
        actors[0].within(call).unwrap().unwrap()
    }

    /// Makes blocks until `is_reached`.
    pub(super) fn until(&self, actors: &[&Actor], is_reached: impl Fn() -> bool) {
        for _ in 0..BLOCKS_MAX {
            if is_reached() {
                return;
            }
            self.step(actors);
        }
        panic!("it has not come to that after {BLOCKS_MAX} blocks");
    }
}

pub(super) fn transfer(to: u8, amount: Amount) -> Call {
    Call::Transfer { to: key(to).account(), amount }
}
