//! The development chain on disk. Each change is one transaction, so a crash never halves one.

use parity_scale_codec::{DecodeAll, Encode};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::chain::follower::ChainView;
use crate::chain::{BlockHash, BundleHash, ChainError, ChainHead, ConsensusBlock};
use crate::store::NodeDatabase;

/// Encoded blocks by number.
const BLOCKS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("development blocks");

/// Block hashes by number, from the genesis at 0 to the best block.
const HASHES: TableDefinition<'_, u32, [u8; 32]> = TableDefinition::new("development hashes");

/// Block numbers by hash of a bundle in them.
const INCLUDED: TableDefinition<'_, [u8; 32], u32> = TableDefinition::new("development included");

/// Single numbers by name.
const FACTS: TableDefinition<'_, &str, u32> = TableDefinition::new("development facts");

/// Number of the last final block, in [`FACTS`].
const FINALIZED: &str = "finalized";

/// How many forks there were, in [`FACTS`].
const FORK_COUNT: &str = "fork count";

/// The chain on disk.
#[derive(Debug)]
pub(super) struct Ledger {
    database: NodeDatabase,
    genesis: BlockHash,
}

impl Ledger {
    /// Opens the chain with this genesis, or begins it in an empty database.
    pub(super) fn open(database: NodeDatabase, genesis: BlockHash) -> Result<Self, ChainError> {
        let found = database.write(|transaction| begin(transaction, genesis))?;
        if found != genesis {
            return Err(ChainError::OtherChain { expected: genesis, found });
        }
        Ok(Self { database, genesis })
    }

    pub(super) fn view<T>(
        &self,
        action: impl FnOnce(&View<'_>) -> Result<T, redb::Error>,
    ) -> Result<T, ChainError> {
        Ok(self.database.read(|transaction| action(&View(transaction)))?)
    }

    pub(super) fn head(&self) -> Result<ChainHead, ChainError> {
        self.view(|view| {
            let (best, finalized) = (view.best_number()?, view.finalized_number()?);
            Ok(ChainHead {
                genesis: self.genesis,
                best: (best, view.present_hash(best)?),
                finalized: (finalized, view.present_hash(finalized)?),
            })
        })
    }

    pub(super) fn hash(&self, number: u32) -> Result<Option<BlockHash>, ChainError> {
        self.view(|view| view.hash(number))
    }

    pub(super) fn block(&self, number: u32) -> Result<Option<ConsensusBlock>, ChainError> {
        self.view(|view| view.block(number))
    }

    /// Number of the block that has this bundle.
    pub(super) fn block_of(&self, bundle: BundleHash) -> Result<Option<u32>, ChainError> {
        self.view(|view| Ok(view.0.open_table(INCLUDED)?.get(bundle.0)?.map(|found| found.value())))
    }

    pub(super) fn fork_count(&self) -> Result<u32, ChainError> {
        self.view(|view| view.fact(FORK_COUNT))
    }

    /// Adds the block after the best one.
    pub(super) fn append(&self, block: &ConsensusBlock, finalized: u32) -> Result<(), ChainError> {
        self.database.write(|transaction| {
            let number = block.number;
            transaction.open_table(BLOCKS)?.insert(number, block.encode().as_slice())?;
            transaction.open_table(HASHES)?.insert(number, block.hash.0)?;
            transaction.open_table(FACTS)?.insert(FINALIZED, finalized)?;
            let mut included = transaction.open_table(INCLUDED)?;
            for bundle in &block.bundles {
                included.insert(BundleHash::of(bundle).0, number)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Removes the last `depth` blocks, or as many as are not final, and returns them in order.
    pub(super) fn abandon(&self, depth: u32) -> Result<Vec<ConsensusBlock>, ChainError> {
        let head = self.head()?;
        let kept = head.best.0.saturating_sub(depth).max(head.finalized.0);
        let numbers = kept.saturating_add(1)..=head.best.0;
        let abandoned = self.database.write(|transaction| {
            let mut facts = transaction.open_table(FACTS)?;
            let fork_count = facts.get(FORK_COUNT)?.map_or(0, |found| found.value());
            facts.insert(FORK_COUNT, fork_count.wrapping_add(1))?;
            numbers.map(|number| remove(transaction, number)).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(abandoned)
    }
}

/// The chain as it was when the view was taken.
#[derive(Debug)]
pub(super) struct View<'transaction>(&'transaction ReadTransaction);

impl View<'_> {
    fn fact(&self, name: &str) -> Result<u32, redb::Error> {
        Ok(self.0.open_table(FACTS)?.get(name)?.map_or(0, |found| found.value()))
    }

    fn present_hash(&self, number: u32) -> Result<BlockHash, redb::Error> {
        let damaged = || redb::Error::Corrupted(format!("no hash of block {number}"));
        self.hash(number)?.ok_or_else(damaged)
    }
}

impl ChainView for View<'_> {
    type Error = redb::Error;

    fn best_number(&self) -> Result<u32, redb::Error> {
        Ok(self.0.open_table(HASHES)?.last()?.map_or(0, |(number, _)| number.value()))
    }

    fn finalized_number(&self) -> Result<u32, redb::Error> {
        self.fact(FINALIZED)
    }

    fn hash(&self, number: u32) -> Result<Option<BlockHash>, redb::Error> {
        let found = self.0.open_table(HASHES)?.get(number)?;
        Ok(found.map(|hash| BlockHash(hash.value())))
    }

    fn block(&self, number: u32) -> Result<Option<ConsensusBlock>, redb::Error> {
        let found = self.0.open_table(BLOCKS)?.get(number)?;
        found.map(|bytes| decode(number, bytes.value())).transpose()
    }
}

/// Makes all tables and returns the genesis they belong to.
fn begin(transaction: &WriteTransaction, genesis: BlockHash) -> Result<BlockHash, redb::Error> {
    transaction.open_table(BLOCKS)?;
    transaction.open_table(INCLUDED)?;
    transaction.open_table(FACTS)?;
    let mut hashes = transaction.open_table(HASHES)?;
    let found = hashes.get(0)?.map(|hash| BlockHash(hash.value()));
    if found.is_none() {
        hashes.insert(0, genesis.0)?;
    }
    Ok(found.unwrap_or(genesis))
}

fn remove(transaction: &WriteTransaction, number: u32) -> Result<ConsensusBlock, redb::Error> {
    let missing = || redb::Error::Corrupted(format!("no block {number}"));
    let mut blocks = transaction.open_table(BLOCKS)?;
    let bytes = blocks.remove(number)?.ok_or_else(missing)?;
    let block = decode(number, bytes.value())?;
    transaction.open_table(HASHES)?.remove(number)?;
    let mut included = transaction.open_table(INCLUDED)?;
    for bundle in &block.bundles {
        included.remove(BundleHash::of(bundle).0)?;
    }
    Ok(block)
}

fn decode(number: u32, mut bytes: &[u8]) -> Result<ConsensusBlock, redb::Error> {
    ConsensusBlock::decode_all(&mut bytes)
        .map_err(|error| redb::Error::Corrupted(format!("block {number}: {error}")))
}
