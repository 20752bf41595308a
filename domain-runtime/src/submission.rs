//! Step 1: an order is checked, paid for and put on the agenda.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::{add, debit};
use crate::agenda::{Item, schedule};
use crate::chunk::ChunkRequests;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::order::check::{OrderError, check};
use crate::order::{OrderSpecification, PaySpecification};
use crate::primitives::{AccountId, Amount, At, BlockNumber, OrderId};
use crate::progress::{OrderRecord, Progress};
use crate::refusal::CallResult;
use crate::state::{Fault, Record, State};
use crate::window::{Phase, Windows};

/// Orders accepted in the last block that accepted any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct OrdersInBlock {
    /// Which block.
    pub block: BlockNumber,
    /// How many orders.
    pub count: u32,
}

impl Record for OrdersInBlock {
    const TABLE: u8 = 13;
    type Key = ();
}

/// Why an order is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It breaks a static rule.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The same specification was submitted before.
    #[error("order {order} exists already; another seed or test commitment makes another order")]
    Duplicate {
        /// Its id.
        order: OrderId,
    },
    /// The order would be settled beyond the largest height.
    #[error("an order of {blocks} blocks from block {block}, allowed up to block {max}")]
    BeyondLastBlock {
        /// Height of the submission.
        block: BlockNumber,
        /// Length of all windows.
        blocks: u64,
        /// The largest height.
        max: BlockNumber,
    },
    /// Whoever loses a game as provider or validator must lose at least what a challenger would.
    #[error("{field} is {stake}, allowed at least the bond of a challenge, {min}")]
    StakeBelowBond {
        /// Path of the field in the specification.
        field: &'static str,
        /// What the order says.
        stake: Amount,
        /// The bond.
        min: Amount,
    },
    /// The block has enough orders.
    #[error(
        "{count} orders in block {block}, allowed at most {max}; submit again in a later block"
    )]
    BlockFull {
        /// Height.
        block: BlockNumber,
        /// Orders so far.
        count: u32,
        /// Orders allowed.
        max: u32,
    },
}

/// Takes escrow and bond from `client` and opens the order.
///
/// # Errors
/// [`SubmitError`] or [`crate::account::FundsError`]; nothing is taken then.
pub fn submit(
    state: &mut State<'_>,
    client: &AccountId,
    specification: OrderSpecification,
    at: At,
) -> CallResult {
    let parameters = state.require::<Parameters>(&())?;
    check(&specification, &parameters.order_limits).map_err(SubmitError::Order)?;
    check_stakes(&specification.pay, parameters.challenge_bond)?;
    let order = specification.id();
    if state.get::<OrderRecord>(&order)?.is_some() {
        return Err(SubmitError::Duplicate { order }.into());
    }
    check_height(&specification.windows, at.block)?;
    count_order(state, parameters.orders_per_block_max, at)?;
    let pay = &specification.pay;
    let reward = pay.reward;
    debit(state, client, add(reward, pay.client_bond, "escrow and bond")?)?;
    let start = specification.windows.start(Phase::Train, at.block);
    schedule(state, start, Item::Phase { order, phase: Phase::Train })?;
    state.put(&order, &OrderRecord { specification, client: *client, outcome: None });
    state.put(&order, &fresh_progress(at.block));
    state.emit(Event::OrderSubmitted { order, client: *client, reward });
    Ok(())
}

fn check_stakes(pay: &PaySpecification, bond: Amount) -> Result<(), SubmitError> {
    let stakes = [
        ("pay.provider_stake_min", pay.provider_stake_min),
        ("pay.validator_stake_min", pay.validator_stake_min),
    ];
    match stakes.into_iter().find(|(_, stake)| *stake < bond) {
        Some((field, stake)) => Err(SubmitError::StakeBelowBond { field, stake, min: bond }),
        None => Ok(()),
    }
}

/// Heights stop at the largest one, so an order that reaches it would never be settled.
fn check_height(windows: &Windows, block: BlockNumber) -> Result<(), SubmitError> {
    let before_close = u64::from(windows.open).saturating_add(u64::from(windows.train));
    let blocks = windows.settlement_blocks().saturating_add(before_close);
    let max = BlockNumber(u32::MAX);
    if u64::from(block.0).saturating_add(blocks) >= u64::from(max.0) {
        return Err(SubmitError::BeyondLastBlock { block, blocks, max });
    }
    Ok(())
}

fn fresh_progress(submitted_at: BlockNumber) -> Progress {
    Progress {
        submitted_at,
        committee: None,
        claim_count: 0,
        test: None,
        test_requests: ChunkRequests::new(),
        test_source: None,
        evaluation_beacon: None,
        challenge_count: 0,
        open_challenge_count: 0,
    }
}

/// Forgets the count of an earlier block, so that a settled state holds no heights.
pub(crate) fn forget_count(state: &mut State<'_>, block: BlockNumber) -> Result<(), Fault> {
    if state.get::<OrdersInBlock>(&())?.is_some_and(|last| last.block < block) {
        state.remove::<OrdersInBlock>(&());
    }
    Ok(())
}

fn count_order(state: &mut State<'_>, max: u32, at: At) -> CallResult {
    let last = state.get::<OrdersInBlock>(&())?.unwrap_or_default();
    let count = if last.block == at.block { last.count } else { 0 };
    if count >= max {
        return Err(SubmitError::BlockFull { block: at.block, count, max }.into());
    }
    state.put(&(), &OrdersInBlock { block: at.block, count: count.saturating_add(1) });
    Ok(())
}
