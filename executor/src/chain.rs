//! The consensus chain as seen from here: it orders bundles and keeps them.
//!
//! A bundle is opaque bytes. The domain is derived from the ordered bundles alone, so any chain
//! that orders bytes will do: the [`development`] chain inside this process, the same chain in
//! another process ([`rpc`] serves it, [`remote`] is the client), or a real one.

pub mod development;
mod finalized;
mod follower;
pub mod remote;
pub mod rpc;
mod tip;
mod wire;

use std::fmt::Debug;

use async_trait::async_trait;
use futures::stream::BoxStream;
use parity_scale_codec::{Decode, Encode};

use crate::store::DatabaseError;
use crate::store::digest::digest_newtype;

pub use finalized::{UNFINALIZED_BLOCKS_MAX, finalized_blocks};

/// Longest bundle in bytes. Bounds the memory one submission can take; five fit into a block.
pub const BUNDLE_BYTES_MAX: usize = 1 << 20;

/// Bytes of bundles in a block: 5 MiB, as on Autonomys.
pub const BLOCK_BYTES_MAX: usize = 5 << 20;

/// Shortest bundle in bytes: an empty one says nothing.
pub const BUNDLE_BYTES_MIN: usize = 1;

const _: () = assert!(BUNDLE_BYTES_MAX <= BLOCK_BYTES_MAX);

digest_newtype! {
    /// Hash of a consensus block; block 0, the genesis, has one too.
    BlockHash;
    /// BLAKE3 hash of a bundle's bytes.
    BundleHash;
}

impl BundleHash {
    /// The hash of these bytes.
    pub fn of(bundle: &[u8]) -> Self {
        Self::from(blake3::hash(bundle))
    }
}

/// A block of the consensus chain, with the bundles in the order the chain gave them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ConsensusBlock {
    /// Height; the first block is 1.
    pub number: u32,
    /// Its hash.
    pub hash: BlockHash,
    /// Hash of the block before.
    pub parent: BlockHash,
    /// Randomness that nobody could know or choose when earlier blocks were made.
    pub beacon: [u8; 32],
    /// The bundles.
    pub bundles: Vec<Vec<u8>>,
}

/// What happened to the best chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEvent {
    /// The best chain grew by this block.
    Block(ConsensusBlock),
    /// The blocks above this one are no longer part of the best chain.
    Reverted {
        /// Height of the last block that stays.
        to_number: u32,
        /// Its hash.
        to_hash: BlockHash,
    },
    /// This block and all before it will never be reverted. It was announced as a block before.
    Finalized {
        /// Its height.
        number: u32,
        /// Its hash.
        hash: BlockHash,
    },
}

/// Where the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Hash of block 0, which tells chains apart.
    pub genesis: BlockHash,
    /// The last block.
    pub best: (u32, BlockHash),
    /// The last block that will never be reverted.
    pub finalized: (u32, BlockHash),
}

/// Where a bundle that was submitted again already is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundlePlace {
    /// It waits for a block.
    Pool,
    /// It is in this block.
    Block(u32),
}

impl std::fmt::Display for BundlePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pool => formatter.write_str("waiting for a block"),
            Self::Block(number) => write!(formatter, "in block {number}"),
        }
    }
}

/// Why the chain refused, or could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The bundle is empty or too long.
    #[error("bundle has {bytes} bytes, allowed are {bytes_min} to {bytes_max}")]
    BundleSize {
        /// Its length.
        bytes: usize,
        /// Shortest allowed.
        bytes_min: usize,
        /// Longest allowed.
        bytes_max: usize,
    },
    /// The bundle need not be submitted again.
    #[error("bundle {hash} is already {place}")]
    Duplicate {
        /// Its hash.
        hash: BundleHash,
        /// Where it is.
        place: BundlePlace,
    },
    /// Too much waits for a block; try again after the next one.
    #[error(
        "{bundle_count} bundles of {bytes} bytes wait for a block, at most {bundles_max} of \
         {bytes_max} bytes may"
    )]
    PoolFull {
        /// How many bundles wait.
        bundle_count: usize,
        /// How many bytes they have together.
        bytes: usize,
        /// How many bundles may wait.
        bundles_max: usize,
        /// How many bytes they may have together.
        bytes_max: usize,
    },
    /// Following can begin with blocks 1 to the first that is not final yet.
    #[error("cannot follow from block {from}, allowed are {from_min} to {from_max}")]
    FollowFrom {
        /// The block asked for.
        from: u32,
        /// First block of the chain.
        from_min: u32,
        /// The block after the last final one.
        from_max: u32,
    },
    /// Only blocks that are not final can be abandoned.
    #[error("cannot abandon {depth} blocks, allowed are {depth_min} to {depth_max}")]
    ForkDepth {
        /// How many were to be abandoned.
        depth: u32,
        /// At least one.
        depth_min: u32,
        /// Fewer than the finality depth.
        depth_max: u32,
    },
    /// This is another chain than before.
    #[error("chain has genesis {found}, expected {expected}")]
    OtherChain {
        /// The genesis known here.
        expected: BlockHash,
        /// The genesis found.
        found: BlockHash,
    },
    /// Block numbers are used up.
    #[error("the chain ends at block {number}")]
    EndOfNumbers {
        /// The last block.
        number: u32,
    },
    /// A chain contradicts what it said before, so that nothing from it can be used.
    #[error("chain contradicts itself at block {number}: expected {expected}, got {found}")]
    Contradiction {
        /// Height of the block.
        number: u32,
        /// What must be there by what was said before.
        expected: BlockHash,
        /// What is there.
        found: BlockHash,
    },
    /// A chain left out blocks.
    #[error("chain announced block {found} where block {expected} was due")]
    Gap {
        /// The block that was due.
        expected: u32,
        /// The block that came.
        found: u32,
    },
    /// The chain does not finalize its blocks.
    #[error("{block_count} blocks after the last final one, at most {blocks_max} are kept")]
    FinalityLags {
        /// How many blocks are not final.
        block_count: usize,
        /// How many are kept.
        blocks_max: usize,
    },
    /// The disk under the chain failed; the chain stands where it stood.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The other process does not answer.
    #[error("chain at {url} cannot be reached after {attempts} attempts: {source}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong last.
        source: Box<jsonrpsee::core::client::Error>,
    },
    /// The other process refused a request.
    #[error("{method} was refused with code {code}: {message}")]
    Refused {
        /// The method called.
        method: &'static str,
        /// Its JSON-RPC error code.
        code: i32,
        /// What it said.
        message: String,
    },
    /// The other process sent what is no chain.
    #[error("chain sent something malformed: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// The task that writes blocks was stopped.
    #[error("block production was interrupted")]
    Interrupted,
}

/// A chain that orders bundles.
#[async_trait]
pub trait Chain: Send + Sync + Debug {
    /// Hands in a bundle for one of the next blocks.
    ///
    /// # Errors
    /// [`ChainError::BundleSize`], [`ChainError::Duplicate`], [`ChainError::PoolFull`].
    async fn submit(&self, bundle: Vec<u8>) -> Result<BundleHash, ChainError>;

    /// Where the chain stands.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    async fn head(&self) -> Result<ChainHead, ChainError>;

    /// Everything that happens from block `from` on: first the past, then live, without end.
    ///
    /// `from` is at least 1 and at most the block after the last final one, so that no revert
    /// ever reaches below it. A slow reader makes nothing grow: it misses forks that come and go
    /// between two reads, but never a block of the best chain.
    ///
    /// # Errors
    /// [`ChainError::FollowFrom`], or when the chain cannot be asked.
    async fn follow(
        &self,
        from: u32,
    ) -> Result<BoxStream<'static, Result<ChainEvent, ChainError>>, ChainError>;
}
