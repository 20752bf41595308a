//! How the chain is written in JSON: hashes and bundles as hexadecimal text, everything bounded.

use serde::{Deserialize, Serialize};

use super::{
    BLOCK_BYTES_MAX, BlockHash, BundleHash, BundlePlace, ChainError, ChainEvent, ChainHead,
    ConsensusBlock,
};

/// Longest message in bytes: a full block as hexadecimal text, and room for all that is around it
/// when the block is full of bundles of one byte.
pub(super) const MESSAGE_BYTES_MAX: u32 = 32 << 20;

/// Error code: the bundle is known already.
pub(super) const CODE_DUPLICATE: i32 = -32_020;

/// Error code: too much waits for a block.
pub(super) const CODE_POOL_FULL: i32 = -32_021;

/// Error code: the chain cannot answer now; the same request may succeed later.
pub(super) const CODE_UNAVAILABLE: i32 = -32_022;

/// A block as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireBlock {
    number: u32,
    hash: BlockHash,
    parent: BlockHash,
    beacon: String,
    bundles: Vec<String>,
}

/// An event as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireEvent {
    Block(WireBlock),
    Reverted { to_number: u32, to_hash: BlockHash },
    Finalized { number: u32, hash: BlockHash },
}

/// Number and hash of a block as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WirePlace {
    number: u32,
    hash: BlockHash,
}

/// Where the chain stands, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireHead {
    genesis: BlockHash,
    best: WirePlace,
    finalized: WirePlace,
}

/// Particulars of [`CODE_DUPLICATE`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireDuplicate {
    pub(super) hash: BundleHash,
    /// The block it is in; none while it waits for one.
    pub(super) block: Option<u32>,
}

/// Particulars of [`CODE_POOL_FULL`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct WirePoolFull {
    pub(super) bundle_count: usize,
    pub(super) bytes: usize,
    pub(super) bundles_max: usize,
    pub(super) bytes_max: usize,
}

impl From<ConsensusBlock> for WireBlock {
    fn from(block: ConsensusBlock) -> Self {
        let ConsensusBlock { number, hash, parent, beacon, bundles } = block;
        let bundles = bundles.iter().map(hex::encode).collect();
        Self { number, hash, parent, beacon: hex::encode(beacon), bundles }
    }
}

impl TryFrom<WireBlock> for ConsensusBlock {
    type Error = ChainError;

    fn try_from(block: WireBlock) -> Result<Self, ChainError> {
        let WireBlock { number, hash, parent, beacon, bundles } = block;
        let digits = bundles.iter().map(String::len).sum::<usize>();
        if digits > 2 * BLOCK_BYTES_MAX {
            let problem = format!("block {number} has {} bytes of bundles", digits / 2);
            return Err(ChainError::Malformed { problem });
        }
        let mut beacon_bytes = [0; 32];
        hex::decode_to_slice(beacon, &mut beacon_bytes).map_err(malformed("beacon", number))?;
        let bundles: Result<_, _> = bundles.iter().map(hex::decode).collect();
        let bundles = bundles.map_err(malformed("bundle", number))?;
        Ok(Self { number, hash, parent, beacon: beacon_bytes, bundles })
    }
}

fn malformed(field: &str, number: u32) -> impl Fn(hex::FromHexError) -> ChainError {
    move |error| ChainError::Malformed { problem: format!("{field} of block {number}: {error}") }
}

impl From<ChainEvent> for WireEvent {
    fn from(event: ChainEvent) -> Self {
        match event {
            ChainEvent::Block(block) => Self::Block(block.into()),
            ChainEvent::Reverted { to_number, to_hash } => Self::Reverted { to_number, to_hash },
            ChainEvent::Finalized { number, hash } => Self::Finalized { number, hash },
        }
    }
}

impl TryFrom<WireEvent> for ChainEvent {
    type Error = ChainError;

    fn try_from(event: WireEvent) -> Result<Self, ChainError> {
        Ok(match event {
            WireEvent::Block(block) => Self::Block(block.try_into()?),
            WireEvent::Reverted { to_number, to_hash } => Self::Reverted { to_number, to_hash },
            WireEvent::Finalized { number, hash } => Self::Finalized { number, hash },
        })
    }
}

impl From<ChainHead> for WireHead {
    fn from(head: ChainHead) -> Self {
        let place = |(number, hash)| WirePlace { number, hash };
        let ChainHead { genesis, best, finalized } = head;
        Self { genesis, best: place(best), finalized: place(finalized) }
    }
}

impl From<WireHead> for ChainHead {
    fn from(head: WireHead) -> Self {
        let place = |WirePlace { number, hash }| (number, hash);
        let WireHead { genesis, best, finalized } = head;
        Self { genesis, best: place(best), finalized: place(finalized) }
    }
}

impl WireDuplicate {
    pub(super) fn place(&self) -> BundlePlace {
        self.block.map_or(BundlePlace::Pool, BundlePlace::Block)
    }
}
