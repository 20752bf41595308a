//! What the network brings: calls for the pool, and peers to tell about ours.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::network::{GossipId, Network, NetworkEvent};
use crate::pool::admission::verdict;
use crate::pool::mempool::Mempool;

/// Events taken at once, so that signatures are checked in parallel: some milliseconds of work.
const EVENTS_AT_ONCE_MAX: usize = 64;

/// Takes what peers send until the network is shut down. `listening` is woken when a peer can be told of
/// calls.
pub(super) async fn listen(
    network: Network,
    mut events: mpsc::Receiver<NetworkEvent>,
    mempool: Arc<Mempool>,
    listening: Arc<Notify>,
) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, EVENTS_AT_ONCE_MAX).await > 0 {
        let mut calls = Vec::new();
        let mut ids = Vec::new();
        for event in batch.drain(..) {
            match event {
                NetworkEvent::Gossip { payload, id, .. } => {
                    calls.push(payload);
                    ids.push(id);
                }
                NetworkEvent::PeerConnected { peer } => tracing::info!(%peer, "peer connected"),
                // Only now can it be told anything.
                NetworkEvent::PeerSubscribed { peer } => {
                    tracing::debug!(%peer, "peer listens");
                    listening.notify_one();
                }
                NetworkEvent::PeerDisconnected { peer } => tracing::info!(%peer, "peer gone"),
                NetworkEvent::Unreachable { address, reason, retry_in } => {
                    let retry_ms = retry_in.map(|pause| pause.as_millis());
                    tracing::debug!(%address, %reason, ?retry_ms, "peer cannot be reached");
                }
                NetworkEvent::Listening { address } => tracing::info!(%address, "listening"),
            }
        }
        admit(&network, &mempool, calls, ids).await;
    }
}

async fn admit(network: &Network, mempool: &Arc<Mempool>, calls: Vec<Vec<u8>>, ids: Vec<GossipId>) {
    if calls.is_empty() {
        return;
    }
    let mempool = Arc::clone(mempool);
    let Ok(outcomes) = tokio::task::spawn_blocking(move || mempool.admit_gossip(calls)).await
    else {
        tracing::error!("checking calls was interrupted; the network forgets them in some seconds");
        return;
    };
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        if let Err(error) = &outcome {
            tracing::debug!(%id, %error, "call not taken from a peer");
        }
        if network.verdict(id, verdict(&outcome)).await.is_err() {
            return;
        }
    }
}
