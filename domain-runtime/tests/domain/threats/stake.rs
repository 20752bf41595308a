//! Stake that tries to leave before it is slashed.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::operator::{Operator, OperatorError, Roles, WITHDRAWALS_MAX};
use aipot_domain_runtime::primitives::Amount;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::window::Phase;

use crate::harness::people::{FIRST_PROVIDER, providers};
use crate::harness::{CLIENT, OUTSIDER, PARAMETERS, World, person, refusal, specification};

#[test]
fn a_withdrawal_is_refused_before_the_horizon() {
    let mut world = World::new();
    let operator = person(FIRST_PROVIDER);
    let amount = Amount(world.stake(&operator));
    let horizon = world.at.block.after(PARAMETERS.stake_withdrawal_blocks);
    world.accept(&operator, Call::Unstake { amount });
    while world.at.block < horizon {
        let refused = refusal(world.call(&operator, Call::Withdraw));
        let expected = OperatorError::NothingAvailable { operator, next: horizon };
        assert_eq!(refused, Refusal::Operator(expected));
        world.advance(40);
    }
    let free = world.free(&operator);
    world.accept(&operator, Call::Withdraw);
    assert!(world.free(&operator) > free);
    let refused = refusal(world.call(&operator, Call::Withdraw));
    assert!(matches!(refused, Refusal::Operator(OperatorError::NothingAvailable { .. })));
}

#[test]
fn slashing_reaches_stake_on_its_way_out() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Availability);
    let provider = world.committee(&order).providers[0];
    let stake = world.stake(&provider);
    world.accept(&provider, Call::Unstake { amount: Amount(stake) });
    let target = ChunkTarget::Model(provider);
    world.accept(&person(CLIENT), Call::RequestChunk { order, target, chunk_index: 0 });
    world.play(&order);
    assert_eq!(world.slashed(&provider), 70_001);
    let operator = world.read::<Operator>(&provider).expect("it stays an operator");
    let pending: u128 = operator.withdrawals.iter().map(|one| one.amount.0).sum();
    assert_eq!((operator.stake.0, pending), (0, stake - 70_001));
}

#[test]
fn a_provider_whose_stake_can_leave_before_the_settlement_cannot_reveal() {
    let mut world = World::new();
    let mut long = specification(1);
    long.windows.train = PARAMETERS.stake_withdrawal_blocks + 10;
    let order = world.submit_as(&person(CLIENT), long);
    world.advance_to(&order, Phase::Train);
    let provider = world.committee(&order).providers[0];
    let stake = world.stake(&provider);
    world.all_claim(&order);
    world.accept(&provider, Call::Unstake { amount: Amount(stake) });
    world.advance_to(&order, Phase::Reveal);
    let call = world.reveal_call(&order, &provider).expect("there is a claim");
    let refused = refusal(world.call(&provider, call));
    let expected =
        OperatorError::NotAtRisk { operator: provider, at_risk: Amount(0), min: Amount(70_001) };
    assert_eq!(refused, Refusal::Operator(expected));
    // Whoever keeps its stake reveals as ever.
    let honest = world.committee(&order).providers[1];
    world.reveal(&order, &honest);
}

#[test]
fn a_validator_whose_stake_can_leave_before_the_settlement_cannot_commit() {
    let mut world = World::new();
    let mut long = specification(1);
    long.windows.train = PARAMETERS.stake_withdrawal_blocks + 10;
    let order = world.submit_as(&person(CLIENT), long);
    world.advance_to(&order, Phase::Train);
    let validator = world.committee(&order).validators[0];
    let amount = Amount(world.stake(&validator));
    world.accept(&validator, Call::Unstake { amount });
    world.play_until(&order, Phase::EvaluationCommit);
    let truth = world.truth(&order, &validator);
    let call = world.commit_call(&order, &validator, truth);
    let refused = refusal(world.call(&validator, call));
    assert!(matches!(refused, Refusal::Operator(OperatorError::NotAtRisk { .. })));
}

#[test]
fn stake_that_leaves_after_the_settlement_is_still_at_risk() {
    let mut world = World::new();
    let order = world.submit(1);
    world.advance_to(&order, Phase::Train);
    let provider = world.committee(&order).providers[0];
    let amount = Amount(world.stake(&provider));
    world.accept(&provider, Call::Unstake { amount });
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    assert_eq!(outcome.winner().map(|one| one.provider), Some(provider));
}

#[test]
fn who_changed_its_stake_after_the_submission_is_not_drawn() {
    let mut world = World::new();
    let order = world.submit(1);
    let changed = person(FIRST_PROVIDER);
    world.accept(&changed, Call::AddStake { amount: Amount(40_000_000) });
    world.advance_to(&order, Phase::Train);
    let mut drawn = world.committee(&order).providers.to_vec();
    drawn.sort();
    let mut others: Vec<_> = providers().map(person).filter(|other| *other != changed).collect();
    others.sort();
    assert_eq!(drawn, others);
}

#[test]
fn registration_and_stake_are_bounded() {
    let mut world = World::new();
    let outsider = person(OUTSIDER);
    let roles = Roles { provider: true, validator: false };
    let few = PARAMETERS.operator_stake_min.0 - 1;
    let refused = |world: &mut World, call: Call| match refusal(world.call(&outsider, call)) {
        Refusal::Operator(error) => error,
        other => panic!("{other:?}"),
    };
    let (stake, min) = (Amount(few), PARAMETERS.operator_stake_min);
    let error = refused(&mut world, Call::RegisterOperator { stake, roles });
    assert_eq!(error, OperatorError::StakeTooSmall { stake, min });
    let call = Call::RegisterOperator { stake: min, roles: Roles::default() };
    assert_eq!(refused(&mut world, call), OperatorError::NoRole);
    let error = refused(&mut world, Call::AddStake { amount: Amount(1) });
    assert_eq!(error, OperatorError::NotRegistered { operator: outsider });
    world.accept(&outsider, Call::RegisterOperator { stake: Amount(100_000), roles });
    let error = refused(&mut world, Call::RegisterOperator { stake: min, roles });
    assert_eq!(error, OperatorError::AlreadyRegistered { operator: outsider });
    assert_eq!(refused(&mut world, Call::AddStake { amount: Amount(0) }), OperatorError::Nothing);
    assert_eq!(refused(&mut world, Call::Unstake { amount: Amount(0) }), OperatorError::Nothing);
    let error = refused(&mut world, Call::Unstake { amount: Amount(100_001) });
    assert!(matches!(error, OperatorError::MoreThanStaked { .. }));
    let error = refused(&mut world, Call::Unstake { amount: Amount(95_000) });
    assert_eq!(error, OperatorError::StakeTooSmall { stake: Amount(5_000), min });
    for _ in 0..WITHDRAWALS_MAX {
        world.accept(&outsider, Call::Unstake { amount: Amount(1) });
    }
    let error = refused(&mut world, Call::Unstake { amount: Amount(1) });
    assert!(matches!(error, OperatorError::TooManyWithdrawals { count: 8, max: 8 }));
}
