//! The embedded development chain: one process makes all blocks, but nothing else is simplified.
//!
//! Blocks come on a tick and become final after some more blocks, forks happen when asked for,
//! and everything survives a crash at any moment: a block is one database transaction. When the
//! disk fails the chain stands still and tries again at the next tick; bundles keep waiting.

mod ledger;
mod pool;
mod ticker;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

use super::follower::next_event;
use super::tip::Tip;
use super::{
    BlockHash, BundleHash, BundlePlace, Chain, ChainError, ChainEvent, ChainHead, ConsensusBlock,
};
use crate::store::NodeDatabase;

use ledger::Ledger;
use pool::Pool;

pub use pool::{POOL_BUNDLES_MAX, POOL_BYTES_MAX, PoolLimits};
pub use ticker::{BLOCK_INTERVAL_MS, every, produce_on};

/// Blocks after which a block is final: with it a devnet sees reorganisations of one block, and
/// waits one second for finality.
pub const FINALITY_DEPTH: u32 = 2;

/// Separates hashes of the development chain from all others.
const GENESIS_CONTEXT: &str = "aipot 2026 development chain genesis";
const BEACON_CONTEXT: &str = "aipot 2026 development chain beacon";
const BLOCK_CONTEXT: &str = "aipot 2026 development chain block";

/// What a development chain is made of.
#[derive(Clone, Debug)]
pub struct DevelopmentConfiguration {
    /// Arbitrary bytes that tell this chain apart: usually the encoded genesis of the domain.
    pub genesis: Vec<u8>,
    /// Secret from which the beacons come, as if they were outputs of a proof of time.
    pub seed: [u8; 32],
    /// Blocks after which a block is final; at least 1.
    pub finality_depth: u32,
    /// How much may wait for a block.
    pub pool: PoolLimits,
}

impl DevelopmentConfiguration {
    /// The usual limits, for a chain with this genesis and seed.
    pub fn new(genesis: Vec<u8>, seed: [u8; 32]) -> Self {
        let pool = PoolLimits::default();
        Self { genesis, seed, finality_depth: FINALITY_DEPTH, pool }
    }

    fn genesis_hash(&self) -> BlockHash {
        let mut hasher = blake3::Hasher::new_derive_key(GENESIS_CONTEXT);
        // The seed has a fixed length and comes first, so that the two cannot be shifted.
        hasher.update(&self.seed).update(&self.genesis);
        BlockHash::from(hasher.finalize())
    }
}

/// The development chain. Clones are the same chain.
#[derive(Clone, Debug)]
pub struct DevelopmentChain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    configuration: DevelopmentConfiguration,
    ledger: Ledger,
    pool: Mutex<Pool>,
    /// Held while the chain grows or shrinks, so that one change happens at a time.
    growing: Mutex<()>,
    is_held: AtomicBool,
    /// Counts changes of the chain, to wake those who follow it.
    changes: watch::Sender<u64>,
}

impl DevelopmentChain {
    /// Opens the chain in the file at `path`, or begins it there.
    ///
    /// # Errors
    /// [`ChainError::OtherChain`] when the file holds a chain with another genesis or seed,
    /// [`ChainError::Database`] when it cannot be opened.
    pub fn open(
        path: impl AsRef<Path>,
        configuration: DevelopmentConfiguration,
    ) -> Result<Self, ChainError> {
        Self::on(NodeDatabase::open(path)?, configuration)
    }

    /// A chain in memory, gone when its last clone is.
    ///
    /// # Errors
    /// [`ChainError::Database`] when memory cannot be had.
    pub fn in_memory(configuration: DevelopmentConfiguration) -> Result<Self, ChainError> {
        Self::on(NodeDatabase::in_memory()?, configuration)
    }

    fn on(
        database: NodeDatabase,
        mut configuration: DevelopmentConfiguration,
    ) -> Result<Self, ChainError> {
        configuration.finality_depth = configuration.finality_depth.max(1);
        let ledger = Ledger::open(database, configuration.genesis_hash())?;
        let pool = Mutex::new(Pool::new(configuration.pool));
        let (changes, _) = watch::channel(0);
        let is_held = AtomicBool::new(false);
        let growing = Mutex::new(());
        let shared = Shared { configuration, ledger, pool, growing, is_held, changes };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Makes the next block out of the bundles that wait, also when none does.
    ///
    /// # Errors
    /// [`ChainError::Database`] when the disk fails; the chain and the bundles stay as they were.
    pub fn produce_block(&self) -> Result<ConsensusBlock, ChainError> {
        let _growing = lock(&self.shared.growing);
        let head = self.shared.ledger.head()?;
        let bundles = lock(&self.shared.pool).next_block();
        let block = self.assemble(&head, bundles)?;
        let depth = self.shared.configuration.finality_depth;
        let finalized = block.number.saturating_sub(depth).max(head.finalized.0);
        self.shared.ledger.append(&block, finalized)?;
        lock(&self.shared.pool).remove_first(block.bundles.len());
        self.wake_followers();
        Ok(block)
    }

    /// Makes a block, unless blocks are held back. To be called on each tick.
    ///
    /// # Errors
    /// As [`DevelopmentChain::produce_block`].
    pub fn tick(&self) -> Result<Option<ConsensusBlock>, ChainError> {
        if self.shared.is_held.load(Ordering::SeqCst) {
            return Ok(None);
        }
        self.produce_block().map(Some)
    }

    /// Makes no block on ticks until [`DevelopmentChain::release`].
    pub fn hold_blocks(&self) {
        self.shared.is_held.store(true, Ordering::SeqCst);
    }

    /// Makes blocks on ticks again.
    pub fn release(&self) {
        self.shared.is_held.store(false, Ordering::SeqCst);
    }

    /// Whether blocks are held back.
    pub fn is_held(&self) -> bool {
        self.shared.is_held.load(Ordering::SeqCst)
    }

    /// Abandons the last `depth` blocks, or as many as are not final, and returns the new head.
    /// Their bundles wait again, before all others; the blocks that follow have other hashes.
    ///
    /// # Errors
    /// [`ChainError::ForkDepth`] unless `depth` is at least 1 and below the finality depth;
    /// [`ChainError::Database`] when the disk fails.
    pub fn fork(&self, depth: u32) -> Result<ChainHead, ChainError> {
        let depth_max = self.shared.configuration.finality_depth.saturating_sub(1);
        if depth == 0 || depth > depth_max {
            return Err(ChainError::ForkDepth { depth, depth_min: 1, depth_max });
        }
        let _growing = lock(&self.shared.growing);
        let abandoned = self.shared.ledger.abandon(depth)?;
        let bundles = abandoned.into_iter().flat_map(|block| block.bundles);
        lock(&self.shared.pool).put_back(bundles.collect());
        self.wake_followers();
        self.shared.ledger.head()
    }

    /// A block of the best chain, `None` when it has none with this number.
    ///
    /// # Errors
    /// [`ChainError::Database`] when the disk fails.
    pub fn block(&self, number: u32) -> Result<Option<ConsensusBlock>, ChainError> {
        self.shared.ledger.block(number)
    }

    /// The randomness of a block. It depends on the seed and the number only, as the output of a
    /// proof of time would: whoever makes a block has no influence on it.
    pub fn beacon(&self, number: u32) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(BEACON_CONTEXT);
        hasher.update(&self.shared.configuration.seed).update(&number.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    /// How many bundles wait for a block.
    pub fn pending_count(&self) -> usize {
        lock(&self.shared.pool).len()
    }

    fn assemble(
        &self,
        head: &ChainHead,
        bundles: Vec<Vec<u8>>,
    ) -> Result<ConsensusBlock, ChainError> {
        let (best, parent) = head.best;
        let number = best.checked_add(1).ok_or(ChainError::EndOfNumbers { number: best })?;
        let beacon = self.beacon(number);
        let mut hasher = blake3::Hasher::new_derive_key(BLOCK_CONTEXT);
        hasher.update(&number.to_le_bytes()).update(&parent.0).update(&beacon);
        // Without the count of forks an empty block would come back with the same hash.
        hasher.update(&self.shared.ledger.fork_count()?.to_le_bytes());
        for bundle in &bundles {
            hasher.update(&BundleHash::of(bundle).0);
        }
        let hash = BlockHash::from(hasher.finalize());
        Ok(ConsensusBlock { number, hash, parent, beacon, bundles })
    }

    fn submit_now(&self, bundle: Vec<u8>) -> Result<BundleHash, ChainError> {
        let hash = BundleHash::of(&bundle);
        // The pool is held while the ledger is asked, and a block leaves the pool only after it
        // is in the ledger, so a bundle is never in neither.
        let mut pool = lock(&self.shared.pool);
        pool.check(&bundle, hash)?;
        if let Some(number) = self.shared.ledger.block_of(hash)? {
            let place = BundlePlace::Block(number);
            return Err(ChainError::Duplicate { hash, place });
        }
        pool.push(bundle, hash);
        Ok(hash)
    }

    fn follow_now(
        &self,
        from: u32,
    ) -> Result<BoxStream<'static, Result<ChainEvent, ChainError>>, ChainError> {
        let changes = self.shared.changes.subscribe();
        let from_max = self.shared.ledger.head()?.finalized.0.saturating_add(1);
        let refused = ChainError::FollowFrom { from, from_min: 1, from_max };
        if from > from_max {
            return Err(refused);
        }
        let Some(before) = from.checked_sub(1) else { return Err(refused) };
        let hash = self.shared.ledger.hash(before)?.ok_or(refused)?;
        let follower =
            Follower { shared: self.shared.clone(), told: Tip::new((before, hash)), changes };
        Ok(stream::unfold(follower, Follower::next).boxed())
    }

    fn wake_followers(&self) {
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

#[async_trait]
impl Chain for DevelopmentChain {
    async fn submit(&self, bundle: Vec<u8>) -> Result<BundleHash, ChainError> {
        self.submit_now(bundle)
    }

    async fn head(&self) -> Result<ChainHead, ChainError> {
        self.shared.ledger.head()
    }

    async fn follow(
        &self,
        from: u32,
    ) -> Result<BoxStream<'static, Result<ChainEvent, ChainError>>, ChainError> {
        self.follow_now(from)
    }
}

/// Someone who follows the chain, and what they were told.
#[derive(Debug)]
struct Follower {
    shared: Arc<Shared>,
    told: Tip,
    changes: watch::Receiver<u64>,
}

impl Follower {
    /// Waits until there is something to tell, and tells it. An error is told once for each
    /// change of the chain, so that a failing disk does not make the reader spin.
    async fn next(mut self) -> Option<(Result<ChainEvent, ChainError>, Self)> {
        loop {
            self.changes.mark_unchanged();
            let step = self.shared.ledger.view(|view| next_event(view, &mut self.told));
            match step {
                Ok(Some(event)) => return Some((Ok(event), self)),
                Err(error) => {
                    self.changes.changed().await.ok()?;
                    return Some((Err(error), self));
                }
                Ok(None) => self.changes.changed().await.ok()?,
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
