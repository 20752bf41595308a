//! Whole orders from submission to payment.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, Amount, BlockNumber};
use aipot_domain_runtime::window::Phase;

use crate::harness::{CLIENT, PARAMETERS, World, person, working_records};

#[test]
fn an_honest_order_pays_the_best_model() {
    let mut world = World::new();
    let order = world.submit(1);
    world.advance_to(&order, Phase::Train);
    let committee = world.committee(&order);
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner().map(|one| one.provider), Some(committee.providers[0]));
    let paid: u128 = outcome.payouts.iter().map(|payout| payout.amount.0).sum();
    assert_eq!(paid, 1_000_003);
    let roles: Vec<_> = outcome.payouts.iter().map(|payout| payout.role).collect();
    assert_eq!(
        roles,
        [
            PayoutRole::Winner,
            PayoutRole::RunnerUp,
            PayoutRole::RunnerUp,
            PayoutRole::Validator,
            PayoutRole::Validator,
            PayoutRole::Validator,
            PayoutRole::AuditFund,
            PayoutRole::Burned,
        ]
    );
}

#[test]
fn a_settled_state_holds_no_working_records() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play(&order);
    assert_eq!(working_records(&world.store), Vec::<Vec<u8>>::new());
}

#[test]
fn a_block_in_one_piece_gives_the_same_state_as_call_by_call() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play(&order);
    assert_eq!(world.replayed(PARAMETERS), world.store);
}

#[test]
fn the_same_calls_at_other_heights_end_in_the_same_state() {
    let states = [0_u32, 1, 17].map(|delay| {
        let mut world = World::new();
        // The committee depends on the beacon, so the delay comes after its drawing: within windows.
        let order = world.submit(1);
        world.advance_to(&order, Phase::Train);
        world.advance(delay.min(2));
        world.play(&order);
        world.advance(delay);
        world.store
    });
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0], states[2]);
}

#[test]
fn every_phase_begins_at_its_block() {
    let mut world = World::new();
    let submitted = world.at.block;
    let order = world.submit(1);
    world.play(&order);
    let windows = world.order(&order).specification.windows;
    let block_of = |is_it: fn(&Event) -> bool| {
        world.events.iter().find(|(_, event)| is_it(event)).map(|(block, _)| *block)
    };
    let start = |phase: Phase| -> Option<BlockNumber> { Some(windows.start(phase, submitted)) };
    assert_eq!(
        block_of(|event| matches!(event, Event::CommitteeDrawn { .. })),
        start(Phase::Train)
    );
    assert_eq!(
        block_of(|event| matches!(event, Event::EvaluationStarted { .. })),
        start(Phase::EvaluationCommit)
    );
    assert_eq!(
        block_of(|event| matches!(event, Event::OrderSettled { .. })),
        start(Phase::ChallengeExtension)
    );
}

#[test]
fn an_order_that_nobody_can_serve_is_refunded() {
    let mut world = World::new();
    let before = world.free(&person(CLIENT));
    let mut specification = crate::harness::specification(1);
    specification.pay.provider_stake_min.0 = u128::from(u64::MAX);
    let order = world.submit_as(&person(CLIENT), specification);
    let escrow = 1_000_003 + 100_007;
    let fee = before - escrow - world.free(&person(CLIENT));
    world.settle(&order);
    assert_eq!(world.free(&person(CLIENT)), before - fee);
    assert_eq!(working_records(&world.store), Vec::<Vec<u8>>::new());
}

#[test]
fn an_order_without_claims_is_refunded_to_the_last_unit() {
    let mut world = World::new();
    let order = world.submit(1);
    let after_submission = world.free(&person(CLIENT));
    world.advance_to(&order, Phase::TestReveal);
    let before_reveal = world.free(&person(CLIENT));
    world.reveal_test(&order);
    let fee = before_reveal - world.free(&person(CLIENT));
    world.settle(&order);
    assert_eq!(world.free(&person(CLIENT)), after_submission - fee + 1_000_003 + 100_007);
}

#[test]
fn nobody_is_drawn_to_judge_a_competitor() {
    let mut world = World::new();
    let roles = Roles { provider: true, validator: true };
    for number in 40..43 {
        world.meet(number);
        let (to, amount) = (person(number), Amount(9_000_000));
        world.accept(&person(CLIENT), Call::Transfer { to, amount });
        world.accept(&to, Call::RegisterOperator { stake: Amount(8_000_000), roles });
    }
    world.advance(1);
    let mut both_seen = 0;
    for seed in 0..16 {
        let order = world.submit(seed);
        world.advance_to(&order, Phase::Train);
        let committee = world.committee(&order);
        let is_provider = |account: &AccountId| committee.providers.contains(account);
        assert!(!committee.validators.iter().any(&is_provider), "order {seed}");
        let dual = (40..43).map(person).filter(is_provider);
        both_seen += dual.count();
        world.settle(&order);
    }
    assert!(both_seen > 16, "most providers could have been validators: {both_seen}");
}
