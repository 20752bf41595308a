//! Stake goes in, comes out late, and can be taken all the while.

use alloc::collections::BTreeMap;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::refusal::{Failure, Refusal};

const OPERATOR: AccountId = AccountId([1; 32]);

/// Runs `test` on a state with one operator of `stake`, and `pending` stake on its way out.
fn with_operator(stake: u128, pending: &[u128], test: impl FnOnce(&mut State<'_>)) {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    let roles = Roles { provider: true, validator: true };
    enlist(&mut state, &OPERATOR, Amount(stake), roles, BlockNumber(3)).unwrap();
    let mut operator = state.require::<Operator>(&OPERATOR).unwrap();
    for (amount, block) in pending.iter().zip(100..) {
        let available_at = BlockNumber(block);
        operator.withdrawals.push(Withdrawal { amount: Amount(*amount), available_at }).unwrap();
    }
    state.put(&OPERATOR, &operator);
    test(&mut state);
}

fn left(state: &State<'_>) -> (u128, vec::Vec<u128>) {
    let operator = state.require::<Operator>(&OPERATOR).unwrap();
    (operator.stake.0, operator.withdrawals.iter().map(|one| one.amount.0).collect())
}

#[test]
fn stake_is_taken_before_withdrawals_and_those_in_their_order() {
    with_operator(10, &[20, 30], |state| {
        assert_eq!(slash(state, &OPERATOR, Amount(4)), Ok(Amount(4)));
        assert_eq!(left(state), (6, vec![20, 30]));
        assert_eq!(slash(state, &OPERATOR, Amount(27)), Ok(Amount(27)));
        assert_eq!(left(state), (0, vec![29]));
        assert_eq!(slash(state, &OPERATOR, Amount(100)), Ok(Amount(29)));
        assert_eq!(left(state), (0, vec![]));
    });
}

#[test]
fn who_is_no_operator_has_nothing_to_take() {
    with_operator(10, &[], |state| {
        assert_eq!(slash(state, &AccountId([9; 32]), Amount(4)), Ok(Amount::ZERO));
    });
}

#[test]
fn stake_at_risk_is_what_cannot_leave_in_time() {
    with_operator(10, &[20, 30], |state| {
        // The withdrawals are due at blocks 100 and 101.
        for (until, at_risk) in [(99, 60), (100, 40), (101, 10)] {
            let check = |min| require_at_risk(state, &OPERATOR, Amount(min), BlockNumber(until));
            assert_eq!(check(at_risk), Ok(()));
            let (operator, min) = (OPERATOR, Amount(at_risk + 1));
            let at_risk = Amount(at_risk);
            let expected = OperatorError::NotAtRisk { operator, at_risk, min };
            assert_eq!(check(min.0), Err(Failure::Refused(Refusal::Operator(expected))));
        }
    });
}

#[test]
fn only_due_withdrawals_are_paid() {
    with_operator(10, &[20, 30], |state| {
        let at =
            |block| At { block: BlockNumber(block), beacon: crate::primitives::Beacon([0; 32]) };
        let expected =
            OperatorError::NothingAvailable { operator: OPERATOR, next: BlockNumber(100) };
        let refused = withdraw(state, &OPERATOR, at(99)).unwrap_err();
        assert_eq!(refused, Failure::Refused(Refusal::Operator(expected)));
        withdraw(state, &OPERATOR, at(100)).unwrap();
        assert_eq!(left(state), (10, vec![30]));
        assert_eq!(crate::account::account(state, &OPERATOR).unwrap().free, Amount(20));
    });
}

proptest! {
    #[test]
    fn a_slash_takes_what_it_says(
        stake in 0_u128..1_000,
        pending in prop::collection::vec(1_u128..1_000, 0..=WITHDRAWALS_MAX),
        amount in 0_u128..5_000,
    ) {
        with_operator(stake, &pending, |state| {
            let before = stake + pending.iter().sum::<u128>();
            let taken = slash(state, &OPERATOR, Amount(amount)).unwrap().0;
            let (stake, pending) = left(state);
            assert_eq!(stake + pending.iter().sum::<u128>() + taken, before);
            assert_eq!(taken, amount.min(before));
            assert!(pending.iter().all(|amount| *amount > 0));
        });
    }
}
