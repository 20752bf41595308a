//! Dishonest or clumsy clients.

use aipot_domain_runtime::account::FundsError;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::{ChunkTarget, prove_chunk};
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::order::check::OrderError;
use aipot_domain_runtime::order::{DataFile, test_commitment};
use aipot_domain_runtime::primitives::{AccountId, Amount, DataRoot, OrderId, Salt};
use aipot_domain_runtime::progress::TestSource;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::reveal::RevealError;
use aipot_domain_runtime::submission::SubmitError;
use aipot_domain_runtime::window::Phase;

use crate::harness::play::reveal_test_call;
use crate::harness::setting::{TEST_SALT, test_bytes};
use crate::harness::{CLIENT, OUTSIDER, PARAMETERS, World, person, refusal, specification};

const BOND: u128 = 100_007;

/// Everybody is honest from evaluation on; gives what the client lost on the way to the settlement.
fn evaluate_and_settle(world: &mut World, order: &OrderId) {
    world.advance_to(order, Phase::EvaluationCommit);
    world.all_commit(order);
    world.play(order);
}

fn lost_bonds(world: &World) -> Vec<(AccountId, Amount)> {
    world.happened(|event| match event {
        Event::ClientBondLost { client, amount, .. } => Some((*client, *amount)),
        _ => None,
    })
}

#[test]
fn a_withheld_test_set_is_replaced_by_a_split_and_costs_the_bond() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::TestReveal);
    let free = world.free(&person(CLIENT));
    let burned = world.burned();
    world.advance_to(&order, Phase::EvaluationCommit);
    assert_eq!(world.burned(), burned + BOND);
    let source = world.progress(&order).test_source;
    assert_eq!(source, Some(TestSource::BeaconSplit(world.at.beacon)));
    evaluate_and_settle(&mut world, &order);
    assert_eq!(lost_bonds(&world), [(person(CLIENT), Amount(BOND))]);
    assert_eq!(world.free(&person(CLIENT)), free, "neither bond nor reward came back");
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.standings.len(), 3, "the providers are paid all the same");
}

#[test]
fn a_withheld_chunk_of_the_test_set_counts_as_withheld() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::TestAvailability);
    let validator = world.committee(&order).validators[0];
    let target = ChunkTarget::Test;
    world.accept(&validator, Call::RequestChunk { order, target, chunk_index: 2 });
    evaluate_and_settle(&mut world, &order);
    assert_eq!(lost_bonds(&world), [(person(CLIENT), Amount(BOND))]);
}

#[test]
fn a_served_chunk_of_the_test_set_saves_the_bond() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::TestAvailability);
    let validator = world.committee(&order).validators[0];
    let target = ChunkTarget::Test;
    world.accept(&validator, Call::RequestChunk { order, target, chunk_index: 2 });
    let proof = prove_chunk(&test_bytes(), 2).expect("the file has three chunks");
    world.accept(&person(CLIENT), Call::ServeChunk { order, target, proof });
    let free = world.free(&person(CLIENT));
    evaluate_and_settle(&mut world, &order);
    assert_eq!(lost_bonds(&world), []);
    assert_eq!(world.free(&person(CLIENT)), free + BOND);
}

#[test]
fn another_test_set_than_the_committed_one_is_refused() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::TestReveal);
    let right = reveal_test_call(&order);
    let Call::RevealTest { file, .. } = right else { panic!("test data is revealed") };
    let other = DataFile { root: DataRoot([1; 32]), ..file };
    for (file, salt) in [(other, TEST_SALT), (file, Salt([1; 32]))] {
        let refused = refusal(world.call(&person(CLIENT), Call::RevealTest { order, file, salt }));
        assert!(matches!(refused, Refusal::Reveal(RevealError::CommitmentMismatch { .. })));
    }
    let refused = refusal(world.call(&person(OUTSIDER), reveal_test_call(&order)));
    assert!(matches!(refused, Refusal::Reveal(RevealError::NotClient { .. })));
    world.reveal_test(&order);
    let refused = refusal(world.call(&person(CLIENT), reveal_test_call(&order)));
    assert_eq!(refused, Refusal::Reveal(RevealError::AlreadyRevealed { order }));
}

#[test]
fn a_test_file_of_an_impossible_size_cannot_be_revealed() {
    let right = crate::harness::setting::test_file().byte_count;
    for byte_count in [0, right - 1, right + 1, u64::MAX] {
        let mut world = World::new();
        let file = DataFile { byte_count, ..crate::harness::setting::test_file() };
        let mut specification = specification(1);
        specification.data.test_commitment = test_commitment(&file, &TEST_SALT);
        let order = world.submit_as(&person(CLIENT), specification);
        world.play_until(&order, Phase::Reveal);
        world.all_reveal(&order);
        world.advance_to(&order, Phase::TestReveal);
        let call = Call::RevealTest { order, file, salt: TEST_SALT };
        let refused = refusal(world.call(&person(CLIENT), call));
        assert!(matches!(refused, Refusal::Reveal(RevealError::TestOutOfRange { .. })));
        evaluate_and_settle(&mut world, &order);
        assert_eq!(lost_bonds(&world), [(person(CLIENT), Amount(BOND))]);
    }
}

#[test]
fn a_test_set_revealed_before_the_models_is_refused() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Reveal);
    let refused = refusal(world.call(&person(CLIENT), reveal_test_call(&order)));
    assert!(matches!(refused, Refusal::Access(_)));
}

#[test]
fn the_same_order_twice_is_refused_while_it_runs_and_after() {
    let mut world = World::new();
    let order = world.submit(1);
    let submit = || Call::SubmitOrder { specification: specification(1) };
    let duplicate = Refusal::Submit(SubmitError::Duplicate { order });
    assert_eq!(refusal(world.call(&person(CLIENT), submit())), duplicate);
    assert_eq!(refusal(world.call(&person(OUTSIDER), submit())), duplicate);
    world.play(&order);
    assert_eq!(refusal(world.call(&person(CLIENT), submit())), duplicate);
}

#[test]
fn an_order_that_its_client_cannot_pay_takes_nothing() {
    let mut world = World::new();
    let mut expensive = specification(1);
    expensive.pay.reward = Amount(world.free(&person(CLIENT)) - 1_000);
    expensive.pay.client_bond = expensive.pay.reward;
    let needed = Amount(2 * expensive.pay.reward.0);
    let before = world.free(&person(CLIENT));
    let call = Call::SubmitOrder { specification: expensive };
    let refused = refusal(world.call(&person(CLIENT), call));
    let free = Amount(world.free(&person(CLIENT)));
    let account = person(CLIENT);
    assert_eq!(refused, Refusal::Funds(FundsError::Insufficient { account, free, needed }));
    assert!(before - free.0 < 1_000, "only the fee is gone");
}

#[test]
fn an_order_that_breaks_a_static_rule_is_refused_by_name() {
    let mut world = World::new();
    let mut endless = specification(1);
    endless.windows.challenge = PARAMETERS.order_limits.settlement_max_blocks;
    let call = Call::SubmitOrder { specification: endless };
    let refused = refusal(world.call(&person(CLIENT), call));
    let Refusal::Submit(SubmitError::Order(OrderError::SettlementTooLate { blocks, max })) =
        refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((blocks, max), (3 + 4 + 2 + 4 + 3 + 3 + 400 + 46, 400));
}

#[test]
fn a_block_takes_so_many_orders_and_no_more() {
    let mut world = World::new();
    for seed in 0..u64::from(PARAMETERS.orders_per_block_max) {
        world.submit(seed);
    }
    let call = Call::SubmitOrder { specification: specification(99) };
    let refused = refusal(world.call(&person(CLIENT), call.clone()));
    assert!(matches!(refused, Refusal::Submit(SubmitError::BlockFull { count: 16, max: 16, .. })));
    world.advance(1);
    world.accept(&person(CLIENT), call);
}

#[test]
fn an_order_that_would_outlive_the_last_height_is_refused() {
    let mut world = World::new();
    world.at.block.0 = u32::MAX - 10;
    let call = Call::SubmitOrder { specification: specification(1) };
    let refused = refusal(world.call(&person(CLIENT), call));
    assert!(matches!(refused, Refusal::Submit(SubmitError::BeyondLastBlock { .. })));
}

#[test]
fn an_order_whose_games_could_not_end_in_time_is_refused() {
    let mut world = World::new();
    let mut hasty = specification(1);
    hasty.windows.challenge_extension -= 1;
    let refused = refusal(world.call(&person(CLIENT), Call::SubmitOrder { specification: hasty }));
    let Refusal::Submit(SubmitError::Order(OrderError::ExtensionTooShort { .. })) = refused else {
        panic!("{refused:?}");
    };
}

#[test]
fn an_order_that_risks_less_than_a_bond_is_refused() {
    let min = PARAMETERS.challenge_bond;
    let stake = Amount(min.0 - 1);
    let mut lax_providers = specification(1);
    lax_providers.pay.provider_stake_min = stake;
    let mut lax_validators = specification(1);
    lax_validators.pay.validator_stake_min = stake;
    for (specification, field) in
        [(lax_providers, "pay.provider_stake_min"), (lax_validators, "pay.validator_stake_min")]
    {
        let mut world = World::new();
        let refused = refusal(world.call(&person(CLIENT), Call::SubmitOrder { specification }));
        let expected = SubmitError::StakeBelowBond { field, stake, min };
        assert_eq!(refused, Refusal::Submit(expected));
    }
}

#[test]
fn an_order_that_cannot_be_refereed_is_refused() {
    let mut world = World::new();
    let mut endless = specification(1);
    endless.data.test_example_count = 64 << 20;
    endless.pay.reward = Amount(1 << 100);
    endless.pay.client_bond = endless.pay.reward;
    let call = Call::SubmitOrder { specification: endless };
    let refused = refusal(world.call(&person(CLIENT), call));
    let Refusal::Submit(SubmitError::Order(error)) = refused else { panic!("{refused:?}") };
    let field = "steps of the evaluation";
    let expected = OrderError::OutOfRange { field, value: 1 << 20, min: 1, max: 1_000_000 };
    assert_eq!(error, expected);
}
