//! Operators: registration, stake, delayed withdrawal, and the only function that takes stake away.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::{add, credit, debit, subtract};
use crate::bounded::BoundedVec;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::primitives::{AccountId, Amount, At, BlockNumber};
use crate::refusal::CallResult;
use crate::state::{Fault, Record, State};

/// Most withdrawals that an operator can have under way.
pub const WITHDRAWALS_MAX: usize = 8;

/// What an operator is ready to be drawn as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct Roles {
    /// Trains models.
    pub provider: bool,
    /// Scores models.
    pub validator: bool,
}

/// Stake on its way back to its owner; still at risk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Withdrawal {
    /// How much.
    pub amount: Amount,
    /// First block in which it can be taken.
    pub available_at: BlockNumber,
}

/// A staked identity.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Operator {
    /// Money at risk that counts in drawings.
    pub stake: Amount,
    /// What the operator is ready to be drawn as.
    pub roles: Roles,
    /// Counts the registrations of this account; part of every commitment.
    pub registration_epoch: u32,
    /// Block of the last registration or change of stake by the operator itself. Only orders from later
    /// blocks may draw it, so that nobody can answer a known beacon with a new identity or stake.
    pub changed_at: BlockNumber,
    /// Stake on its way back.
    pub withdrawals: BoundedVec<Withdrawal, WITHDRAWALS_MAX>,
}

impl Record for Operator {
    const TABLE: u8 = 3;
    type Key = AccountId;
}

/// The operator at a place of the list of all operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct OperatorAt(pub AccountId);

impl Record for OperatorAt {
    const TABLE: u8 = 4;
    type Key = u32;
}

/// Length of the list of all operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct OperatorCount(pub u32);

impl Record for OperatorCount {
    const TABLE: u8 = 5;
    type Key = ();
}

/// Why a change of an operator is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The account already is an operator.
    #[error("{operator} is already registered")]
    AlreadyRegistered {
        /// The account.
        operator: AccountId,
    },
    /// The account is no operator.
    #[error("{operator} is not a registered operator")]
    NotRegistered {
        /// The account.
        operator: AccountId,
    },
    /// The stake would be too small.
    #[error("stake would be {stake}, allowed at least {min}, or nothing at all")]
    StakeTooSmall {
        /// Stake after the call.
        stake: Amount,
        /// Least stake.
        min: Amount,
    },
    /// More is taken back than is staked.
    #[error("unstake of {amount}, staked {stake}")]
    MoreThanStaked {
        /// What was asked for.
        amount: Amount,
        /// What there is.
        stake: Amount,
    },
    /// An amount of zero.
    #[error("amount is 0, allowed at least 1")]
    Nothing,
    /// Too many withdrawals are under way.
    #[error("{count} withdrawals under way, allowed at most {max}")]
    TooManyWithdrawals {
        /// Withdrawals under way.
        count: usize,
        /// Withdrawals allowed.
        max: usize,
    },
    /// No withdrawal is due yet.
    #[error("no withdrawal of {operator} is available before block {next}")]
    NothingAvailable {
        /// The account.
        operator: AccountId,
        /// Block of the next one; 0 when there is none.
        next: BlockNumber,
    },
    /// Too much stake can be withdrawn before the order that it should secure is settled.
    #[error("{operator} has {at_risk} at risk until the settlement, needed {min}")]
    NotAtRisk {
        /// The account.
        operator: AccountId,
        /// Stake that cannot leave before the settlement.
        at_risk: Amount,
        /// What the order demands.
        min: Amount,
    },
    /// Registered for nothing.
    #[error("roles are empty, allowed provider, validator or both")]
    NoRole,
}

/// Registers `id` with `stake` taken from its free money.
///
/// # Errors
/// [`OperatorError`] or [`crate::account::FundsError`].
pub fn register(
    state: &mut State<'_>,
    id: &AccountId,
    stake: Amount,
    roles: Roles,
    at: At,
) -> CallResult {
    if state.get::<Operator>(id)?.is_some() {
        return Err(OperatorError::AlreadyRegistered { operator: *id }.into());
    }
    if !roles.provider && !roles.validator {
        return Err(OperatorError::NoRole.into());
    }
    let min = state.require::<Parameters>(&())?.operator_stake_min;
    if stake < min {
        return Err(OperatorError::StakeTooSmall { stake, min }.into());
    }
    debit(state, id, stake)?;
    enlist(state, id, stake, roles, at.block)?;
    state.emit(Event::OperatorRegistered { operator: *id, stake, roles });
    Ok(())
}

/// Adds an operator to the list, its stake already taken.
pub(crate) fn enlist(
    state: &mut State<'_>,
    id: &AccountId,
    stake: Amount,
    roles: Roles,
    block: BlockNumber,
) -> Result<(), Fault> {
    let count = state.get::<OperatorCount>(&())?.unwrap_or_default().0;
    state.put(&count, &OperatorAt(*id));
    let next = count.checked_add(1).ok_or(Fault::Overflow { quantity: "operators" })?;
    state.put(&(), &OperatorCount(next));
    let withdrawals = BoundedVec::new();
    let operator = Operator { stake, roles, registration_epoch: 0, changed_at: block, withdrawals };
    state.put(id, &operator);
    Ok(())
}

/// Adds to the stake of `id`.
///
/// # Errors
/// [`OperatorError`] or [`crate::account::FundsError`].
pub fn add_stake(state: &mut State<'_>, id: &AccountId, amount: Amount, at: At) -> CallResult {
    let mut operator = registered(state, id)?;
    if amount == Amount::ZERO {
        return Err(OperatorError::Nothing.into());
    }
    debit(state, id, amount)?;
    operator.stake = add(operator.stake, amount, "stake")?;
    operator.changed_at = at.block;
    state.put(id, &operator);
    state.emit(Event::StakeAdded { operator: *id, amount });
    Ok(())
}

/// Starts the withdrawal of a part of the stake.
///
/// # Errors
/// [`OperatorError`] when there is less, or too little would stay.
pub fn unstake(state: &mut State<'_>, id: &AccountId, amount: Amount, at: At) -> CallResult {
    let mut operator = registered(state, id)?;
    if amount == Amount::ZERO {
        return Err(OperatorError::Nothing.into());
    }
    let parameters = state.require::<Parameters>(&())?;
    let more = OperatorError::MoreThanStaked { amount, stake: operator.stake };
    let stake = operator.stake.checked_sub(amount).ok_or(more)?;
    let min = parameters.operator_stake_min;
    if stake != Amount::ZERO && stake < min {
        return Err(OperatorError::StakeTooSmall { stake, min }.into());
    }
    let available_at = at.block.after(parameters.stake_withdrawal_blocks);
    operator.withdrawals.push(Withdrawal { amount, available_at }).map_err(|full| {
        OperatorError::TooManyWithdrawals { count: operator.withdrawals.len(), max: full.max }
    })?;
    operator.stake = stake;
    operator.changed_at = at.block;
    state.put(id, &operator);
    state.emit(Event::UnstakeStarted { operator: *id, amount, available_at });
    Ok(())
}

/// Pays out the withdrawals that are due.
///
/// # Errors
/// [`OperatorError::NothingAvailable`] when none is.
pub fn withdraw(state: &mut State<'_>, id: &AccountId, at: At) -> CallResult {
    let mut operator = registered(state, id)?;
    let mut due = Amount::ZERO;
    for withdrawal in operator.withdrawals.iter().filter(|one| one.available_at <= at.block) {
        due = add(due, withdrawal.amount, "withdrawals")?;
    }
    if due == Amount::ZERO {
        let next = operator.withdrawals.iter().map(|one| one.available_at).min();
        let next = next.unwrap_or_default();
        return Err(OperatorError::NothingAvailable { operator: *id, next }.into());
    }
    operator.withdrawals.retain(|one| one.available_at > at.block);
    state.put(id, &operator);
    credit(state, id, due)?;
    state.emit(Event::StakeWithdrawn { operator: *id, amount: due });
    Ok(())
}

/// Checks that at least `min` of the stake of `id` cannot have left by block `until`.
///
/// # Errors
/// [`OperatorError::NotAtRisk`] when less is at risk.
pub fn require_at_risk(
    state: &State<'_>,
    id: &AccountId,
    min: Amount,
    until: BlockNumber,
) -> CallResult {
    let operator = registered(state, id)?;
    let staying = operator.withdrawals.iter().filter(|one| one.available_at > until);
    let at_risk =
        staying.fold(operator.stake.0, |sum, withdrawal| sum.saturating_add(withdrawal.amount.0));
    if at_risk < min.0 {
        return Err(
            OperatorError::NotAtRisk { operator: *id, at_risk: Amount(at_risk), min }.into()
        );
    }
    Ok(())
}

/// Takes up to `amount` of the operator's stake, then of its withdrawals, and returns what was taken.
///
/// The caller must give what is returned to somebody or burn it.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn slash(state: &mut State<'_>, id: &AccountId, amount: Amount) -> Result<Amount, Fault> {
    let Some(mut operator) = state.get::<Operator>(id)? else {
        return Ok(Amount::ZERO);
    };
    let mut taken = operator.stake.min(amount);
    operator.stake = subtract(operator.stake, taken, "stake")?;
    for withdrawal in operator.withdrawals.as_mut_slice() {
        let part = withdrawal.amount.min(subtract(amount, taken, "slash")?);
        withdrawal.amount = subtract(withdrawal.amount, part, "withdrawal")?;
        taken = add(taken, part, "slash")?;
    }
    operator.withdrawals.retain(|one| one.amount != Amount::ZERO);
    state.put(id, &operator);
    Ok(taken)
}

fn registered(state: &State<'_>, id: &AccountId) -> CallResult<Operator> {
    let operator = state.get::<Operator>(id)?;
    Ok(operator.ok_or(OperatorError::NotRegistered { operator: *id })?)
}

#[cfg(test)]
mod tests;
