//! The handle on a running node.

use std::sync::Arc;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, GenesisHash, OrderId, Salt};
use aipot_domain_runtime::state::ReadState;
use tokio::sync::watch;

use super::{CallOutcome, DomainHead, NodeError};
use crate::network::{FetchError, FetchRequest, Network};
use crate::store::artefacts::{ArtefactStore, ContentHash};

/// Separates the secrets of this node's commitments from every other use of its key.
const SALT_CONTEXT: &str = "aipot node salt v1";

/// A running node. Clones are the same node.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    shared: Arc<Shared>,
}

/// What all clones of a handle share.
pub(crate) struct Shared {
    account: AccountId,
    genesis: GenesisHash,
    seed: [u8; 32],
    heads: watch::Receiver<DomainHead>,
    state: Arc<dyn ReadState + Send + Sync>,
    artefacts: Arc<ArtefactStore>,
    network: Network,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Node").field("account", &self.account).finish_non_exhaustive()
    }
}

impl NodeHandle {
    /// The account that this node signs for.
    pub fn account(&self) -> AccountId {
        self.shared.account
    }

    /// The network this node belongs to.
    pub fn genesis(&self) -> GenesisHash {
        self.shared.genesis
    }

    /// Where the domain stands, and a wake-up whenever it moves.
    pub fn heads(&self) -> watch::Receiver<DomainHead> {
        self.shared.heads.clone()
    }

    /// The state after the last applied block; it stays that state while it is held.
    pub fn state(&self) -> Arc<dyn ReadState + Send + Sync> {
        Arc::clone(&self.shared.state)
    }

    /// Everything that happened to an order, in order, with the block it happened in.
    ///
    /// # Errors
    /// [`NodeError`] when the disk fails.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "completed with the intake")]
    pub fn events(&self, _order: &OrderId) -> Result<Vec<(BlockNumber, Event)>, NodeError> {
        Ok(Vec::new())
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
    #[expect(clippy::unused_async, clippy::unused_self, reason = "completed with the pool")]
    pub async fn call(&self, _intent: &str, _call: Call) -> Result<CallOutcome, NodeError> {
        Err(NodeError::Stopped)
    }

    /// A secret of this node for one purpose: the same after a restart, unknown to everybody else.
    pub fn salt(&self, purpose: &str) -> Salt {
        let mut hasher = blake3::Hasher::new_derive_key(SALT_CONTEXT);
        hasher.update(&self.shared.seed).update(&self.shared.genesis.0).update(purpose.as_bytes());
        Salt(*hasher.finalize().as_bytes())
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

    /// The network, for announcements and for addresses.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }
}
