//! Money moves, or does not move at all.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::refusal::{Failure, Refusal};

const ALICE: AccountId = AccountId([1; 32]);
const BOB: AccountId = AccountId([2; 32]);

/// Runs `test` on a state where `ALICE` has 100 and nothing is burned.
fn with_state(test: impl FnOnce(&mut State<'_>)) {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    state.put(&(), &Totals { issued: Amount(100), ..Totals::default() });
    credit(&mut state, &ALICE, Amount(100)).unwrap();
    test(&mut state);
}

fn free(state: &State<'_>, id: &AccountId) -> u128 {
    account(state, id).unwrap().free.0
}

fn refused(result: CallResult) -> FundsError {
    match result.unwrap_err() {
        Failure::Refused(Refusal::Funds(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_spends_more_than_there_is() {
    with_state(|state| {
        let error = refused(debit(state, &ALICE, Amount(101)));
        let (free_money, needed) = (Amount(100), Amount(101));
        assert_eq!(error, FundsError::Insufficient { account: ALICE, free: free_money, needed });
        assert_eq!(free(state, &ALICE), 100);
        debit(state, &ALICE, Amount(100)).unwrap();
        assert_eq!(free(state, &ALICE), 0);
    });
}

#[test]
fn a_fresh_account_starts_with_a_deposit() {
    with_state(|state| {
        let error = refused(transfer(state, &ALICE, &BOB, Amount(9), Amount(10)));
        let (amount, min) = (Amount(9), Amount(10));
        assert_eq!(error, FundsError::BelowDeposit { account: BOB, amount, min });
        transfer(state, &ALICE, &BOB, Amount(10), Amount(10)).unwrap();
        transfer(state, &ALICE, &BOB, Amount(1), Amount(10)).unwrap();
        assert_eq!((free(state, &ALICE), free(state, &BOB)), (89, 11));
    });
}

#[test]
fn nothing_credited_makes_no_account() {
    with_state(|state| {
        credit(state, &BOB, Amount::ZERO).unwrap();
        transfer(state, &ALICE, &BOB, Amount::ZERO, Amount::ZERO).unwrap();
        assert_eq!(state.get::<Account>(&BOB), Ok(None));
    });
}

#[test]
fn sums_that_do_not_fit_are_faults() {
    with_state(|state| {
        let fault = credit(state, &ALICE, Amount(u128::MAX)).unwrap_err();
        assert_eq!(fault, Fault::Overflow { quantity: "free money" });
        assert_eq!(free(state, &ALICE), 100);
    });
}

proptest! {
    #[test]
    fn a_transfer_moves_exactly_its_amount(amount in 0_u128..200, to_oneself: bool) {
        with_state(|state| {
            let to = if to_oneself { ALICE } else { BOB };
            let is_possible = transfer(state, &ALICE, &to, Amount(amount), Amount::ZERO).is_ok();
            assert_eq!(is_possible, amount <= 100);
            assert_eq!(free(state, &ALICE) + free(state, &BOB), 100);
            let moved = if is_possible && !to_oneself { amount } else { 0 };
            assert_eq!(free(state, &BOB), moved);
        });
    }
}
