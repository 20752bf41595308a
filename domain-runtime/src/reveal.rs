//! Step 5, and the first part of step 6: claims and the test commitment are opened.

use crate::claim::{Claim, ClaimOpening, RevealedModel, claim_commitment};
use crate::event::Event;
use crate::genesis::Network;
use crate::operator::{Operator, require_at_risk};
use crate::order::check::DATA_BYTES_MAX;
use crate::order::cost::cost;
use crate::order::{DataFile, test_commitment};
use crate::primitives::{AccountId, At, Commitment, ModelRoot, OrderId, Salt, TraceRoot};
use crate::progress::{Running, TestReveal};
use crate::refusal::CallResult;
use crate::state::State;
use crate::window::Phase;

/// Bytes that a model file may have beside its weights: the header of canonical safetensors.
pub const MODEL_HEADER_BYTES_MAX: u64 = 1 << 20;

/// What opens a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModelOpening {
    /// BLAKE3 of the model's bytes.
    pub model_root: ModelRoot,
    /// Their number.
    pub byte_count: u64,
    /// Root of the trace; zeros in a contest.
    pub trace_root: TraceRoot,
    /// What hid the commitment.
    pub salt: Salt,
}

/// Why a reveal is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevealError {
    /// There is no claim to open.
    #[error("{provider} has no claim for order {order}")]
    NoClaim {
        /// Who reveals.
        provider: AccountId,
        /// For which order.
        order: OrderId,
    },
    /// It was opened before.
    #[error("the claim or test data of order {order} is already revealed")]
    AlreadyRevealed {
        /// For which order.
        order: OrderId,
    },
    /// Something else was committed to.
    #[error("claimed {claimed}, revealed {revealed}")]
    CommitmentMismatch {
        /// The commitment made before.
        claimed: Commitment,
        /// The commitment to what is revealed.
        revealed: Commitment,
    },
    /// The model is too large to be one of this order.
    #[error("model of {byte_count} bytes, allowed 1 to {max}")]
    ModelTooLarge {
        /// What was revealed.
        byte_count: u64,
        /// What the order allows.
        max: u64,
    },
    /// The test file is empty, or larger than any order may ask others to fetch.
    #[error("test file of {byte_count} bytes, allowed 1 to {max}")]
    TestOutOfRange {
        /// What was revealed.
        byte_count: u64,
        /// What is allowed.
        max: u64,
    },
    /// Only the client can reveal the test data.
    #[error("{account} is not the client {client}")]
    NotClient {
        /// Who reveals.
        account: AccountId,
        /// Who could.
        client: AccountId,
    },
}

/// Opens the claim of `provider`.
///
/// # Errors
/// [`RevealError`], [`crate::progress::AccessError`] or [`crate::operator::OperatorError`].
pub fn reveal(
    state: &mut State<'_>,
    provider: &AccountId,
    order: &OrderId,
    opening: &ModelOpening,
    at: At,
) -> CallResult {
    let running = Running::in_phase(state, order, at, Phase::Reveal)?;
    let key = (*order, *provider);
    let missing = RevealError::NoClaim { provider: *provider, order: *order };
    let mut claim = state.get::<Claim>(&key)?.ok_or(missing)?;
    if claim.model.is_some() {
        return Err(RevealError::AlreadyRevealed { order: *order }.into());
    }
    check_size(&running, opening.byte_count)?;
    // Training may take longer than a withdrawal; from here on no stake leaves before the settlement.
    let stake_min = running.order.specification.pay.provider_stake_min;
    require_at_risk(state, provider, stake_min, running.final_block())?;
    let revealed = claim_commitment(&ClaimOpening {
        genesis: state.require::<Network>(&())?.0,
        order: *order,
        operator: *provider,
        registration_epoch: state.require::<Operator>(provider)?.registration_epoch,
        sequence: claim.sequence,
        model_root: opening.model_root,
        trace_root: opening.trace_root,
        salt: opening.salt,
    });
    if revealed != claim.commitment {
        return Err(RevealError::CommitmentMismatch { claimed: claim.commitment, revealed }.into());
    }
    let model = RevealedModel { root: opening.model_root, byte_count: opening.byte_count };
    claim.model = Some(model);
    state.put(&key, &claim);
    state.emit(Event::ModelRevealed { order: *order, provider: *provider, model });
    Ok(())
}

/// Opens the client's commitment to the test data.
///
/// # Errors
/// [`RevealError`] or [`crate::progress::AccessError`].
pub fn reveal_test(
    state: &mut State<'_>,
    account: &AccountId,
    order: &OrderId,
    test: TestReveal,
    at: At,
) -> CallResult {
    let mut running = Running::in_phase(state, order, at, Phase::TestReveal)?;
    let client = running.order.client;
    if *account != client {
        return Err(RevealError::NotClient { account: *account, client }.into());
    }
    if running.progress.test.is_some() {
        return Err(RevealError::AlreadyRevealed { order: *order }.into());
    }
    check_test(&running, &test.file, &test.salt)?;
    running.progress.test = Some(test);
    state.put(order, &running.progress);
    state.emit(Event::TestRevealed { order: *order, file: test.file });
    Ok(())
}

fn check_test(running: &Running, file: &DataFile, salt: &Salt) -> Result<(), RevealError> {
    let (byte_count, max) = (file.byte_count, DATA_BYTES_MAX);
    if byte_count == 0 || byte_count > max {
        return Err(RevealError::TestOutOfRange { byte_count, max });
    }
    let claimed = running.order.specification.data.test_commitment;
    let revealed = test_commitment(file, salt);
    if revealed != claimed {
        return Err(RevealError::CommitmentMismatch { claimed, revealed });
    }
    Ok(())
}

fn check_size(running: &Running, byte_count: u64) -> Result<(), RevealError> {
    // The order passed `check`, so its cost fits; a bound of 0 would only refuse.
    let weights = cost(&running.order.specification).map_or(0, |cost| cost.model_bytes);
    let max = weights.saturating_add(MODEL_HEADER_BYTES_MAX);
    if byte_count == 0 || byte_count > max {
        return Err(RevealError::ModelTooLarge { byte_count, max });
    }
    Ok(())
}
