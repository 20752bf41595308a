//! The first state holds what was agreed on, or nothing.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::account::Account;
use crate::operator::{OperatorAt, OperatorCount};

const PROVIDER: Roles = Roles { provider: true, validator: false };

fn parameters() -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 1,
            window_max_blocks: 10,
            settlement_max_blocks: 100,
            move_window_blocks: 1,
            reward_min: Amount(1),
            training_price: Amount(1),
            evaluation_price: Amount(1),
        },
        orders_per_block_max: 1,
        base_fee: Amount(1),
        byte_fee: Amount(1),
        account_deposit_min: Amount(1),
        operator_stake_min: Amount(1),
        stake_withdrawal_blocks: 100,
        claim_deposit: Amount(1),
        challenge_bond: Amount(60_000),
    }
}

fn account(byte: u8, free: u128, stake: Option<u128>) -> GenesisAccount {
    let operator = stake.map(|stake| (Amount(stake), PROVIDER));
    GenesisAccount { id: AccountId([byte; 32]), free: Amount(free), operator }
}

fn genesis(accounts: Vec<GenesisAccount>) -> Genesis {
    Genesis {
        name: BoundedBytes::try_from(b"test".to_vec()).unwrap(),
        parameters: parameters(),
        accounts: BoundedVec::try_from(accounts).unwrap(),
    }
}

#[test]
fn what_is_issued_is_what_accounts_and_stakes_hold() {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    let genesis =
        genesis(vec![account(1, 5, None), account(2, 7, Some(11)), account(3, 0, Some(13))]);
    genesis.install(&mut state).unwrap();
    let totals = state.require::<Totals>(&()).unwrap();
    let expected = Totals { issued: Amount(36), burned: Amount(0), audit_fund: Amount(0) };
    assert_eq!(totals, expected);
    assert_eq!(state.get::<Account>(&AccountId([1; 32])).unwrap().unwrap().free, Amount(5));
    assert_eq!(state.require::<OperatorCount>(&()), Ok(OperatorCount(2)));
    assert_eq!(state.require::<OperatorAt>(&1), Ok(OperatorAt(AccountId([3; 32]))));
    assert_eq!(state.require::<Network>(&()), Ok(Network(genesis.hash())));
}

#[test]
fn an_account_listed_twice_is_refused() {
    for accounts in [
        vec![account(1, 5, None), account(1, 6, None)],
        vec![account(1, 0, Some(1)), account(1, 0, Some(2))],
    ] {
        let empty = BTreeMap::new();
        let refused = genesis(accounts).install(&mut State::new(&empty)).unwrap_err();
        assert_eq!(refused, GenesisError::DuplicateAccount { account: AccountId([1; 32]) });
    }
}

#[test]
fn stake_must_not_leave_before_the_last_settlement() {
    let empty = BTreeMap::new();
    let mut short = genesis(vec![]);
    short.parameters.stake_withdrawal_blocks = 99;
    let refused = short.install(&mut State::new(&empty)).unwrap_err();
    assert_eq!(refused, GenesisError::WithdrawalTooEarly { settlement: 100, withdrawal: 99 });
}

#[test]
fn a_bond_that_would_not_pay_a_game_is_refused() {
    let empty = BTreeMap::new();
    let mut cheap = genesis(vec![]);
    let min = cheap.parameters.challenge_bond_min();
    // 12 calls and 20 KiB at 1 each, of which a winner gets 40 %.
    assert_eq!(min, Amount((12 + 20 * 1_024) * 5 / 2));
    let bond = Amount(min.0 - 1);
    cheap.parameters.challenge_bond = bond;
    let refused = cheap.install(&mut State::new(&empty)).unwrap_err();
    assert_eq!(refused, GenesisError::BondTooSmall { bond, min });
    cheap.parameters.challenge_bond = min;
    assert_eq!(cheap.install(&mut State::new(&empty)), Ok(()));
}

#[test]
fn moves_need_a_window() {
    let empty = BTreeMap::new();
    let mut instant = genesis(vec![]);
    instant.parameters.order_limits.move_window_blocks = 0;
    let refused = instant.install(&mut State::new(&empty)).unwrap_err();
    assert_eq!(refused, GenesisError::NoMoveWindow { blocks: 0 });
}

#[test]
fn more_money_than_can_be_counted_is_refused() {
    let empty = BTreeMap::new();
    let rich = genesis(vec![account(1, u128::MAX, None), account(2, 1, None)]);
    let refused = rich.install(&mut State::new(&empty)).unwrap_err();
    assert_eq!(refused, GenesisError::Fault(Fault::Overflow { quantity: "issued money" }));
}

#[test]
fn every_rule_is_part_of_the_identity() {
    let mut other = genesis(vec![]);
    other.parameters.challenge_bond = Amount(60_001);
    assert_ne!(other.hash(), genesis(vec![]).hash());
}
