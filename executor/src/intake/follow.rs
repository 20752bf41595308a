//! Follows the consensus chain and applies each final block, once, in order, whatever fails on the way.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;

use super::calls_of;
use super::ledger::{Ledger, LedgerError};
use crate::chain::{
    BlockHash, Chain, ChainError, ChainEvent, ConsensusBlock, UNFINALIZED_BLOCKS_MAX,
    finalized_blocks,
};
use crate::node::DomainHead;
use crate::pool::mempool::Mempool;

/// First pause after a failure; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// Longest pause: soon enough after somebody has freed disk space, and no busy loop until then.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Why the node must stop acting: what it knows and what the chain says exclude each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// The chain has another past than the one applied here.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A task of this process died.
    #[error("applying blocks was interrupted")]
    Interrupted,
}

/// The task that makes domain blocks.
#[derive(Debug)]
pub struct Intake {
    /// The consensus chain.
    pub chain: Arc<dyn Chain>,
    /// Where domain blocks go.
    pub ledger: Arc<Ledger>,
    /// Whose calls are found in blocks.
    pub mempool: Arc<Mempool>,
    /// Told of each applied block.
    pub heads: watch::Sender<DomainHead>,
    /// Told of the height of the best chain once this node has caught up.
    pub best: watch::Sender<u32>,
}

impl Intake {
    /// Follows the chain for ever.
    ///
    /// # Errors
    /// [`IntakeError`] when this node cannot go on at all. Anything that may pass is tried again.
    pub async fn run(self) -> Result<(), IntakeError> {
        let mut failures = 0;
        loop {
            let before = self.heads.borrow().block;
            match self.follow_once().await {
                Ok(()) => tracing::warn!("the chain stopped telling of blocks; following again"),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Chain(error)) => {
                    tracing::warn!(%error, "cannot follow the chain; trying again");
                }
            }
            failures = if self.heads.borrow().block > before { 0 } else { failures + 1 };
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// Follows until the stream of blocks ends.
    async fn follow_once(&self) -> Result<(), Trouble> {
        let last = self.heads.borrow().block.0;
        let head = self.chain.head().await?;
        self.check_past(last, (head.genesis, head.finalized.1), head.finalized.0)?;
        let events = self.chain.follow(last.saturating_add(1)).await?;
        let mut blocks =
            finalized_blocks(self.watched(events, head.best.0), UNFINALIZED_BLOCKS_MAX);
        while let Some(block) = blocks.next().await {
            match block {
                Ok(block) => self.apply(Arc::new(block)).await?,
                Err(error) => tracing::warn!(%error, "the chain had trouble"),
            }
        }
        Ok(())
    }

    /// Compares what is known here with the chain as far as its head shows it.
    fn check_past(
        &self,
        last: u32,
        (genesis, finalized): (BlockHash, BlockHash),
        finalized_number: u32,
    ) -> Result<(), Trouble> {
        let compare = |number: u32, found: BlockHash| {
            let Some((block, _)) = self.ledger.block(number)? else { return Ok(()) };
            let known = BlockHash(block.consensus_hash);
            if known == found {
                return Ok(());
            }
            Err(LedgerError::OtherChain { number, known, found })
        };
        let compared = compare(0, genesis).and_then(|()| {
            if finalized_number <= last { compare(finalized_number, finalized) } else { Ok(()) }
        });
        match compared {
            Ok(()) => Ok(()),
            Err(error) if error.is_temporary() => {
                tracing::error!(%error, "cannot read what was applied");
                Ok(())
            }
            Err(error) => Err(Trouble::Fatal(error.into())),
        }
    }

    /// Passes events on, telling the pool on the way what the best chain holds already. `caught_up_at` is the
    /// height from which on blocks are news.
    fn watched(
        &self,
        events: BoxStream<'static, Result<ChainEvent, ChainError>>,
        caught_up_at: u32,
    ) -> BoxStream<'static, Result<ChainEvent, ChainError>> {
        let (mempool, best) = (Arc::clone(&self.mempool), self.best.clone());
        let genesis = self.ledger.genesis();
        let watch = move |event: &Result<ChainEvent, ChainError>| match event {
            Ok(ChainEvent::Block(block)) => {
                let calls = calls_of(&genesis, block);
                mempool.lock().include(block.number, calls.into_iter().map(|(hash, _)| hash));
                if block.number >= caught_up_at {
                    best.send_replace(block.number);
                }
            }
            Ok(ChainEvent::Reverted { to_number, .. }) => mempool.lock().revert(*to_number),
            Ok(ChainEvent::Finalized { .. }) | Err(_) => {}
        };
        events.inspect(watch).boxed()
    }

    /// Applies a block, trying again for as long as the disk refuses.
    async fn apply(&self, block: Arc<ConsensusBlock>) -> Result<(), Trouble> {
        let mut failures = 0;
        loop {
            let (ledger, tried) = (Arc::clone(&self.ledger), Arc::clone(&block));
            let applied = tokio::task::spawn_blocking(move || ledger.apply(&tried)).await;
            let error = match applied.map_err(|_| Trouble::Fatal(IntakeError::Interrupted))? {
                Ok((head, record)) => {
                    let nonces = record.calls.iter().map(|call| (call.signer, call.nonce + 1));
                    self.announce(head, nonces);
                    return Ok(());
                }
                Err(error) if error.is_temporary() => error,
                Err(error) => return Err(Trouble::Fatal(error.into())),
            };
            failures += 1;
            let pause = pause(failures);
            let advice =
                if error.is_disk_full() { "free some disk space" } else { "nothing is lost" };
            let retry_ms = pause.as_millis();
            tracing::error!(block = block.number, %error, retry_ms, "block not applied: {advice}");
            tokio::time::sleep(pause).await;
        }
    }

    fn announce(
        &self,
        head: DomainHead,
        nonces: impl Iterator<Item = (aipot_domain_runtime::primitives::AccountId, u64)>,
    ) {
        let mut pool = self.mempool.lock();
        nonces.for_each(|(signer, nonce)| pool.advance(signer, nonce));
        pool.finalize(head.block.0);
        drop(pool);
        tracing::debug!(block = head.block.0, root = %head.root, "domain block");
        self.heads.send_replace(head);
    }
}

/// What ends one attempt at following.
enum Trouble {
    Chain(ChainError),
    Fatal(IntakeError),
}

impl From<ChainError> for Trouble {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

/// The pause after `failures` failures in a row.
fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(u32::BITS - 1);
    PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_MAX)
}
