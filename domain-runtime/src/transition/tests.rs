//! Fees, reasons of refusals, and faults that blame no call.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::account::FundsError;
use crate::order::check::{OrderError, OrderLimits};
use crate::primitives::{Beacon, BlockNumber, GenesisHash};
use crate::state::{ReadState, StorageFailure};
use crate::submission::SubmitError;

fn parameters(base_fee: u128, byte_fee: u128) -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 1,
            window_max_blocks: 1,
            settlement_max_blocks: 1,
            move_window_blocks: 1,
            reward_min: Amount(1),
            training_price: Amount(1),
            evaluation_price: Amount(1),
        },
        orders_per_block_max: 1,
        base_fee: Amount(base_fee),
        byte_fee: Amount(byte_fee),
        account_deposit_min: Amount(1),
        operator_stake_min: Amount(1),
        stake_withdrawal_blocks: 1,
        claim_deposit: Amount(1),
        challenge_bond: Amount(1),
    }
}

#[test]
fn a_fee_grows_with_the_bytes_and_never_wraps() {
    assert_eq!(fee(&parameters(100, 3), 0), Amount(100));
    assert_eq!(fee(&parameters(100, 3), 50), Amount(250));
    assert_eq!(fee(&parameters(u128::MAX, 3), 50), Amount(u128::MAX));
    assert_eq!(fee(&parameters(1, u128::MAX), 50), Amount(u128::MAX));
}

#[test]
fn the_reason_of_a_refusal_names_what_is_allowed() {
    let field = "pay.reward";
    let error = OrderError::OutOfRange { field, value: 1, min: 5, max: 9 };
    let refusal = Refusal::Submit(SubmitError::Order(error));
    let text = String::from_utf8(reason(&refusal).into_inner()).unwrap();
    assert_eq!(text, "pay.reward is 1, allowed 5 to 9");
}

#[test]
fn every_reason_fits_its_bound() {
    let account = AccountId([255; 32]);
    let amount = Amount(u128::MAX);
    let refusal = Refusal::Funds(FundsError::BelowDeposit { account, amount, min: amount });
    assert!(reason(&refusal).len() < REASON_BYTES_MAX);
}

/// A store that is out of order.
struct Broken;

impl ReadState for Broken {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StorageFailure> {
        Err(StorageFailure { reason: "disk".into() })
    }
}

#[test]
fn a_broken_store_is_a_fault_and_no_refusal() {
    let secret = schnorrkel::MiniSecretKey::from_bytes(&[5; 32]).unwrap();
    let keypair = secret.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let call = SignedCall::sign(&keypair, &GenesisHash([1; 32]), 0, Call::Withdraw);
    let at = At { block: BlockNumber(1), beacon: Beacon([0; 32]) };
    let mut state = State::new(&Broken);
    assert!(apply(&mut state, call, at).is_err());
    assert!(tick(&mut state, at).is_err());
    let (changes, events) = state.finish();
    assert!(changes.is_empty() && events.is_empty());
}

#[test]
fn sums_of_money_do_not_wrap() {
    assert_eq!(sum([Amount(1), Amount(2)]), Ok(Amount(3)));
    assert!(sum([Amount(u128::MAX), Amount(1)]).is_err());
}
