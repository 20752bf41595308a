//! Real nodes in one process: chain, disk, loopback network and roles, through a whole order.

use std::sync::Arc;
use std::time::Duration;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::outcome::Outcome;
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{Amount, OrderId};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::state::read_record;
use aipot_domain_runtime::window::Windows;
use parity_scale_codec::Encode;
use tempfile::TempDir;

use super::super::{RolesConfiguration, client, starter};
use super::world::parameters;
use super::{digits_order, paid, sorted};
use crate::chain::development::{DevelopmentChain, DevelopmentConfiguration, every, produce_on};
use crate::configuration::StrategySettings;
use crate::keystore::NodeKey;
use crate::node::{
    CallOutcome, KEY_FILE, NetworkSettings, Node, NodeConfiguration, NodeHandle, StartError,
};
use crate::store::DatabaseError;
use crate::worker::{Worker, WorkerConfiguration};

/// Time between blocks: short, for the test waits for some 200 of them.
const BLOCK_TIME: Duration = Duration::from_millis(100);

/// Blocks between two restarts: more than a call takes, so that there is progress.
const RESTART_BLOCKS: u32 = 25;

/// Times that a folder may still be in use by threads of a node that was shut down.
const FOLDER_TRIES_MAX: u32 = 50;

/// Everything must be over by then.
const TIME_MAX: Duration = Duration::from_mins(4);

const WINDOWS: Windows = Windows {
    open: 4,
    train: 40,
    reveal: 20,
    availability: 24,
    test_reveal: 20,
    evaluation_commit: 30,
    evaluation_reveal: 20,
    challenge: 20,
    challenge_extension: 24,
};

const CLIENT: Roles = Roles { provider: false, validator: false };
const PROVIDER: Roles = Roles { provider: true, validator: false };
const VALIDATOR: Roles = Roles { provider: false, validator: true };
const CAST: [Roles; 6] = [CLIENT, PROVIDER, PROVIDER, VALIDATOR, VALIDATOR, VALIDATOR];

struct Network {
    folders: Vec<TempDir>,
    genesis: Genesis,
    chain: DevelopmentChain,
}

impl Network {
    fn new() -> Self {
        let folders: Vec<TempDir> = CAST.iter().map(|_| TempDir::new().unwrap()).collect();
        let accounts = (1_u8..).zip(&folders).zip(CAST).map(|((seed, folder), roles)| {
            let key = NodeKey::from_seed([seed; 32]);
            key.keep(folder.path().join(KEY_FILE)).unwrap();
            let is_operator = roles != CLIENT;
            GenesisAccount {
                id: key.account(),
                free: Amount::tokens(1_000),
                operator: is_operator.then_some((Amount::tokens(100), roles)),
            }
        });
        let accounts = accounts.collect::<Vec<_>>();
        let mut parameters = parameters();
        parameters.order_limits.window_max_blocks = 100;
        parameters.order_limits.settlement_max_blocks = 1_000;
        parameters.stake_withdrawal_blocks = 1_000;
        let genesis = Genesis {
            name: BoundedVec::try_from(b"live".to_vec()).unwrap(),
            parameters,
            accounts: BoundedVec::try_from(accounts).unwrap(),
        };
        let configuration = DevelopmentConfiguration::new(genesis.encode(), [1; 32]);
        let chain = DevelopmentChain::in_memory(configuration).unwrap();
        tokio::spawn(produce_on(chain.clone(), every(BLOCK_TIME)));
        Self { folders, genesis, chain }
    }

    /// Starts a node, as soon as the threads of its last run have let go of its folder.
    async fn start(&self, place: usize, bootstrap: Option<&NodeHandle>) -> NodeHandle {
        for _ in 0..FOLDER_TRIES_MAX {
            match Node::start(self.configuration(place, bootstrap)).await {
                Err(StartError::Database(DatabaseError::InUse { .. })) => {
                    tokio::time::sleep(BLOCK_TIME).await;
                }
                started => return started.unwrap(),
            }
        }
        panic!("the folder of node {place} stays in use");
    }

    fn configuration(&self, place: usize, bootstrap: Option<&NodeHandle>) -> NodeConfiguration {
        let folder = self.folders[place].path().to_path_buf();
        let worker = Worker::new(WorkerConfiguration {
            folder: folder.clone(),
            threads: 1,
            memory_bytes: 1 << 30,
            jobs_max: 2,
            more_devices: Vec::new(),
            checkpoint_steps: 20,
            checkpoint_time: Duration::from_secs(1),
            strategy: StrategySettings::default(),
        });
        let roles =
            RolesConfiguration { folder: folder.clone(), roles: CAST[place], inclusion_blocks: 12 };
        let chain = Arc::new(self.chain.clone());
        let mut configuration = NodeConfiguration::new(folder, self.genesis.clone(), chain);
        let bootstrap = bootstrap.map(|node| {
            let address = node.network().listen_addresses().remove(0);
            address.with_p2p(node.network().local_peer_id()).unwrap()
        });
        configuration.network = NetworkSettings {
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            bootstrap: bootstrap.into_iter().collect(),
            ..NetworkSettings::default()
        };
        configuration.roles = vec![starter(worker, roles)];
        configuration
    }
}

/// Waits for the settlement, and restarts a provider and a validator again and again until then.
async fn settle(network: &Network, nodes: &mut Vec<NodeHandle>, order: &OrderId) -> Outcome {
    let mut heads = nodes[0].heads();
    let mut last_restart = 0;
    loop {
        heads.changed().await.unwrap();
        let block = heads.borrow_and_update().block.0;
        let record = read_record::<OrderRecord>(nodes[0].state().as_ref(), order).unwrap();
        if let Some(outcome) = record.unwrap().outcome {
            return outcome;
        }
        if block < last_restart + RESTART_BLOCKS {
            continue;
        }
        last_restart = block;
        for place in [1, 3] {
            let stopped = nodes.remove(place);
            stopped.shutdown().await;
            drop(stopped);
            let started = network.start(place, Some(&nodes[0])).await;
            nodes.insert(place, started);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_nodes_carry_an_order_to_its_payout_though_a_provider_and_a_validator_restart() {
    let network = Network::new();
    let mut nodes = vec![network.start(0, None).await];
    for place in 1..CAST.len() {
        nodes.push(network.start(place, Some(&nodes[0])).await);
    }
    let mut order = digits_order(500, 100, 1);
    order.specification.windows = WINDOWS;
    let id = order.specification.id();
    client::remember(network.folders[0].path(), &id, &order.salt, &order.test).unwrap();
    nodes[0].artefacts().put(&order.train).unwrap();
    let call = Call::SubmitOrder { specification: order.specification.clone() };
    let submitted = nodes[0].call("submit", call).await.unwrap();
    assert!(matches!(submitted, CallOutcome::Accepted { .. }), "{submitted:?}");

    let settlement = settle(&network, &mut nodes, &id);
    let outcome = tokio::time::timeout(TIME_MAX, settlement).await.unwrap();
    assert_eq!(paid(&outcome, PayoutRole::Winner).len(), 1, "{outcome:?}");
    assert_eq!(paid(&outcome, PayoutRole::RunnerUp).len(), 1, "{outcome:?}");
    let validators = sorted(nodes[3..].iter().map(NodeHandle::account).collect());
    assert_eq!(paid(&outcome, PayoutRole::Validator), validators);
    for node in nodes {
        node.shutdown().await;
    }
}
