//! Where the domain stands, as this node has committed it.

use aipot_domain_runtime::primitives::{Beacon, BlockNumber};

use crate::store::digest::digest_newtype;

digest_newtype! {
    /// Root of the authenticated state after a domain block.
    StateRoot;
}

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
