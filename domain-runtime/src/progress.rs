//! The record of an order and of its progress while it runs, and the checks of order, phase and role that
//! every call on a running order passes first.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::chunk::ChunkRequests;
use crate::order::{DataFile, OrderSpecification, PROVIDERS_MAX, VALIDATORS_MAX};
use crate::outcome::Outcome;
use crate::primitives::{AccountId, At, Beacon, BlockNumber, OrderId, Salt};
use crate::refusal::CallResult;
use crate::state::{Record, State};
use crate::window::Phase;

/// An order as it stays in the state.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct OrderRecord {
    /// What was bought.
    pub specification: OrderSpecification,
    /// Who pays.
    pub client: AccountId,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
}

impl Record for OrderRecord {
    const TABLE: u8 = 6;
    type Key = OrderId;
}

/// Who was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Committee {
    /// May claim.
    pub providers: BoundedVec<AccountId, PROVIDERS_MAX>,
    /// May evaluate.
    pub validators: BoundedVec<AccountId, VALIDATORS_MAX>,
}

/// The test file and what hid its commitment, as the client revealed them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct TestReveal {
    /// The file.
    pub file: DataFile,
    /// The salt.
    pub salt: Salt,
}

/// On what the models are scored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum TestSource {
    /// The file that the client committed to.
    #[codec(index = 0)]
    Revealed(DataFile),
    /// A split of the training data drawn from this beacon, because the client withheld the test data.
    #[codec(index = 1)]
    BeaconSplit(Beacon),
}

/// What is known of a running order; removed when it is settled.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Progress {
    /// Block that included the order.
    pub submitted_at: BlockNumber,
    /// Who was drawn; `None` in the open phase.
    pub committee: Option<Committee>,
    /// Claims accepted so far; ranks them by inclusion.
    pub claim_count: u32,
    /// The client's reveal.
    pub test: Option<TestReveal>,
    /// Chunks of the test file that were asked for and not served yet.
    pub test_requests: ChunkRequests,
    /// On what the models are scored; `None` before the evaluation.
    pub test_source: Option<TestSource>,
    /// Randomness that keys the evaluation digests; `None` before the evaluation.
    pub evaluation_beacon: Option<Beacon>,
    /// Challenges so far.
    pub challenge_count: u32,
    /// Challenges that are not decided.
    pub open_challenge_count: u32,
}

impl Record for Progress {
    const TABLE: u8 = 12;
    type Key = OrderId;
}

/// A call speaks of the wrong order, at the wrong time or as the wrong person.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No such order is running.
    #[error("order {order} is not running")]
    NotRunning {
        /// Which order.
        order: OrderId,
    },
    /// The call belongs to another phase.
    #[error("order {order} is in phase {phase:?} at block {block}, allowed in {allowed:?}")]
    OutsidePhase {
        /// Which order.
        order: OrderId,
        /// Its phase.
        phase: Phase,
        /// Height of the call.
        block: BlockNumber,
        /// Phase in which the call is accepted.
        allowed: Phase,
    },
    /// The signer was not drawn for this.
    #[error("{account} is not a {role} of order {order}")]
    NotDrawn {
        /// Who asked.
        account: AccountId,
        /// As what.
        role: &'static str,
        /// Which order.
        order: OrderId,
    },
}

/// A running order, read for a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Which order.
    pub id: OrderId,
    /// The order.
    pub order: OrderRecord,
    /// Its progress.
    pub progress: Progress,
}

impl Running {
    /// Reads a running order.
    ///
    /// # Errors
    /// [`AccessError::NotRunning`] when it is unknown or settled.
    pub fn load(state: &State<'_>, id: &OrderId) -> CallResult<Self> {
        let unknown = AccessError::NotRunning { order: *id };
        let progress = state.get::<Progress>(id)?.ok_or(unknown)?;
        let order = state.require::<OrderRecord>(id)?;
        Ok(Self { id: *id, order, progress })
    }

    /// Reads a running order that must be in `allowed`.
    ///
    /// # Errors
    /// [`AccessError`] when it is not.
    pub fn in_phase(state: &State<'_>, id: &OrderId, at: At, allowed: Phase) -> CallResult<Self> {
        let running = Self::load(state, id)?;
        let phase = running.phase(at);
        if phase == allowed {
            return Ok(running);
        }
        Err(AccessError::OutsidePhase { order: *id, phase, block: at.block, allowed }.into())
    }

    /// The phase at this height.
    pub fn phase(&self, at: At) -> Phase {
        self.order.specification.windows.phase(self.progress.submitted_at, at.block)
    }

    /// Block in which the order is settled at the latest.
    pub fn final_block(&self) -> BlockNumber {
        self.order.specification.windows.start(Phase::Final, self.progress.submitted_at)
    }

    /// Providers drawn; none before the drawing.
    pub fn providers(&self) -> &[AccountId] {
        self.progress.committee.as_ref().map_or(&[], |committee| &committee.providers)
    }

    /// Validators drawn; none before the drawing.
    pub fn validators(&self) -> &[AccountId] {
        self.progress.committee.as_ref().map_or(&[], |committee| &committee.validators)
    }

    /// Checks that `account` was drawn as a provider.
    ///
    /// # Errors
    /// [`AccessError::NotDrawn`] when it was not.
    pub fn require_provider(&self, account: &AccountId) -> Result<(), AccessError> {
        self.require(self.providers(), account, "provider")
    }

    /// Checks that `account` was drawn as a validator.
    ///
    /// # Errors
    /// [`AccessError::NotDrawn`] when it was not.
    pub fn require_validator(&self, account: &AccountId) -> Result<(), AccessError> {
        self.require(self.validators(), account, "validator")
    }

    fn require(
        &self,
        drawn: &[AccountId],
        account: &AccountId,
        role: &'static str,
    ) -> Result<(), AccessError> {
        if drawn.contains(account) {
            return Ok(());
        }
        Err(AccessError::NotDrawn { account: *account, role, order: self.id })
    }
}
