//! Step 10: the escrow is divided, slashed stake finds its takers; no unit is made or lost.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::{add, burn, credit, subtract};
use crate::event::Event;
use crate::primitives::{AccountId, Amount, OrderId};
use crate::state::{Fault, State};

/// Share of the winner (percent).
pub const WINNER_PERCENT: u8 = 70;
/// Share of the runners-up (percent).
pub const RUNNERS_UP_PERCENT: u8 = 8;
/// Share of the correct validators (percent).
pub const VALIDATORS_PERCENT: u8 = 15;
/// Share of the audit fund (percent).
pub const AUDIT_FUND_PERCENT: u8 = 5;
/// Share that is burned (percent).
pub const BURNED_PERCENT: u8 = 2;
/// Share of slashed stake that goes to the challenger (percent).
pub const SLASH_CHALLENGER_PERCENT: u8 = 40;
/// Share of slashed stake that goes to the client (percent).
pub const SLASH_CLIENT_PERCENT: u8 = 20;
/// Share of a challenger's lost bond that goes to the winner of the game (percent); the rest is burned.
pub const BOND_WINNER_PERCENT: u8 = 50;

const _: () = assert!(
    WINNER_PERCENT as u32
        + RUNNERS_UP_PERCENT as u32
        + VALIDATORS_PERCENT as u32
        + AUDIT_FUND_PERCENT as u32
        + BURNED_PERCENT as u32
        == 100
);
// At least 40 % of a slash is burned, so that challenging oneself loses.
const _: () = assert!(SLASH_CHALLENGER_PERCENT + SLASH_CLIENT_PERCENT <= 60);

/// As what somebody is paid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen)]
pub enum PayoutRole {
    /// Trained the best model.
    #[codec(index = 0)]
    Winner,
    /// Trained another model that satisfied the order.
    #[codec(index = 1)]
    RunnerUp,
    /// Evaluated rightly.
    #[codec(index = 2)]
    Validator,
    /// Gets back what nobody earned.
    #[codec(index = 3)]
    Client,
    /// Set aside for audits; the account is all zeros.
    #[codec(index = 4)]
    AuditFund,
    /// Destroyed; the account is all zeros.
    #[codec(index = 5)]
    Burned,
}

/// A share of an escrow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Payout {
    /// As what.
    pub role: PayoutRole,
    /// To whom.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
}

/// Who has earned what of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earners {
    /// Who pays and gets back the rest.
    pub client: AccountId,
    /// Providers of satisfying models, the best first.
    pub providers: Vec<AccountId>,
    /// Validators who were right.
    pub validators: Vec<AccountId>,
}

/// Divides the escrow `reward`. The amounts add up to `reward` exactly.
///
/// Without a satisfying model the validators are paid for their work and the client gets back the rest.
/// A share that nobody earned goes back to the client; what does not divide evenly is burned.
///
/// # Errors
/// [`Fault::Overflow`] never happens for shares of one escrow; it is checked all the same.
///
/// # Source
/// AI-PoT specification, "Money".
pub fn split(reward: Amount, earners: &Earners) -> Result<Vec<Payout>, Fault> {
    let mut payouts = Vec::new();
    let (winner, runners_up) = match earners.providers.split_first() {
        Some((winner, others)) => (core::slice::from_ref(winner), others),
        None => (&[][..], &[][..]),
    };
    let shares = [
        (PayoutRole::Winner, winner, WINNER_PERCENT),
        (PayoutRole::RunnerUp, runners_up, RUNNERS_UP_PERCENT),
        (PayoutRole::Validator, earners.validators.as_slice(), VALIDATORS_PERCENT),
    ];
    let mut refund = Amount::ZERO;
    let mut dust = reward;
    for (role, accounts, percent) in shares {
        let share = reward.percent(percent);
        if accounts.is_empty() {
            refund = add(refund, share, "refund")?;
            dust = subtract(dust, share, "escrow")?;
        }
        let amount = share.share(accounts.len());
        for account in accounts {
            payouts.push(Payout { role, account: *account, amount });
            dust = subtract(dust, amount, "escrow")?;
        }
    }
    // An order that bought nothing owes nothing to audits and burns nothing.
    if earners.providers.is_empty() {
        refund = add(refund, dust, "refund")?;
        dust = Amount::ZERO;
    }
    let audit = if dust == Amount::ZERO { dust } else { reward.percent(AUDIT_FUND_PERCENT) };
    let burned = subtract(dust, audit, "escrow")?;
    let nobody = AccountId::default();
    let rest = [
        (PayoutRole::Client, earners.client, refund),
        (PayoutRole::AuditFund, nobody, audit),
        (PayoutRole::Burned, nobody, burned),
    ];
    for (role, account, amount) in rest.into_iter().filter(|one| one.2 != Amount::ZERO) {
        payouts.push(Payout { role, account, amount });
    }
    Ok(payouts)
}

/// Pays what [`split`] computed.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn pay(state: &mut State<'_>, order: OrderId, payouts: &[Payout]) -> Result<(), Fault> {
    for payout in payouts {
        match payout.role {
            PayoutRole::Winner
            | PayoutRole::RunnerUp
            | PayoutRole::Validator
            | PayoutRole::Client => credit(state, &payout.account, payout.amount)?,
            PayoutRole::AuditFund => crate::account::fund_audits(state, payout.amount)?,
            PayoutRole::Burned => burn(state, payout.amount)?,
        }
        state.emit(Event::Paid { order, payout: *payout });
    }
    Ok(())
}

/// Gives slashed stake to challenger and client and burns the rest.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn distribute_slash(
    state: &mut State<'_>,
    order: OrderId,
    operator: AccountId,
    taken: Amount,
    (challenger, client): (Option<AccountId>, AccountId),
) -> Result<(), Fault> {
    let to_challenger = match challenger {
        Some(_) => taken.percent(SLASH_CHALLENGER_PERCENT),
        None => Amount::ZERO,
    };
    let to_client = taken.percent(SLASH_CLIENT_PERCENT);
    let given = add(to_challenger, to_client, "slash")?;
    let burned = subtract(taken, given, "slash")?;
    if let Some(challenger) = challenger {
        credit(state, &challenger, to_challenger)?;
    }
    credit(state, &client, to_client)?;
    burn(state, burned)?;
    state.emit(Event::Slashed { order, operator, amount: taken, to_challenger, to_client, burned });
    Ok(())
}

#[cfg(test)]
mod tests;
