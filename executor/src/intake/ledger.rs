//! The domain as it is on disk: the state, the records of its blocks, and what was derived from them.

use std::sync::Arc;

use aipot_domain_runtime::genesis::{Genesis, GenesisError, Network};
use aipot_domain_runtime::primitives::{Beacon, BlockNumber, GenesisHash};
use aipot_domain_runtime::state::{Fault, ReadState, State, read_record};
use parity_scale_codec::{DecodeAll, Encode};

use super::index::Index;
use super::{BlockRecord, Execution, execute};
use crate::chain::{BlockHash, ConsensusBlock};
use crate::node::DomainHead;
use crate::store::state::{AppliedBlock, BlockMeta};
use crate::store::{DatabaseError, NodeDatabase, StateStore, StoreError};

/// Why the domain cannot be read or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The disk refused; the domain stands where it stood.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime cannot go on with what the disk gave it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The genesis breaks a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The folder belongs to another network.
    #[error("the folder holds network {found}, this genesis is {expected}: use another folder")]
    OtherNetwork {
        /// The network of the genesis given.
        expected: GenesisHash,
        /// The network in the folder.
        found: GenesisHash,
    },
    /// The folder follows another consensus chain.
    #[error(
        "block {number} was derived from consensus block {known}, the chain has {found} there: this \
         is another chain, or it broke its promise of finality"
    )]
    OtherChain {
        /// Height of the block.
        number: u32,
        /// The consensus block known here.
        known: BlockHash,
        /// The one of the chain.
        found: BlockHash,
    },
    /// A record on disk does not decode.
    #[error("the record of block {number} is damaged")]
    Damaged {
        /// Which block.
        number: u32,
    },
}

impl From<DatabaseError> for LedgerError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl LedgerError {
    /// Whether the disk is full, so that all goes on once space is freed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Store(StoreError::Database(error)) if error.is_disk_full())
    }

    /// Whether trying again can help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Fault(_))
    }
}

/// The domain on disk. One task applies blocks, everybody reads.
#[derive(Debug)]
pub struct Ledger {
    genesis: GenesisHash,
    state: Arc<StateStore>,
    index: Index,
}

impl Ledger {
    /// Opens the domain in `database`, which must be of the network `genesis`.
    ///
    /// An empty one begins with that genesis, above the consensus chain's block 0, `chain`.
    ///
    /// # Errors
    /// [`LedgerError::OtherNetwork`], [`LedgerError::OtherChain`], [`LedgerError::Genesis`], or
    /// [`LedgerError::Store`] when the disk refuses.
    pub fn open(
        database: &Arc<NodeDatabase>,
        genesis: &Genesis,
        chain: BlockHash,
    ) -> Result<Self, LedgerError> {
        let state = Arc::new(StateStore::on(Arc::clone(database))?);
        let index = Index::on(Arc::clone(database))?;
        let ledger = Self { genesis: genesis.hash(), state, index };
        if ledger.state.last_block()?.is_none() {
            ledger.begin(genesis, chain)?;
        }
        ledger.check(chain)?;
        ledger.catch_up()?;
        Ok(ledger)
    }

    /// The network.
    pub fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    /// The authenticated state.
    pub fn state(&self) -> &Arc<StateStore> {
        &self.state
    }

    /// The state after the last block, which stays that while it is held; it should be dropped soon.
    pub fn view(&self) -> Arc<dyn ReadState + Send + Sync> {
        match self.state.snapshot() {
            Ok(snapshot) => Arc::new(snapshot),
            Err(error) => {
                // Whoever reads from the store itself meets the error there.
                tracing::warn!(%error, "no snapshot of the state");
                Arc::clone(&self.state) as Arc<dyn ReadState + Send + Sync>
            }
        }
    }

    /// What can be looked up about orders and calls.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Where the domain stands.
    ///
    /// # Errors
    /// [`LedgerError`] when the disk fails.
    pub fn head(&self) -> Result<DomainHead, LedgerError> {
        let last = self.state.last_block()?.unwrap_or(NO_BLOCK);
        let beacon = record(&last)?.beacon;
        Ok(DomainHead { block: BlockNumber(last.number), root: last.root, beacon })
    }

    /// What is known of a block, `None` when it is not applied yet or was pruned.
    ///
    /// # Errors
    /// [`LedgerError`] when the disk fails.
    pub fn block(&self, number: u32) -> Result<Option<(AppliedBlock, BlockRecord)>, LedgerError> {
        let Some(block) = self.state.block(number)? else { return Ok(None) };
        let record = record(&block)?;
        Ok(Some((block, record)))
    }

    /// Executes the final consensus block that follows the last one applied, and makes the result durable.
    /// The last one itself is not executed again.
    ///
    /// # Errors
    /// [`LedgerError`]; the domain then stands where it stood, and the same block can be tried again if
    /// [`LedgerError::is_temporary`].
    pub fn apply(&self, block: &ConsensusBlock) -> Result<(DomainHead, BlockRecord), LedgerError> {
        let last = self.state.last_block()?.unwrap_or(NO_BLOCK);
        let known = BlockHash(last.consensus_hash);
        let is_last = block.number == last.number;
        let found = if is_last { block.hash } else { block.parent };
        let is_next = block.number == last.number.saturating_add(1);
        if (is_last || is_next) && found != known {
            return Err(LedgerError::OtherChain { number: last.number, known, found });
        }
        if is_last {
            // The disk failed between the state and the index.
            let record = record(&last)?;
            self.index.add(block.number, &record)?;
            return Ok((self.head()?, record));
        }
        let Execution { changes, record } = execute(self.state.as_ref(), &self.genesis, block)?;
        let meta = BlockMeta { consensus_hash: block.hash.0, events: record.encode() };
        let root = self.state.commit(block.number, &changes, meta)?;
        self.index.add(block.number, &record)?;
        let head = DomainHead { block: BlockNumber(block.number), root, beacon: record.beacon };
        Ok((head, record))
    }

    fn begin(&self, genesis: &Genesis, chain: BlockHash) -> Result<(), LedgerError> {
        let mut state = State::new(self.state.as_ref());
        genesis.install(&mut state)?;
        let (changes, events) = state.finish();
        let record = BlockRecord { beacon: Beacon(chain.0), events, calls: Vec::new() };
        let meta = BlockMeta { consensus_hash: chain.0, events: record.encode() };
        self.state.commit(0, &changes, meta)?;
        Ok(())
    }

    fn check(&self, chain: BlockHash) -> Result<(), LedgerError> {
        let found = read_record::<Network>(self.state.as_ref(), &())?;
        let found = found.unwrap_or(Network(GenesisHash::default())).0;
        if found != self.genesis {
            return Err(LedgerError::OtherNetwork { expected: self.genesis, found });
        }
        let Some(first) = self.state.block(0)? else { return Ok(()) };
        let known = BlockHash(first.consensus_hash);
        if known != chain {
            return Err(LedgerError::OtherChain { number: 0, known, found: chain });
        }
        Ok(())
    }

    /// Indexes the blocks that a crash left out between their commit and their entry in the index.
    fn catch_up(&self) -> Result<(), LedgerError> {
        let last = self.state.last_block()?.unwrap_or(NO_BLOCK).number;
        for number in self.index.next_block()?..=last {
            if let Some((_, record)) = self.block(number)? {
                self.index.add(number, &record)?;
            }
        }
        Ok(())
    }
}

/// Stands for the last block where there is none, which is only before the genesis is installed.
const NO_BLOCK: AppliedBlock = AppliedBlock {
    number: 0,
    root: crate::store::state::StateRoot::EMPTY,
    consensus_hash: [0; 32],
    events: Vec::new(),
};

fn record(block: &AppliedBlock) -> Result<BlockRecord, LedgerError> {
    let damaged = LedgerError::Damaged { number: block.number };
    BlockRecord::decode_all(&mut block.events.as_slice()).map_err(|_| damaged)
}
