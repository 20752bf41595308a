//! The handle on a running node.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, GenesisHash, OrderId, Salt};
use aipot_domain_runtime::state::ReadState;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use super::intents::{Intents, Status};
use super::stop::{Stop, StopReason};
use super::{CallOutcome, DomainHead, NodeError};
use crate::intake::index::EVENTS_MAX;
use crate::intake::ledger::Ledger;
use crate::keystore::NodeKey;
use crate::network::{FetchError, FetchRequest, Network};
use crate::pool::mempool::Mempool;
use crate::store::EventLog;
use crate::store::artefacts::{ArtefactStore, ContentHash};

/// A running node. Clones are the same node.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(super) shared: Arc<Shared>,
}

/// What all clones of a handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) keys: Arc<NodeKey>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) heads: watch::Receiver<DomainHead>,
    pub(super) artefacts: Arc<ArtefactStore>,
    pub(super) log: EventLog,
    pub(super) network: Network,
    pub(super) mempool: Arc<Mempool>,
    pub(super) intents: Arc<Intents>,
    /// Wakes the task that sends calls.
    pub(super) wake: Arc<Notify>,
    /// Changes whenever outcomes of calls have been noted.
    pub(super) settled: watch::Receiver<u64>,
    pub(super) stop: Stop,
    pub(super) rpc_address: OnceLock<SocketAddr>,
    pub(super) tasks: Mutex<Tasks>,
}

/// Everything that runs for a node.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub(super) roles: JoinSet<()>,
    pub(super) core: JoinSet<()>,
}

impl NodeHandle {
    /// The account that this node signs for.
    pub fn account(&self) -> AccountId {
        self.shared.keys.account()
    }

    /// The network this node belongs to.
    pub fn genesis(&self) -> GenesisHash {
        self.shared.ledger.genesis()
    }

    /// Where the domain stands, and a wake-up whenever it moves.
    pub fn heads(&self) -> watch::Receiver<DomainHead> {
        self.shared.heads.clone()
    }

    /// The state after the last applied block. It stays that while it is held, and should be dropped soon:
    /// it keeps the database from recovering when the disk was full.
    pub fn state(&self) -> Arc<dyn ReadState + Send + Sync> {
        self.shared.ledger.view()
    }

    /// Everything that happened to an order, in order, with the block it happened in.
    ///
    /// # Errors
    /// [`NodeError::Database`] when the disk fails.
    pub fn events(&self, order: &OrderId) -> Result<Vec<(BlockNumber, Event)>, NodeError> {
        let events = self.shared.ledger.index().events(order, None, EVENTS_MAX)?;
        Ok(events.into_iter().map(|((block, _), event)| (block, event)).collect())
    }

    /// Sees `call` through to its final outcome, exactly once for each `intent`.
    ///
    /// The first time the call takes the account's next nonce and is signed and written down under
    /// `intent` before anybody sees it. Whenever the same intent is asked for again, also after a
    /// crash, the same signed bytes are sent, so that it never happens twice. Dropping the future
    /// does not take the call back.
    ///
    /// # Errors
    /// [`NodeError`]; the outcome is then unknown and the same intent can be asked for again.
    pub async fn call(&self, intent: &str, call: Call) -> Result<CallOutcome, NodeError> {
        let mut settled = self.shared.settled.clone();
        if let Status::Final(outcome) = self.begin(intent, call).await? {
            return Ok(outcome);
        }
        self.shared.wake.notify_one();
        loop {
            settled.mark_unchanged();
            if let Some(Status::Final(outcome)) = self.shared.intents.status(intent)? {
                return Ok(outcome);
            }
            tokio::select! {
                reason = self.stopped() => return Err(NodeError::Stopped { reason }),
                changed = settled.changed() => changed.map_err(|_| self.ended())?,
            }
        }
    }

    /// A secret of this node for one purpose: the same after a restart, unknown to everybody else.
    pub fn salt(&self, purpose: &str) -> Salt {
        self.shared.keys.salt(&self.genesis(), purpose)
    }

    /// Models, data and traces that are here.
    pub fn artefacts(&self) -> &ArtefactStore {
        &self.shared.artefacts
    }

    /// Brings an artefact of at most `byte_limit` bytes here; returns at once when it is here.
    ///
    /// # Errors
    /// [`FetchError`]; all but `TooLarge` may go well at another time.
    pub async fn fetch(&self, hash: ContentHash, byte_limit: u64) -> Result<(), FetchError> {
        let request = FetchRequest { hash, bytes_max: byte_limit, providers: Vec::new() };
        let artefacts = Arc::clone(&self.shared.artefacts);
        self.shared.network.fetch_artefact(request, artefacts).await.map(drop)
    }

    /// What roles have written down to resume from.
    pub fn log(&self) -> &EventLog {
        &self.shared.log
    }

    /// The network, for announcements and for addresses.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }

    /// Where remote procedure calls are answered, `None` when they are not.
    pub fn rpc_address(&self) -> Option<SocketAddr> {
        self.shared.rpc_address.get().copied()
    }

    /// Calls that wait for the chain.
    pub fn mempool(&self) -> &Arc<Mempool> {
        &self.shared.mempool
    }

    /// The domain on disk: blocks, proofs and what can be looked up.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// Waits until the node stops acting, and says why.
    pub async fn stopped(&self) -> StopReason {
        self.shared.stop.wait().await
    }

    /// Stops the node: roles end their work, then everything else does. Returns when all is at rest.
    pub async fn shutdown(&self) {
        self.shared.stop.set(StopReason::Requested);
        self.rest().await;
    }

    /// Tells peers of a call that was just taken into the pool.
    pub(crate) fn send_local_calls(&self) {
        self.shared.wake.notify_one();
    }

    /// Why the task that notes outcomes has ended.
    fn ended(&self) -> NodeError {
        let reason = self.shared.stop.reason();
        reason.map_or(NodeError::Interrupted, |reason| NodeError::Stopped { reason })
    }

    async fn begin(&self, intent: &str, call: Call) -> Result<Status, NodeError> {
        if let Some(reason) = self.shared.stop.reason() {
            return Err(NodeError::Stopped { reason });
        }
        let (shared, intent) = (Arc::clone(&self.shared), intent.to_owned());
        let begin = move || {
            let head = *shared.heads.borrow();
            shared.intents.begin(&intent, call, shared.ledger.view().as_ref(), head)
        };
        tokio::task::spawn_blocking(begin).await.map_err(|_| NodeError::Interrupted)?
    }
}
