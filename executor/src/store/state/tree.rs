//! The Jellyfish Merkle tree on disk: its nodes in a table, obsolete ones removed at once.

use borsh::{BorshDeserialize, BorshSerialize};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader, TreeUpdateBatch};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, SimpleHasher, Version};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::proof::{EMPTY_SUBTREE, Leaf, MembershipProof, hash_of, leaf_hash, pair_hash};
use super::{Change, StateRoot};

/// Encoded nodes by encoded node key.
const NODES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state tree");

/// How many versions the tree has had, under the only key there is.
const VERSIONS: TableDefinition<'_, (), u64> = TableDefinition::new("state tree versions");

/// BLAKE3 as the tree wants it.
struct Blake3(blake3::Hasher);

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// Reads nodes for the tree, which wants errors as `anyhow` ones.
struct Nodes<T>(T);

impl<T: ReadableTable<&'static [u8], &'static [u8]>> TreeReader for Nodes<T> {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let key = encode(node_key)?;
        let found = self.0.get(key.as_slice()).map_err(redb::Error::from)?;
        Ok(found.map(|bytes| Node::try_from_slice(bytes.value())).transpose()?)
    }

    /// Values lie in a table of their own; the tree only wants to know that there is one.
    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(Some(OwnedValue::new()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("the rightmost leaf is only for restoring a tree, which is not done here")
    }
}

/// Makes the tables.
pub(super) fn begin(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(NODES)?;
    transaction.open_table(VERSIONS)?;
    Ok(())
}

/// Puts changed values into the tree and returns the new root, `None` when nothing changed.
pub(super) fn update(
    transaction: &WriteTransaction,
    changed: &[Change<'_>],
) -> Result<Option<StateRoot>, redb::Error> {
    if changed.is_empty() {
        return Ok(None);
    }
    let mut versions = transaction.open_table(VERSIONS)?;
    let version = versions.get(())?.map_or(0, |count| count.value());
    let mut nodes = Nodes(transaction.open_table(NODES)?);
    let pairs =
        changed.iter().map(|(key, value)| (KeyHash(hash_of(key)), value.map(<[u8]>::to_vec)));
    let tree = JellyfishMerkleTree::<_, Blake3>::new(&nodes);
    let (root, batch) = tree.put_value_set(pairs, version).map_err(database_error)?;
    write(&mut nodes.0, &batch).map_err(database_error)?;
    versions.insert((), version + 1)?;
    Ok(Some(StateRoot(root.0)))
}

/// Writes the new nodes and removes those that only earlier versions need.
fn write(
    nodes: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    batch: &TreeUpdateBatch,
) -> anyhow::Result<()> {
    for stale in &batch.stale_node_index_batch {
        nodes.remove(encode(&stale.node_key)?.as_slice())?;
    }
    for (key, node) in batch.node_batch.nodes() {
        nodes.insert(encode(key)?.as_slice(), encode(node)?.as_slice())?;
    }
    Ok(())
}

/// A proof about `key` in the last version of the tree.
pub(super) fn prove(
    transaction: &ReadTransaction,
    key: &[u8],
) -> Result<MembershipProof, redb::Error> {
    let versions = transaction.open_table(VERSIONS)?.get(())?.map_or(0, |count| count.value());
    let Some(version) = versions.checked_sub(1) else {
        return Ok(MembershipProof { leaf: None, siblings: Vec::new() });
    };
    let nodes = Nodes(transaction.open_table(NODES)?);
    let tree = JellyfishMerkleTree::<_, Blake3>::new(&nodes);
    let found = tree.get_with_proof(KeyHash(hash_of(key)), version);
    let (_, proof) = found.map_err(database_error)?;
    let mut bytes = Vec::new();
    proof.serialize(&mut bytes).map_err(redb::Error::from)?;
    let proof = LibraryProof::try_from_slice(&bytes).map_err(redb::Error::from)?;
    Ok(proof.into())
}

/// How many nodes are stored.
#[cfg(test)]
pub(super) fn node_count(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    use redb::ReadableTableMetadata;
    Ok(transaction.open_table(NODES)?.len()?)
}

/// The library's proof as it writes it. Its siblings are whole nodes, of which ours keeps the
/// hashes only.
#[derive(BorshDeserialize)]
struct LibraryProof {
    leaf: Option<LibraryLeaf>,
    siblings: Vec<LibraryNode>,
}

#[derive(BorshDeserialize)]
struct LibraryLeaf {
    key_hash: [u8; 32],
    value_hash: [u8; 32],
}

#[derive(BorshDeserialize)]
enum LibraryNode {
    Null,
    Internal { left: [u8; 32], right: [u8; 32] },
    Leaf(LibraryLeaf),
}

impl From<LibraryLeaf> for Leaf {
    fn from(LibraryLeaf { key_hash, value_hash }: LibraryLeaf) -> Self {
        Self { key_hash, value_hash }
    }
}

impl From<LibraryProof> for MembershipProof {
    fn from(proof: LibraryProof) -> Self {
        let hash = |node| match node {
            LibraryNode::Null => EMPTY_SUBTREE,
            LibraryNode::Internal { left, right } => pair_hash(&left, &right),
            LibraryNode::Leaf(leaf) => leaf_hash(&leaf.into()),
        };
        let siblings = proof.siblings.into_iter().map(hash).collect();
        Self { leaf: proof.leaf.map(Leaf::from), siblings }
    }
}

fn encode(value: &impl BorshSerialize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut bytes)?;
    Ok(bytes)
}

/// The database's own error when it was one; otherwise the tree on disk makes no sense.
fn database_error(error: anyhow::Error) -> redb::Error {
    match error.downcast::<redb::Error>() {
        Ok(error) => error,
        Err(error) => match error.downcast::<redb::StorageError>() {
            Ok(error) => error.into(),
            Err(error) => redb::Error::Corrupted(format!("state tree: {error:#}")),
        },
    }
}
