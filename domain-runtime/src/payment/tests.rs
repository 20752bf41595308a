//! Shares of escrows and slashes add up, whoever has earned what.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::account::Totals;
use crate::state::ReadState;

const CLIENT: AccountId = AccountId([9; 32]);

fn accounts(first: u8, count: u8) -> Vec<AccountId> {
    (first..first.saturating_add(count)).map(|byte| AccountId([byte; 32])).collect()
}

fn earners(provider_count: u8, validator_count: u8) -> Earners {
    let (providers, validators) = (accounts(10, provider_count), accounts(100, validator_count));
    Earners { client: CLIENT, providers, validators }
}

fn paid(payouts: &[Payout], role: PayoutRole) -> Vec<u128> {
    payouts.iter().filter(|one| one.role == role).map(|one| one.amount.0).collect()
}

#[test]
fn the_shares_are_those_of_the_protocol() {
    let payouts = split(Amount(1_000), &earners(3, 5)).unwrap();
    assert_eq!(paid(&payouts, PayoutRole::Winner), [700]);
    assert_eq!(paid(&payouts, PayoutRole::RunnerUp), [40, 40]);
    assert_eq!(paid(&payouts, PayoutRole::Validator), [30; 5]);
    assert_eq!(paid(&payouts, PayoutRole::AuditFund), [50]);
    assert_eq!(paid(&payouts, PayoutRole::Burned), [20]);
    assert_eq!(paid(&payouts, PayoutRole::Client), []);
}

#[test]
fn without_runners_up_their_share_goes_back() {
    let payouts = split(Amount(1_000), &earners(1, 1)).unwrap();
    assert_eq!(paid(&payouts, PayoutRole::Client), [80]);
}

#[test]
fn without_validators_their_share_goes_back() {
    let payouts = split(Amount(1_000), &earners(2, 0)).unwrap();
    assert_eq!(paid(&payouts, PayoutRole::Client), [150]);
}

#[test]
fn without_a_model_everything_but_the_validators_share_goes_back() {
    let payouts = split(Amount(1_003), &earners(0, 4)).unwrap();
    assert_eq!(paid(&payouts, PayoutRole::Validator), [37; 4]);
    assert_eq!(paid(&payouts, PayoutRole::Client), [1_003 - 4 * 37]);
    assert_eq!(payouts.len(), 5);
}

#[test]
fn an_order_that_bought_nothing_costs_nothing() {
    let payouts = split(Amount(1_003), &earners(0, 0)).unwrap();
    let all = Payout { role: PayoutRole::Client, account: CLIENT, amount: Amount(1_003) };
    assert_eq!(payouts, [all]);
}

/// A state with totals of zero.
fn store() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    state.put(&(), &Totals::default());
    state.keep();
    let (changes, _) = state.finish();
    changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn free(state: &State<'_>, id: &AccountId) -> u128 {
    crate::account::account(state, id).unwrap().free.0
}

#[test]
fn a_slash_without_a_challenger_burns_four_fifths() {
    let store = store();
    let mut state = State::new(&store as &dyn ReadState);
    let operator = AccountId([1; 32]);
    distribute_slash(&mut state, OrderId::default(), operator, Amount(1_000), (None, CLIENT))
        .unwrap();
    assert_eq!(free(&state, &CLIENT), 200);
    assert_eq!(state.require::<Totals>(&()).unwrap().burned, Amount(800));
}

proptest! {
    /// Conservation: what is paid out is what was paid in.
    #[test]
    fn no_unit_is_lost(
        reward in 0_u128..=u128::MAX >> 8,
        small in 0_u128..1_000,
        provider_count in 0_u8..33,
        validator_count in 0_u8..33,
    ) {
        for reward in [reward, small] {
            let payouts = split(Amount(reward), &earners(provider_count, validator_count)).unwrap();
            let total: u128 = payouts.iter().map(|payout| payout.amount.0).sum();
            prop_assert_eq!(total, reward);
            prop_assert!(payouts.len() <= crate::outcome::PAYOUTS_MAX);
        }
    }

    #[test]
    fn nobody_gets_more_than_the_share_of_the_role(
        reward in 0_u128..1_000_000,
        provider_count in 1_u8..33,
        validator_count in 1_u8..33,
    ) {
        let payouts = split(Amount(reward), &earners(provider_count, validator_count)).unwrap();
        let sum = |role| paid(&payouts, role).iter().sum::<u128>();
        prop_assert_eq!(sum(PayoutRole::Winner), reward * 70 / 100);
        prop_assert!(sum(PayoutRole::RunnerUp) <= reward * 8 / 100);
        prop_assert!(sum(PayoutRole::Validator) <= reward * 15 / 100);
        prop_assert_eq!(sum(PayoutRole::AuditFund), reward * 5 / 100);
        // Two percent and what does not divide evenly: at most one unit a head and a share.
        let dust = u128::from(provider_count) + u128::from(validator_count) + 5;
        prop_assert!(sum(PayoutRole::Burned) <= reward * 2 / 100 + dust + reward * 8 / 100);
        if provider_count > 1 {
            prop_assert!(sum(PayoutRole::Burned) <= reward * 2 / 100 + dust);
        }
    }

    #[test]
    fn a_slash_finds_its_takers(taken: u64, has_challenger: bool) {
        let store = store();
        let mut state = State::new(&store as &dyn ReadState);
        let (operator, challenger) = (AccountId([1; 32]), AccountId([2; 32]));
        let takers = (has_challenger.then_some(challenger), CLIENT);
        let amount = Amount(u128::from(taken));
        distribute_slash(&mut state, OrderId::default(), operator, amount, takers).unwrap();
        let burned = state.require::<Totals>(&()).unwrap().burned.0;
        let given = free(&state, &challenger) + free(&state, &CLIENT);
        prop_assert_eq!(given + burned, u128::from(taken));
        prop_assert!(burned * 5 >= u128::from(taken) * 2);
    }
}
