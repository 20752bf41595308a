//! Where the domain stands, as this node has committed it.

use aipot_domain_runtime::primitives::{At, Beacon, BlockNumber};

use crate::store::state::StateRoot;

/// The last domain block that this node has applied and made durable. It is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainHead {
    /// Its height, equal to that of the consensus block it was derived from.
    pub block: BlockNumber,
    /// Root of the state after it.
    pub root: StateRoot,
    /// Randomness of its consensus block.
    pub beacon: Beacon,
}

impl DomainHead {
    /// The place of the next block, as far as it can be known: its beacon cannot, so it is the last one's.
    #[must_use]
    pub fn next(&self) -> At {
        At { block: self.block.after(1), beacon: self.beacon }
    }
}
