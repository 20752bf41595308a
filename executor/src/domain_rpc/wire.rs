//! How answers are written in JSON, the same for both sides.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest piece of an artefact in one message.
pub const PIECE_BYTES_MAX: usize = 1 << 20;

/// Longest request: a piece as hexadecimal text, and room for what is around it.
pub(super) const REQUEST_BYTES_MAX: u32 = 2 * (1 << 20) + 4096;

/// Longest answer: [`ROWS_MAX`] of the largest records with their views.
pub(super) const RESPONSE_BYTES_MAX: u32 = 16 << 20;

/// Rows of a list in one answer.
pub const ROWS_MAX: u32 = 256;

const _: () = assert!(REQUEST_BYTES_MAX as usize > 2 * PIECE_BYTES_MAX);

/// Error code: a signed call was not taken; the reason is in the message.
pub const CODE_CALL_NOT_TAKEN: i32 = -32_030;
/// Error code: what was asked for is not here.
pub const CODE_NOT_FOUND: i32 = -32_031;
/// Error code: this cannot be done now; the same request may succeed later.
pub const CODE_UNAVAILABLE: i32 = -32_032;
/// Error code: bytes do not have the hash that they were said to have.
pub const CODE_MISMATCH: i32 = -32_033;

/// What is wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongParameter {
    /// Its name.
    pub field: String,
    /// What was given, shortened.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

/// A record: exact, and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewed {
    /// Its SCALE bytes.
    pub scale: String,
    /// The same for people.
    pub view: Value,
}

/// Where the domain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Height.
    pub block: u32,
    /// Root of the state.
    pub root: String,
    /// Randomness of the consensus block.
    pub beacon: String,
}

/// A node and its network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Version of the program.
    pub version: String,
    /// Identity of the network.
    pub genesis: String,
    /// Where the domain stands.
    pub head: Head,
    /// The node's account.
    pub account: String,
    /// The node's name in the network.
    pub peer_id: String,
    /// Connected peers.
    pub peers: Vec<String>,
    /// Addresses under which others can begin with this node.
    pub addresses: Vec<String>,
    /// Calls that wait for the chain.
    pub waiting_call_count: usize,
    /// Rules of the network.
    pub parameters: Viewed,
}

/// A call that was taken into the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its hash.
    pub hash: String,
    /// Who signed.
    pub signer: String,
    /// Its nonce.
    pub nonce: u64,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// The block that applied it.
    pub block: u32,
    /// The hash of the call with this nonce.
    pub hash: String,
    /// Why it had no effect, null when it had.
    pub refusal: Option<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The nonce that its next call must have.
    pub nonce: u64,
    /// Its free money.
    pub free: String,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorReport {
    /// Whose.
    pub account: String,
    /// The operator.
    pub operator: Viewed,
}

/// A place in a list, for asking for what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlace {
    /// The block that included the order.
    pub block: u32,
    /// The order.
    pub order: String,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Which.
    pub order: String,
    /// Its phase in the next block.
    pub phase: String,
    /// The order, with its outcome when it has ended.
    pub record: Viewed,
    /// Its progress while it runs.
    pub progress: Option<Viewed>,
}

/// A line of the list of orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// For asking for what follows.
    pub place: OrderPlace,
    /// Its phase in the next block.
    pub phase: String,
}

/// A place among the events of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPlace {
    /// The block.
    pub block: u32,
    /// The place among the events of the block.
    pub index: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReport {
    /// Where.
    pub place: EventPlace,
    /// What.
    pub event: Viewed,
}

/// A domain block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReport {
    /// Height, root and randomness.
    pub head: Head,
    /// The consensus block that it was derived from.
    pub consensus_hash: String,
    /// How many calls were applied.
    pub call_count: usize,
    /// What happened: the first [`ROWS_MAX`] events.
    pub events: Vec<EventReport>,
}

/// A proven piece of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofReport {
    /// The block after which it holds.
    pub block: u32,
    /// Root of the state then.
    pub root: String,
    /// The value, null when there is none.
    pub value: Option<String>,
    /// SCALE bytes of the [`crate::store::state::MembershipProof`].
    pub proof: String,
}
