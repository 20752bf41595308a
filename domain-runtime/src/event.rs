//! What happened, in the words of the protocol. Explanations are made from these, never from the state.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::challenge::JUDGES_MAX;
use crate::chunk::{ChunkRequest, ChunkTarget};
use crate::claim::RevealedModel;
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
    /// The evaluation was wrong.
    #[codec(index = 0)]
    Upheld,
    /// The evaluation was right.
    #[codec(index = 1)]
    Dismissed,
    /// There was no majority; nobody is blamed.
    #[codec(index = 2)]
    Undecided,
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
    /// An evaluation is disputed.
    #[codec(index = 20)]
    ChallengeOpened {
        order: OrderId,
        challenge: u32,
        challenger: AccountId,
        validator: AccountId,
        provider: AccountId,
    },
    /// A challenge committee was drawn.
    #[codec(index = 21)]
    JudgesDrawn { order: OrderId, challenge: u32, judges: BoundedVec<AccountId, JUDGES_MAX> },
    /// A member of the committee judged.
    #[codec(index = 22)]
    Judged { order: OrderId, challenge: u32, judge: AccountId },
    /// A challenge ended.
    #[codec(index = 23)]
    ChallengeDecided { order: OrderId, challenge: u32, verdict: Verdict },
    /// A judge was paid from the audit fund.
    #[codec(index = 24)]
    JudgePaid { order: OrderId, judge: AccountId, amount: Amount },
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
            | Self::JudgesDrawn { order, .. }
            | Self::Judged { order, .. }
            | Self::ChallengeDecided { order, .. }
            | Self::JudgePaid { order, .. }
            | Self::Slashed { order, .. }
            | Self::Paid { order, .. }
            | Self::OrderSettled { order, .. }
            | Self::DepositReleased { order, .. } => Some(*order),
        }
    }
}
