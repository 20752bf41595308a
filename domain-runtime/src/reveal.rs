//! Step 5, and the first part of step 6: claims and the test commitment are opened.

use crate::claim::{Claim, ClaimOpening, RevealedModel, claim_commitment};
use crate::event::Event;
use crate::genesis::Network;
use crate::operator::{Operator, require_at_risk};
use crate::order::cost::cost;
use crate::order::{DataFile, OrderSpecification, test_commitment};
use crate::primitives::{AccountId, At, Commitment, ModelRoot, OrderId, Salt, TraceRoot};
use crate::program::{ProgramError, model_header};
use crate::progress::{Running, TestReveal};
use crate::refusal::CallResult;
use crate::state::State;
use crate::trace::TraceOpening;
use crate::window::Phase;

/// What opens a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModelOpening {
    /// BLAKE3 of the model's bytes.
    pub model_root: ModelRoot,
    /// Their number.
    pub byte_count: u64,
    /// What the trace commits to; a contest has none.
    pub trace: Option<TraceOpening>,
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
    /// The file is not as long as a model of this order.
    #[error("model of {byte_count} bytes, one of this order has {expected}")]
    WrongLength {
        /// What was revealed.
        byte_count: u64,
        /// Bytes of a canonical model file.
        expected: u64,
    },
    /// A fixed recipe leaves a trace, a contest leaves none.
    #[error("the reveal has a trace: {has_trace}, the order asks for one: {is_recipe}")]
    TraceMismatch {
        /// Whether one was revealed.
        has_trace: bool,
        /// Whether the order has a fixed recipe.
        is_recipe: bool,
    },
    /// The order has no model.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The test file is not as long as its examples are, so that not each of them could be opened.
    #[error("test file of {byte_count} bytes, allowed {min} to {max}")]
    TestOutOfRange {
        /// What was revealed.
        byte_count: u64,
        /// Least length.
        min: u64,
        /// Largest length.
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
    check_model(&running, opening)?;
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
        trace_root: opening.trace.map_or_else(TraceRoot::default, |trace| trace.root()),
        salt: opening.salt,
    });
    if revealed != claim.commitment {
        return Err(RevealError::CommitmentMismatch { claimed: claim.commitment, revealed }.into());
    }
    let model = RevealedModel { root: opening.model_root, byte_count: opening.byte_count };
    claim.model = Some(model);
    claim.trace = opening.trace;
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
    let data = &running.order.specification.data;
    let allowed = data.file_bytes(data.test_example_count);
    let byte_count = file.byte_count;
    if !allowed.contains(&byte_count) {
        let (min, max) = allowed.into_inner();
        return Err(RevealError::TestOutOfRange { byte_count, min, max });
    }
    let claimed = data.test_commitment;
    let revealed = test_commitment(file, salt);
    if revealed != claimed {
        return Err(RevealError::CommitmentMismatch { claimed, revealed });
    }
    Ok(())
}

fn check_model(running: &Running, opening: &ModelOpening) -> Result<(), RevealError> {
    let specification = &running.order.specification;
    let (byte_count, expected) = (opening.byte_count, model_byte_count(specification)?);
    if byte_count != expected {
        return Err(RevealError::WrongLength { byte_count, expected });
    }
    let has_trace = opening.trace.is_some();
    let is_recipe = specification.train.recipe.is_fixed();
    if has_trace != is_recipe {
        return Err(RevealError::TraceMismatch { has_trace, is_recipe });
    }
    Ok(())
}

/// Bytes of a canonical model file of the order: header and weights.
fn model_byte_count(specification: &OrderSpecification) -> Result<u64, ProgramError> {
    let header = model_header(specification)?;
    let header = u64::try_from(header.len()).unwrap_or(u64::MAX);
    // The order passed `check`, so its cost fits; a length of 0 would only refuse.
    let weights = cost(specification).map_or(0, |cost| cost.model_bytes);
    Ok(header.saturating_add(weights))
}
