//! Sees promised calls through: keeps them in the pool, tells peers of them, and notes what became of them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::intents::{Intents, PendingIntent};
use super::{DomainHead, NodeError};
use crate::intake::ledger::Ledger;
use crate::network::{Network, PublishOutcome};
use crate::pool::admission::AdmissionError;
use crate::pool::mempool::Mempool;
use crate::pool::{CallHash, PoolError};

/// Blocks after which peers are told of a call again: with half a second between blocks just beyond the time
/// for which they remember messages.
const TELL_AGAIN_BLOCKS: u32 = 41;

/// The task that sees calls through.
pub(super) struct Outbox {
    pub(super) intents: Arc<Intents>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) mempool: Arc<Mempool>,
    pub(super) network: Network,
    pub(super) heads: watch::Receiver<DomainHead>,
    /// Woken when there is a call to send or a peer to tell.
    pub(super) wake: Arc<Notify>,
    /// Counted up whenever outcomes have been noted.
    pub(super) settled: watch::Sender<u64>,
}

impl Outbox {
    /// Works at each block and whenever it is woken, until blocks end.
    pub(super) async fn run(mut self) {
        let mut told = HashMap::new();
        loop {
            let head = *self.heads.borrow_and_update();
            match self.settle(head).await {
                Ok(()) => self.settled.send_modify(|count| *count = count.wrapping_add(1)),
                Err(error) => tracing::error!(%error, "cannot see calls through; trying again"),
            }
            self.tell(&mut told, head.block.0).await;
            tokio::select! {
                changed = self.heads.changed() => if changed.is_err() { return },
                () = self.wake.notified() => {}
            }
        }
    }

    /// Notes the outcomes of calls and puts those under way into the pool.
    async fn settle(&self, head: DomainHead) -> Result<(), NodeError> {
        let (intents, ledger) = (Arc::clone(&self.intents), Arc::clone(&self.ledger));
        let mempool = Arc::clone(&self.mempool);
        let work = move || {
            intents.settle(ledger.view().as_ref(), ledger.index(), head)?;
            intents.pending()?.into_iter().for_each(|intent| admit(&mempool, intent));
            Ok(())
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| NodeError::Interrupted)?
    }

    /// Tells peers of this node's calls that they may not know. `told` says at which block they heard.
    async fn tell(&self, told: &mut HashMap<CallHash, u32>, block: u32) {
        let calls = self.mempool.local_calls();
        told.retain(|hash, _| calls.iter().any(|(waiting, _)| waiting == hash));
        for (hash, call) in calls {
            let heard = told.get(&hash);
            if heard.is_some_and(|heard| block.saturating_sub(*heard) < TELL_AGAIN_BLOCKS) {
                continue;
            }
            match self.network.publish(call).await {
                Ok(PublishOutcome::Published { .. } | PublishOutcome::Duplicate { .. }) => {
                    told.insert(hash, block);
                }
                Ok(outcome) => tracing::debug!(%hash, ?outcome, "nobody heard of the call yet"),
                Err(error) => tracing::warn!(%hash, %error, "cannot tell peers of the call"),
            }
        }
    }
}

fn admit(mempool: &Mempool, intent: PendingIntent) {
    let PendingIntent { name, call, .. } = intent;
    match mempool.admit_promised(call) {
        Ok(_) | Err(AdmissionError::Pool(PoolError::Known { .. })) => {}
        Err(error) => tracing::warn!(intent = name, %error, "a call waits outside the pool"),
    }
}
