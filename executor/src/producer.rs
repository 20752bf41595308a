//! Bundling: at each block one operator, in turn, hands what its pool holds to the chain.
//!
//! Nothing depends on a turn being kept: a call that has waited a whole rotation is bundled by whoever sees
//! it, and a call that stands in two bundles counts once.

use std::sync::Arc;

use aipot_domain_runtime::operator::{OperatorAt, OperatorCount};
use aipot_domain_runtime::primitives::{AccountId, GenesisHash};
use aipot_domain_runtime::state::{Fault, ReadState, read_record};
use tokio::sync::watch;

use crate::bundle::Bundle;
use crate::chain::{BUNDLE_BYTES_MAX, Chain, ChainError};
use crate::pool::mempool::{Mempool, StateSource};

/// Blocks after which anybody bundles a call, however many operators there are: four times the finality of
/// the development chain, so that a node that is slow to answer keeps its turn.
pub const PATIENCE_BLOCKS_MAX: u32 = 8;

/// Bundles handed in at once; with five of the longest in a block one operator does not fill it.
const BUNDLES_MAX: usize = 4;

/// How long a call must have waited to be bundled by this node at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is this node's turn: everything that waits.
    Ours,
    /// It is somebody else's: what has waited this many blocks.
    Overdue {
        /// Blocks waited at least.
        waited_blocks_min: u32,
    },
}

impl Turn {
    /// Blocks that a call must have waited.
    pub fn waited_blocks_min(self) -> u32 {
        match self {
            Self::Ours => 0,
            Self::Overdue { waited_blocks_min } => waited_blocks_min,
        }
    }
}

/// Whose turn it is at block `number` of the consensus chain: operators take turns in the order of their
/// registration.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn turn(state: &dyn ReadState, account: &AccountId, number: u32) -> Result<Turn, Fault> {
    let count = read_record::<OperatorCount>(state, &())?.unwrap_or_default().0;
    let Some(place) = number.checked_rem(count) else {
        return Ok(Turn::Overdue { waited_blocks_min: 0 });
    };
    let next = read_record::<OperatorAt>(state, &place)?;
    if next.is_some_and(|next| next.0 == *account) {
        return Ok(Turn::Ours);
    }
    Ok(Turn::Overdue { waited_blocks_min: count.min(PATIENCE_BLOCKS_MAX) })
}

/// Packs calls, in their order, into at most `BUNDLES_MAX` bundles.
pub fn pack(network: GenesisHash, calls: Vec<Vec<u8>>) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for call in calls {
        let has_room = bundles.last_mut().is_some_and(|bundle| bundle.push(call.clone()));
        if has_room {
            continue;
        }
        if bundles.len() == BUNDLES_MAX {
            break;
        }
        let mut bundle = Bundle::new(network);
        if bundle.push(call) {
            bundles.push(bundle);
        }
    }
    bundles
}

/// The task that bundles.
pub struct Producer {
    /// Whose turns these are.
    pub account: AccountId,
    /// Whose calls.
    pub genesis: GenesisHash,
    /// Where bundles go.
    pub chain: Arc<dyn Chain>,
    /// Where calls come from.
    pub mempool: Arc<Mempool>,
    /// Who the operators are.
    pub state: StateSource,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Producer").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Producer {
    /// Bundles at each block that `best` tells of, until there are no more.
    pub async fn run(self, mut best: watch::Receiver<u32>) {
        while best.changed().await.is_ok() {
            let number = *best.borrow_and_update();
            match turn((self.state)().as_ref(), &self.account, number) {
                Ok(turn) => self.bundle(turn).await,
                Err(error) => tracing::error!(%error, number, "cannot tell whose turn it is"),
            }
        }
    }

    async fn bundle(&self, turn: Turn) {
        let bytes_max = BUNDLES_MAX * BUNDLE_BYTES_MAX;
        let calls = self.mempool.lock().ready(turn.waited_blocks_min(), bytes_max);
        for bundle in pack(self.genesis, calls) {
            let call_count = bundle.calls().len();
            match self.chain.submit(bundle.encode()).await {
                Ok(hash) => tracing::debug!(%hash, call_count, ?turn, "bundle handed in"),
                Err(ChainError::Duplicate { place, .. }) => {
                    tracing::debug!(%place, call_count, "the chain has this bundle");
                }
                // The calls stay in the pool and are bundled again.
                Err(error) => tracing::warn!(%error, call_count, "bundle not taken; trying again"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
