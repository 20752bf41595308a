//! What happened, in the words of the protocol. Explanations are made from these, never from the state.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedBytes;
use crate::challenge::Subject;
use crate::chunk::{ChunkRequest, ChunkTarget};
use crate::claim::RevealedModel;
use crate::dispute::Reason;
use crate::evaluation::EvaluationEntries;
use crate::operator::Roles;
use crate::order::DataFile;
use crate::outcome::Standing;
use crate::payment::Payout;
use crate::primitives::{AccountId, Amount, Beacon, BlockNumber, OrderId};
use crate::progress::{Committee, TestSource};

/// Longest reason of a refusal in bytes.
pub const REASON_BYTES_MAX: usize = 512;

/// How a challenge ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Verdict {
    /// The result was wrong.
    #[codec(index = 0)]
    Upheld(Reason),
    /// The result was right.
    #[codec(index = 1)]
    Dismissed(Reason),
    /// The result fell in another way before the end; nobody is blamed.
    #[codec(index = 2)]
    Moot,
}

/// Why a claim became worthless.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum VoidReason {
    /// It was never opened.
    #[codec(index = 0)]
    NotRevealed,
    /// A requested chunk of the model was not served.
    #[codec(index = 1)]
    Withheld,
    /// It was proven wrong.
    #[codec(index = 2)]
    Refuted,
}

/// Something that happened in a block.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
#[expect(
    missing_docs,
    reason = "the fields are the nouns of the protocol, each documented at its type"
)]
pub enum Event {
    /// Money was moved.
    #[codec(index = 0)]
    Transferred { from: AccountId, to: AccountId, amount: Amount },
    /// An account became an operator.
    #[codec(index = 1)]
    OperatorRegistered { operator: AccountId, stake: Amount, roles: Roles },
    /// More was staked.
    #[codec(index = 2)]
    StakeAdded { operator: AccountId, amount: Amount },
    /// A withdrawal began.
    #[codec(index = 3)]
    UnstakeStarted { operator: AccountId, amount: Amount, available_at: BlockNumber },
    /// Withdrawals ended.
    #[codec(index = 4)]
    StakeWithdrawn { operator: AccountId, amount: Amount },
    /// A signed call had no effect but its fee.
    #[codec(index = 5)]
    CallRefused { signer: AccountId, nonce: u64, reason: BoundedBytes<REASON_BYTES_MAX> },
    /// An order was accepted and paid for.
    #[codec(index = 6)]
    OrderSubmitted { order: OrderId, client: AccountId, reward: Amount },
    /// Providers and validators were drawn.
    #[codec(index = 7)]
    CommitteeDrawn { order: OrderId, committee: Committee },
    /// Too few operators were eligible; the client is refunded.
    #[codec(index = 8)]
    CommitteeTooSmall { order: OrderId, provider_count: u32, validator_count: u32 },
    /// A provider committed to a model.
    #[codec(index = 9)]
    ClaimAccepted { order: OrderId, provider: AccountId, sequence: u32 },
    /// A provider opened its claim.
    #[codec(index = 10)]
    ModelRevealed { order: OrderId, provider: AccountId, model: RevealedModel },
    /// A claim is worth nothing any more.
    #[codec(index = 11)]
    ClaimVoided { order: OrderId, provider: AccountId, reason: VoidReason },
    /// Somebody could not fetch a chunk.
    #[codec(index = 12)]
    ChunkRequested { order: OrderId, target: ChunkTarget, request: ChunkRequest },
    /// A chunk was served on the chain.
    #[codec(index = 13)]
    ChunkServed { order: OrderId, target: ChunkTarget, chunk_index: u64 },
    /// The client opened its test commitment.
    #[codec(index = 14)]
    TestRevealed { order: OrderId, file: DataFile },
    /// The client's bond is gone, because the test data was withheld.
    #[codec(index = 15)]
    ClientBondLost { order: OrderId, client: AccountId, amount: Amount },
    /// Evaluation began, on this test set and with this key.
    #[codec(index = 16)]
    EvaluationStarted { order: OrderId, source: TestSource, beacon: Beacon },
    /// A validator committed.
    #[codec(index = 17)]
    EvaluationCommitted { order: OrderId, validator: AccountId },
    /// A validator opened its commitment.
    #[codec(index = 18)]
    EvaluationRevealed { order: OrderId, validator: AccountId, entries: EvaluationEntries },
    /// A validator committed and did not open.
    #[codec(index = 19)]
    EvaluationWithheld { order: OrderId, validator: AccountId },
    /// A result is disputed; the responder must move until the deadline.
    #[codec(index = 20)]
    ChallengeOpened {
        order: OrderId,
        challenge: u32,
        challenger: AccountId,
        subject: Subject,
        deadline: BlockNumber,
    },
    /// A player of a game moved.
    #[codec(index = 21)]
    MoveMade { order: OrderId, challenge: u32, move_index: u32, mover: AccountId },
    /// A result was proven wrong without a game.
    #[codec(index = 22)]
    ProofAccepted { order: OrderId, subject: Subject, accuser: AccountId },
    /// A challenge ended.
    #[codec(index = 23)]
    ChallengeDecided { order: OrderId, challenge: u32, verdict: Verdict },
    /// A challenger lost its bond.
    #[codec(index = 24)]
    BondLost { order: OrderId, challenge: u32, to_responder: Amount, burned: Amount },
    /// Stake was taken.
    #[codec(index = 25)]
    Slashed {
        order: OrderId,
        operator: AccountId,
        amount: Amount,
        to_challenger: Amount,
        to_client: Amount,
        burned: Amount,
    },
    /// A share of an escrow was paid.
    #[codec(index = 26)]
    Paid { order: OrderId, payout: Payout },
    /// An order ended; without a winner the client was refunded.
    #[codec(index = 27)]
    OrderSettled { order: OrderId, winner: Option<Standing> },
    /// A deposit was returned or, when the claim was not honoured, burned.
    #[codec(index = 28)]
    DepositReleased { order: OrderId, provider: AccountId, amount: Amount, returned: bool },
    /// A game has found the operator of a step on which the players differ.
    #[codec(index = 29)]
    OperatorLocated { order: OrderId, challenge: u32, step: u32, operator: u32 },
}

impl Event {
    /// The order that the event is about, if any.
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::Transferred { .. }
            | Self::OperatorRegistered { .. }
            | Self::StakeAdded { .. }
            | Self::UnstakeStarted { .. }
            | Self::StakeWithdrawn { .. }
            | Self::CallRefused { .. } => None,
            Self::OrderSubmitted { order, .. }
            | Self::CommitteeDrawn { order, .. }
            | Self::CommitteeTooSmall { order, .. }
            | Self::ClaimAccepted { order, .. }
            | Self::ModelRevealed { order, .. }
            | Self::ClaimVoided { order, .. }
            | Self::ChunkRequested { order, .. }
            | Self::ChunkServed { order, .. }
            | Self::TestRevealed { order, .. }
            | Self::ClientBondLost { order, .. }
            | Self::EvaluationStarted { order, .. }
            | Self::EvaluationCommitted { order, .. }
            | Self::EvaluationRevealed { order, .. }
            | Self::EvaluationWithheld { order, .. }
            | Self::ChallengeOpened { order, .. }
            | Self::MoveMade { order, .. }
            | Self::ProofAccepted { order, .. }
            | Self::ChallengeDecided { order, .. }
            | Self::BondLost { order, .. }
            | Self::OperatorLocated { order, .. }
            | Self::Slashed { order, .. }
            | Self::Paid { order, .. }
            | Self::OrderSettled { order, .. }
            | Self::DepositReleased { order, .. } => Some(*order),
        }
    }
}
