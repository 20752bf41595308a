//! The authenticated state of the domain: keys and values with one root hash for all of them.
//!
//! Values lie in a plain table, for fast reads. Beside it grows a Jellyfish Merkle tree over the
//! BLAKE3 hashes of keys and values, whose root depends on the set of pairs only, not on how it
//! came to be. A block's changes, its root, its events and its place on the consensus chain are
//! written in one transaction: after a crash the state is that of a whole block.

mod proof;
mod read_state;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use parity_scale_codec::{Decode, DecodeAll, Encode};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::database::{DatabaseError, NodeDatabase};
use super::digest::digest_newtype;

pub use proof::{MembershipProof, SIBLINGS_MAX, verify_proof};
pub use read_state::StateSnapshot;

digest_newtype! {
    /// Root hash of a whole state.
    StateRoot;
}

impl StateRoot {
    /// Root of the state without any key.
    pub const EMPTY: Self = Self(proof::EMPTY_SUBTREE);
}

/// Changed keys: the new value, or `None` for a removed key.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A key and its new value.
type Change<'changes> = (&'changes [u8], Option<&'changes [u8]>);

/// Values by key.
const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state values");

/// Encoded [`AppliedBlock`]s by block number.
const BLOCKS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("state blocks");

/// Why the state could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk refused; the state is that of the last block committed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Blocks are committed one after the other.
    #[error("block {found} was committed where block {expected} is due")]
    OutOfOrder {
        /// The number after the last block committed.
        expected: u32,
        /// The number given.
        found: u32,
    },
}

/// What is stored beside the changes of a block.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BlockMeta {
    /// Hash of the consensus block from which the domain block was derived.
    pub consensus_hash: [u8; 32],
    /// The events of the block, encoded.
    pub events: Vec<u8>,
}

/// A block that was committed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AppliedBlock {
    /// Its number.
    pub number: u32,
    /// Root of the state after it.
    pub root: StateRoot,
    /// Hash of its consensus block.
    pub consensus_hash: [u8; 32],
    /// Its events, encoded.
    pub events: Vec<u8>,
}

/// The state of the domain on disk, or in memory.
#[derive(Debug)]
pub struct StateStore {
    database: Arc<NodeDatabase>,
    /// Held while a block is committed, so that one is at a time.
    committing: Mutex<()>,
}

/// The state of the domain in memory, for tests and benches: made by [`StateStore::in_memory`],
/// and the same in everything but durability.
pub type MemoryStore = StateStore;

impl StateStore {
    /// Opens the state in the file at `path`, or begins an empty one there.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file is in use or cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::on(Arc::new(NodeDatabase::open(path)?))
    }

    /// An empty state in memory, gone when dropped.
    ///
    /// # Errors
    /// [`StoreError::Database`] when memory cannot be had.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on(Arc::new(NodeDatabase::in_memory()?))
    }

    /// The state in a database that is shared with others.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn on(database: Arc<NodeDatabase>) -> Result<Self, StoreError> {
        database.write(|transaction| {
            transaction.open_table(VALUES)?;
            transaction.open_table(BLOCKS)?;
            tree::begin(transaction)
        })?;
        Ok(Self { database, committing: Mutex::new(()) })
    }

    /// The value under `key` after the last block.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.database.read(|transaction| value_of(transaction, key))?)
    }

    /// All pairs whose key begins with `prefix`, in the order of the keys, as of one block.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn iter_prefix(&self, prefix: &[u8]) -> Result<Vec<Pair>, StoreError> {
        Ok(self.database.read(|transaction| {
            let values = transaction.open_table(VALUES)?;
            let from_prefix = values.range(prefix..)?.map(|entry| {
                let (key, value) = entry?;
                Ok((key.value().to_vec(), value.value().to_vec()))
            });
            let has_prefix = |pair: &Result<Pair, redb::Error>| {
                pair.as_ref().map_or(true, |(key, _)| key.starts_with(prefix))
            };
            from_prefix.take_while(has_prefix).collect()
        })?)
    }

    /// Root of the state after the last block.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn root(&self) -> Result<StateRoot, StoreError> {
        Ok(self.last_block()?.map_or(StateRoot::EMPTY, |block| block.root))
    }

    /// The last block committed, from which to go on after a start.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn last_block(&self) -> Result<Option<AppliedBlock>, StoreError> {
        Ok(self.database.read(|transaction| {
            let blocks = transaction.open_table(BLOCKS)?;
            blocks.last()?.map(|(number, bytes)| decode(number.value(), bytes.value())).transpose()
        })?)
    }

    /// A block committed earlier, `None` when it was not or is pruned.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn block(&self, number: u32) -> Result<Option<AppliedBlock>, StoreError> {
        Ok(self.database.read(|transaction| {
            let found = transaction.open_table(BLOCKS)?.get(number)?;
            found.map(|bytes| decode(number, bytes.value())).transpose()
        })?)
    }

    /// Commits the changes of a block as a whole, durably, and returns the new root.
    ///
    /// The first block may have any number, each later one follows the one before.
    ///
    /// # Errors
    /// [`StoreError::OutOfOrder`], or [`StoreError::Database`] when the disk refuses; the state
    /// then stays as it was, and the same commit can be repeated.
    pub fn commit(
        &self,
        block_number: u32,
        changes: &Changes,
        meta: BlockMeta,
    ) -> Result<StateRoot, StoreError> {
        let _committing = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last_block()?;
        let expected = last.as_ref().map_or(block_number, |last| last.number.saturating_add(1));
        if block_number != expected {
            return Err(StoreError::OutOfOrder { expected, found: block_number });
        }
        let root_before = last.map_or(StateRoot::EMPTY, |last| last.root);
        let root = self.database.write(|transaction| {
            let changed = write_values(transaction, changes)?;
            let root = tree::update(transaction, &changed)?.unwrap_or(root_before);
            let BlockMeta { consensus_hash, events } = meta;
            let block = AppliedBlock { number: block_number, root, consensus_hash, events };
            transaction.open_table(BLOCKS)?.insert(block_number, block.encode().as_slice())?;
            Ok(root)
        })?;
        Ok(root)
    }

    /// A proof that `key` has its value, or that it has none, against [`StateStore::root`].
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn prove(&self, key: &[u8]) -> Result<MembershipProof, StoreError> {
        Ok(self.database.read(|transaction| tree::prove(transaction, key))?)
    }

    /// Forgets the records of blocks below `number`; the last block and the state stay.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the disk refuses.
    pub fn prune_blocks(&self, number: u32) -> Result<(), StoreError> {
        self.database.write(|transaction| {
            let mut blocks = transaction.open_table(BLOCKS)?;
            let last = blocks.last()?.map_or(0, |(last, _)| last.value());
            blocks.retain_in(..number.min(last), |_, _| false)?;
            Ok(())
        })?;
        Ok(())
    }
}

fn value_of(transaction: &ReadTransaction, key: &[u8]) -> Result<Option<Vec<u8>>, redb::Error> {
    let found = transaction.open_table(VALUES)?.get(key)?;
    Ok(found.map(|value| value.value().to_vec()))
}

/// Writes new values and returns the changes that really are some: rewriting a value with itself
/// or removing what is not there costs nothing in the tree.
fn write_values<'changes>(
    transaction: &WriteTransaction,
    changes: &'changes Changes,
) -> Result<Vec<Change<'changes>>, redb::Error> {
    let mut values = transaction.open_table(VALUES)?;
    let mut changed = Vec::new();
    for (key, new) in changes {
        let (key, new) = (key.as_slice(), new.as_deref());
        let old = match new {
            Some(new) => values.insert(key, new)?,
            None => values.remove(key)?,
        };
        if old.map(|old| old.value().to_vec()).as_deref() != new {
            changed.push((key, new));
        }
    }
    Ok(changed)
}

fn decode(number: u32, mut bytes: &[u8]) -> Result<AppliedBlock, redb::Error> {
    AppliedBlock::decode_all(&mut bytes)
        .map_err(|error| redb::Error::Corrupted(format!("domain block {number}: {error}")))
}

#[cfg(test)]
mod tests;
