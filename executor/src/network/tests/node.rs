//! A network with a store and its events, for tests that wait for things to happen.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::network::{
    ArtefactSource, FetchError, FetchRequest, Fetched, GossipId, IdentitySeed, Multiaddr, Network,
    NetworkConfiguration, NetworkEvent, NetworkLimits, PeerId, PublishOutcome,
};
use crate::store::artefacts::{ArtefactStore, ContentHash};

/// Longest a test waits for anything: far above what anything takes, even on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Node {
    pub(super) network: Network,
    pub(super) events: mpsc::Receiver<NetworkEvent>,
    pub(super) store: Arc<ArtefactStore>,
    _folder: TempDir,
}

/// The configuration of node `seed`: TCP on any port of loopback.
pub(super) fn configuration(seed: u8, bootstrap: &[Multiaddr]) -> NetworkConfiguration {
    NetworkConfiguration {
        identity: IdentitySeed::new([seed; 32]),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: bootstrap.to_vec(),
        network_id: "test".parse().unwrap(),
        limits: NetworkLimits::default(),
    }
}

impl Node {
    pub(super) async fn start(seed: u8, bootstrap: &[Multiaddr]) -> Self {
        Self::start_with(configuration(seed, bootstrap)).await
    }

    pub(super) async fn start_with(configuration: NetworkConfiguration) -> Self {
        Self::start_serving(configuration, |store| store).await
    }

    /// Starts a node that serves what `source` makes of its store.
    pub(super) async fn start_serving<Source: ArtefactSource>(
        configuration: NetworkConfiguration,
        source: impl FnOnce(Arc<ArtefactStore>) -> Arc<Source>,
    ) -> Self {
        // With RUST_LOG a test tells what happened in it; the first of a process sets it up for all.
        tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).try_init().ok();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(ArtefactStore::open(folder.path()).unwrap());
        let source = source(store.clone());
        let (network, events) = Network::start(configuration, source).await.unwrap();
        Self { network, events, store, _folder: folder }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.network.local_peer_id()
    }

    /// Where this node can be dialed.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        let named = |address: Multiaddr| address.with_p2p(self.peer()).unwrap();
        self.network.listen_addresses().into_iter().map(named).collect()
    }

    /// The first event that `pick` makes something of.
    pub(super) async fn wait<T>(&mut self, mut pick: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        let found = async {
            let mut found = None;
            while found.is_none() {
                found = pick(self.events.recv().await.expect("the network ended"));
            }
            found.expect("the loop ends when it is found")
        };
        tokio::time::timeout(PATIENCE, found).await.expect("nothing of the kind happened")
    }

    pub(super) async fn wait_for_gossip(&mut self) -> (Vec<u8>, PeerId, GossipId) {
        self.wait(|event| match event {
            NetworkEvent::Gossip { payload, source, id } => Some((payload, source, id)),
            _ => None,
        })
        .await
    }

    pub(super) async fn wait_for_peers(&self, peer_count: usize) {
        let waited = tokio::time::timeout(PATIENCE, self.network.wait_for_peers(peer_count));
        waited.await.expect("the peers did not come").unwrap();
    }

    /// Waits until so many peers listen to gossip.
    pub(super) async fn wait_for_listeners(&mut self, peer_count: usize) {
        for _ in 0..peer_count {
            self.wait(|event| matches!(event, NetworkEvent::PeerSubscribed { .. }).then_some(()))
                .await;
        }
    }

    pub(super) async fn publish(&self, payload: &[u8]) {
        let outcome = self.network.publish(payload.to_vec()).await.unwrap();
        assert!(matches!(outcome, PublishOutcome::Published { .. }), "{outcome:?}");
    }

    pub(super) async fn fetch(&self, hash: ContentHash) -> Result<Fetched, FetchError> {
        let request = FetchRequest { hash, bytes_max: 64 << 20, providers: Vec::new() };
        let fetch = self.network.fetch_artefact(request, self.store.clone());
        tokio::time::timeout(PATIENCE, fetch).await.expect("the transfer did not end")
    }
}

/// Bytes that look random and are always the same.
pub(super) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"artefact").finalize_xof().fill(&mut bytes);
    bytes
}
