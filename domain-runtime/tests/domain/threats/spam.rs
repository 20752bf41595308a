//! Floods of claims, calls and accounts.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::claim::Claim;
use aipot_domain_runtime::primitives::{AccountId, Amount, Commitment};
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::transition::Applied;
use aipot_domain_runtime::window::Phase;

use crate::harness::{CLIENT, OUTSIDER, World, person, refusal, specification};

/// Claims of a flood.
const FLOOD: u32 = 10_000;
/// Refused calls of a flood.
const REFUSED_FLOOD: u32 = 2_000;

#[test]
fn state_does_not_grow_with_ten_thousand_claims() {
    let mut world = World::new();
    let mut rich = specification(1);
    rich.pay.metric_min_millionths = 1;
    let order = world.submit_as(&person(CLIENT), rich);
    world.advance_to(&order, Phase::Train);
    let providers = world.committee(&order).providers;
    for provider in &providers {
        let commitment = Commitment([0; 32]);
        world.accept(provider, Call::Claim { order, commitment, sequence: 0 });
    }
    let (keys, burned) = (world.store.len(), world.burned());
    for sequence in 1..=FLOOD {
        let spammer = &providers[usize::try_from(sequence % 3).expect("a place is small")];
        let commitment = Commitment([1; 32]);
        world.accept(spammer, Call::Claim { order, commitment, sequence });
    }
    assert_eq!(world.store.len(), keys, "one live claim for each provider");
    let claim = world.read::<Claim>(&(order, providers[0])).expect("there is a claim");
    assert_eq!(claim.deposit.0, 2_000, "one deposit for each provider");
    let flood = u128::from(FLOOD);
    assert!(world.burned() > burned + 100 * flood, "every claim has burned its fee");
}

#[test]
fn state_does_not_grow_with_refused_calls() {
    let mut world = World::new();
    let order = world.submit(1);
    world.advance_to(&order, Phase::Train);
    let (keys, free) = (world.store.len(), world.free(&person(OUTSIDER)));
    for sequence in 0..REFUSED_FLOOD {
        let call = Call::Claim { order, commitment: Commitment([1; 32]), sequence };
        let applied = world.call(&person(OUTSIDER), call);
        assert!(matches!(applied, Applied::Refused(Refusal::Access(_))));
    }
    assert_eq!(world.store.len(), keys);
    assert!(world.free(&person(OUTSIDER)) < free - 100 * u128::from(REFUSED_FLOOD));
}

#[test]
fn an_account_costs_a_deposit() {
    let mut world = World::new();
    let to = AccountId([3; 32]);
    let refused = refusal(world.call(&person(CLIENT), Call::Transfer { to, amount: Amount(999) }));
    assert!(matches!(refused, Refusal::Funds(_)));
    world.accept(&person(CLIENT), Call::Transfer { to, amount: Amount(1_000) });
    world.accept(&person(CLIENT), Call::Transfer { to, amount: Amount(1) });
    assert_eq!(world.free(&to), 1_001);
}

#[test]
fn money_sent_to_oneself_is_neither_lost_nor_made() {
    let mut world = World::new();
    let call = world.sign(
        &person(CLIENT),
        Call::Transfer { to: person(CLIENT), amount: Amount(world.free(&person(CLIENT)) - 10_000) },
    );
    let fee = 100 + u128::try_from(parity_scale_codec::Encode::encoded_size(&call)).expect("small");
    let before = world.free(&person(CLIENT));
    assert_eq!(world.apply(call), Applied::Accepted);
    assert_eq!(world.free(&person(CLIENT)), before - fee);
}

#[test]
fn many_orders_that_fall_due_together_are_worked_off_over_some_blocks() {
    // Sixteen blocks of orders, made so that all committees are due in one block; more than fit.
    let mut world = World::new();
    let mut orders = Vec::new();
    let batches = 18_u32;
    for batch in 0..batches {
        for place in 0..16 {
            let mut cheap = specification(u64::from(batch * 16 + place));
            cheap.windows.open = 1 + batches - batch;
            cheap.pay.reward = Amount(1_003);
            cheap.pay.client_bond = Amount(101);
            orders.push(world.submit_as(&person(CLIENT), cheap));
        }
        world.advance(1);
    }
    let ledger_before = world.burned();
    for order in &orders {
        world.settle(order);
        assert!(world.order(order).outcome.is_some());
    }
    // Each client lost only the bonds for tests that nobody revealed.
    assert_eq!(world.burned(), ledger_before + 101 * u128::from(batches) * 16);
    assert!(crate::harness::working_records(&world.store).is_empty());
}
