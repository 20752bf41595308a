//! Proofs that a key has a value, or none, for someone who knows only the root.
//!
//! A proof names the only leaf that may be where the key belongs, if any, and the hashes beside
//! the path from there to the root. Checking it needs no tree: each hash is put together with its
//! sibling, left or right as the bits of the key's hash say, until the root comes out.

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen};

use super::StateRoot;

/// Siblings of the longest path: one for each bit of a key's hash.
pub const SIBLINGS_MAX: usize = 256;

/// Hash of a subtree without leaves, and the separators between hashes of leaves and of pairs.
/// All three are those of the Jellyfish Merkle tree library that builds the tree.
pub(super) const EMPTY_SUBTREE: [u8; 32] = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";
const LEAF_SEPARATOR: &[u8] = b"JMT::LeafNode";
const PAIR_SEPARATOR: &[u8] = b"JMT::IntrnalNode";

/// A leaf of the tree.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
)]
pub(super) struct Leaf {
    pub(super) key_hash: [u8; 32],
    pub(super) value_hash: [u8; 32],
}

/// A proof about one key; made by [`super::StateStore::prove`], checked by [`verify_proof`].
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct MembershipProof {
    pub(super) leaf: Option<Leaf>,
    /// Hashes beside the path, from the leaf up.
    pub(super) siblings: Vec<[u8; 32]>,
}

impl Decode for MembershipProof {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let leaf = Option::decode(input)?;
        let count = parity_scale_codec::Compact::<u32>::decode(input)?.0;
        if usize::try_from(count).is_ok_and(|count| count <= SIBLINGS_MAX) {
            let siblings: Result<_, _> = (0..count).map(|_| <[u8; 32]>::decode(input)).collect();
            return Ok(Self { leaf, siblings: siblings? });
        }
        Err("a membership proof has at most 256 siblings".into())
    }
}

impl MaxEncodedLen for MembershipProof {
    fn max_encoded_len() -> usize {
        // Two bytes suffice for the count: compact numbers below 2^14.
        Option::<Leaf>::max_encoded_len() + 2 + SIBLINGS_MAX * 32
    }
}

/// Whether `proof` shows that in the state with this root `key` has `value`, where `None` says
/// that it has no value.
pub fn verify_proof(
    root: StateRoot,
    key: &[u8],
    value: Option<&[u8]>,
    proof: &MembershipProof,
) -> bool {
    let depth = proof.siblings.len();
    if depth > SIBLINGS_MAX {
        return false;
    }
    let key_hash = hash_of(key);
    let is_leaf_right = match (value, proof.leaf) {
        (Some(value), Some(leaf)) => leaf.key_hash == key_hash && leaf.value_hash == hash_of(value),
        (Some(_), None) => false,
        // Another key sits alone where this key would be: they share the whole path.
        (None, Some(leaf)) => {
            leaf.key_hash != key_hash && shared_bits(&leaf.key_hash, &key_hash) >= depth
        }
        (None, None) => true,
    };
    is_leaf_right && root_of(&key_hash, proof) == root.0
}

/// The root that comes out of a proof when followed up the path of `key_hash`.
fn root_of(key_hash: &[u8; 32], proof: &MembershipProof) -> [u8; 32] {
    let from_leaf = proof
        .leaf
        .map_or(EMPTY_SUBTREE, |leaf| hash_parts(LEAF_SEPARATOR, &leaf.key_hash, &leaf.value_hash));
    let bits_up = (0..proof.siblings.len()).rev().map(|depth| is_right(key_hash, depth));
    bits_up.zip(&proof.siblings).fold(from_leaf, |hash, (is_right, sibling)| {
        if is_right {
            hash_parts(PAIR_SEPARATOR, sibling, &hash)
        } else {
            hash_parts(PAIR_SEPARATOR, &hash, sibling)
        }
    })
}

/// Hash of a key or of a value.
pub(super) fn hash_of(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn hash_parts(separator: &[u8], left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(separator).update(left).update(right);
    *hasher.finalize().as_bytes()
}

/// Hash of a pair of subtrees.
pub(super) fn pair_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    hash_parts(PAIR_SEPARATOR, left, right)
}

/// Hash of a leaf.
pub(super) fn leaf_hash(leaf: &Leaf) -> [u8; 32] {
    hash_parts(LEAF_SEPARATOR, &leaf.key_hash, &leaf.value_hash)
}

/// Whether the path goes right at `depth`, below 256: the bit there, the highest bit first.
fn is_right(key_hash: &[u8; 32], depth: usize) -> bool {
    key_hash.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// How many bits two hashes have in common from the highest on.
fn shared_bits(left: &[u8; 32], right: &[u8; 32]) -> usize {
    (0..SIBLINGS_MAX).take_while(|&depth| is_right(left, depth) == is_right(right, depth)).count()
}
