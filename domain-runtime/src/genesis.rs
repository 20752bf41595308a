//! The first state: parameters of the network, accounts and operators that are there from the start.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::{Totals, add, credit};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::challenge::{SIDE_BYTES_MAX, SIDE_CALLS_MAX};
use crate::operator::{Operator, Roles, enlist};
use crate::order::check::OrderLimits;
use crate::payment::{BOND_WINNER_PERCENT, SLASH_CHALLENGER_PERCENT};
use crate::primitives::{AccountId, Amount, BlockNumber, GenesisHash};
use crate::state::{Fault, Record, State};

/// Most accounts of a genesis.
pub const GENESIS_ACCOUNTS_MAX: usize = 100_000;
/// Longest name of a network in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Rules of one network. They never change after genesis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Parameters {
    /// What every order must keep to.
    pub order_limits: OrderLimits,
    /// Most orders accepted in one block; bounds the work of later blocks.
    pub orders_per_block_max: u32,
    /// Fee of every call.
    pub base_fee: Amount,
    /// Fee of every byte of a call.
    pub byte_fee: Amount,
    /// Least balance with which an account can be made by a transfer.
    pub account_deposit_min: Amount,
    /// Least stake of an operator.
    pub operator_stake_min: Amount,
    /// Delay of a withdrawal of stake, in blocks: 14,400 on Autonomys.
    pub stake_withdrawal_blocks: u32,
    /// Held from a provider's first claim until it reveals.
    pub claim_deposit: Amount,
    /// Held from a challenger until the challenge is decided. The stake of an order must be as much, so
    /// that either loser of a game pays at least the fees of both sides.
    pub challenge_bond: Amount,
}

impl Parameters {
    /// The least bond whose smaller winner's share pays all calls of one side of a game.
    ///
    /// That share is the challenger's part of the slashed stake, which is as large as the bond at least; the
    /// whole bond is then more than the fees of both sides.
    #[must_use]
    pub fn challenge_bond_min(&self) -> Amount {
        let calls = self.base_fee.0.saturating_mul(u128::from(SIDE_CALLS_MAX));
        let bytes = u128::try_from(SIDE_BYTES_MAX).unwrap_or(u128::MAX);
        let fees = calls.saturating_add(self.byte_fee.0.saturating_mul(bytes));
        let share = SLASH_CHALLENGER_PERCENT.min(BOND_WINNER_PERCENT);
        let hundredfold = fees.saturating_mul(100);
        Amount(hundredfold.div_ceil(u128::from(share)))
    }
}

/// Hash of the genesis, kept in the state for commitments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Network(pub GenesisHash);

impl Record for Parameters {
    const TABLE: u8 = 0;
    type Key = ();
}

impl Record for Network {
    const TABLE: u8 = 14;
    type Key = ();
}

/// An account of the genesis.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct GenesisAccount {
    /// Whose.
    pub id: AccountId,
    /// Its free money.
    pub free: Amount,
    /// Its stake and roles, if it is an operator from the start.
    pub operator: Option<(Amount, Roles)>,
}

/// The first state, as agreed by everybody beforehand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Genesis {
    /// Name of the network.
    pub name: BoundedBytes<NAME_BYTES_MAX>,
    /// Its rules.
    pub parameters: Parameters,
    /// Its first accounts.
    pub accounts: BoundedVec<GenesisAccount, GENESIS_ACCOUNTS_MAX>,
}

/// Why a genesis is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// An account stands twice in the list.
    #[error("account {account} is listed twice")]
    DuplicateAccount {
        /// Which.
        account: AccountId,
    },
    /// Stake could be withdrawn before an order that it secures is settled.
    #[error(
        "orders may take {settlement} blocks to settle, stake can be withdrawn after {withdrawal}"
    )]
    WithdrawalTooEarly {
        /// Longest settlement that the order limits allow.
        settlement: u32,
        /// Delay of withdrawals.
        withdrawal: u32,
    },
    /// The winner of a game would get less than its fees.
    #[error(
        "challenge bond {bond}, allowed at least {min}, so that a winner's share pays its fees"
    )]
    BondTooSmall {
        /// Bond of a challenger.
        bond: Amount,
        /// Least bond.
        min: Amount,
    },
    /// No move could be made in time.
    #[error("move window of {blocks} blocks, allowed at least 1")]
    NoMoveWindow {
        /// Blocks for a move.
        blocks: u32,
    },
    /// This machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Genesis {
    /// BLAKE3 of the SCALE bytes: the identity of the network.
    #[must_use]
    pub fn hash(&self) -> GenesisHash {
        GenesisHash(*blake3::hash(&self.encode()).as_bytes())
    }

    /// Writes the first state into `state`, which must be empty.
    ///
    /// # Errors
    /// [`GenesisError`] naming the rule that the genesis breaks.
    pub fn install(&self, state: &mut State<'_>) -> Result<(), GenesisError> {
        let settlement = self.parameters.order_limits.settlement_max_blocks;
        let withdrawal = self.parameters.stake_withdrawal_blocks;
        if settlement > withdrawal {
            return Err(GenesisError::WithdrawalTooEarly { settlement, withdrawal });
        }
        let blocks = self.parameters.order_limits.move_window_blocks;
        if blocks == 0 {
            return Err(GenesisError::NoMoveWindow { blocks });
        }
        let (bond, min) = (self.parameters.challenge_bond, self.parameters.challenge_bond_min());
        if bond < min {
            return Err(GenesisError::BondTooSmall { bond, min });
        }
        state.put(&(), &self.parameters);
        state.put(&(), &Network(self.hash()));
        let mut issued = Amount::ZERO;
        for account in &self.accounts {
            issued = add(issued, install_account(state, account)?, "issued money")?;
        }
        let totals = Totals { issued, burned: Amount::ZERO, audit_fund: Amount::ZERO };
        state.put(&(), &totals);
        state.keep();
        Ok(())
    }
}

fn install_account(
    state: &mut State<'_>,
    account: &GenesisAccount,
) -> Result<Amount, GenesisError> {
    let listed = state.get::<crate::account::Account>(&account.id)?.is_some()
        || state.get::<Operator>(&account.id)?.is_some();
    if listed {
        return Err(GenesisError::DuplicateAccount { account: account.id });
    }
    credit(state, &account.id, account.free)?;
    let Some((stake, roles)) = account.operator else {
        return Ok(account.free);
    };
    enlist(state, &account.id, stake, roles, BlockNumber(0))?;
    Ok(add(account.free, stake, "issued money")?)
}

#[cfg(test)]
mod tests;
