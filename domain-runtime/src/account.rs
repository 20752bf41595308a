//! Accounts, the totals of the domain, and the only functions that move free money.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::primitives::{AccountId, Amount};
use crate::refusal::CallResult;
use crate::state::{Fault, Record, State};

/// An account of the domain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct Account {
    /// Calls of this account applied so far; the next call must carry exactly this number.
    pub nonce: u64,
    /// Money that can be spent.
    pub free: Amount,
}

impl Record for Account {
    const TABLE: u8 = 2;
    type Key = AccountId;
}

/// Sums over the whole domain.
///
/// `issued` equals free money, stakes, escrows, bonds and deposits, plus `audit_fund` and `burned`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct Totals {
    /// Made at genesis; never changes.
    pub issued: Amount,
    /// Destroyed: fees, the burned share of escrows and slashes.
    pub burned: Amount,
    /// Set aside to pay for audits.
    pub audit_fund: Amount,
}

impl Record for Totals {
    const TABLE: u8 = 1;
    type Key = ();
}

/// Why money could not be moved.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FundsError {
    /// The account has less than is needed.
    #[error("account {account} has {free}, needed {needed}")]
    Insufficient {
        /// Who should pay.
        account: AccountId,
        /// Free money of the account.
        free: Amount,
        /// What was asked for.
        needed: Amount,
    },
    /// A transfer would leave an account too small to be worth its place in the state.
    #[error("amount {amount} to the unknown account {account}, allowed at least {min}")]
    BelowDeposit {
        /// Who would be paid.
        account: AccountId,
        /// What was offered.
        amount: Amount,
        /// Least balance of a fresh account.
        min: Amount,
    },
}

/// `left + right`.
///
/// # Errors
/// [`Fault::Overflow`] when the sum does not fit.
pub fn add(left: Amount, right: Amount, quantity: &'static str) -> Result<Amount, Fault> {
    left.checked_add(right).ok_or(Fault::Overflow { quantity })
}

/// `left - right`.
///
/// # Errors
/// [`Fault::Overflow`] when the difference would be negative.
pub fn subtract(left: Amount, right: Amount, quantity: &'static str) -> Result<Amount, Fault> {
    left.checked_sub(right).ok_or(Fault::Overflow { quantity })
}

/// The account, an empty one when it is unknown.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn account(state: &State<'_>, id: &AccountId) -> Result<Account, Fault> {
    Ok(state.get::<Account>(id)?.unwrap_or_default())
}

/// Adds free money to an account.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn credit(state: &mut State<'_>, id: &AccountId, amount: Amount) -> Result<(), Fault> {
    if amount == Amount::ZERO {
        return Ok(());
    }
    let mut account = account(state, id)?;
    account.free = add(account.free, amount, "free money")?;
    state.put(id, &account);
    Ok(())
}

/// Takes free money from an account.
///
/// # Errors
/// [`FundsError::Insufficient`] when it has less; nothing is taken then.
pub fn debit(state: &mut State<'_>, id: &AccountId, amount: Amount) -> CallResult {
    let mut account = account(state, id)?;
    let short = FundsError::Insufficient { account: *id, free: account.free, needed: amount };
    account.free = account.free.checked_sub(amount).ok_or(short)?;
    state.put(id, &account);
    Ok(())
}

/// Moves money between accounts.
///
/// # Errors
/// [`FundsError`] when the sender has less, or a fresh account would start below `deposit_min`.
pub fn transfer(
    state: &mut State<'_>,
    from: &AccountId,
    to: &AccountId,
    amount: Amount,
    deposit_min: Amount,
) -> CallResult {
    if state.get::<Account>(to)?.is_none() && amount < deposit_min {
        return Err(FundsError::BelowDeposit { account: *to, amount, min: deposit_min }.into());
    }
    debit(state, from, amount)?;
    Ok(credit(state, to, amount)?)
}

/// Destroys money that its owner has already given up.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn burn(state: &mut State<'_>, amount: Amount) -> Result<(), Fault> {
    if amount == Amount::ZERO {
        return Ok(());
    }
    let mut totals = state.require::<Totals>(&())?;
    totals.burned = add(totals.burned, amount, "burned money")?;
    state.put(&(), &totals);
    Ok(())
}

/// Sets money aside that its owner has already given up, to pay for audits.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn fund_audits(state: &mut State<'_>, amount: Amount) -> Result<(), Fault> {
    let mut totals = state.require::<Totals>(&())?;
    totals.audit_fund = add(totals.audit_fund, amount, "audit fund")?;
    state.put(&(), &totals);
    Ok(())
}

#[cfg(test)]
mod tests;
