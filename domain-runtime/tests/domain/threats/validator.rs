//! Lazy and dishonest validators.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::evaluation::{
    EvaluationEntries, EvaluationEntry, EvaluationError, Tally,
};
use aipot_domain_runtime::event::{Event, Verdict};
use aipot_domain_runtime::order::Metric;
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, OrderId};
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::transition::Applied;
use aipot_domain_runtime::window::Phase;

use crate::harness::people::validators;
use crate::harness::play::salt;
use crate::harness::{CLIENT, PARAMETERS, World, lie, person, refusal, specification};

/// A world with an order whose models can be evaluated, and the drawn validators.
fn evaluating() -> (World, OrderId, Vec<AccountId>) {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::EvaluationCommit);
    let drawn = world.committee(&order).validators.to_vec();
    (world, order, drawn)
}

/// The first validator says `entries`, the others the truth; a stranger challenges the first entry.
fn challenged(
    world: &mut World,
    order: &OrderId,
    drawn: &[AccountId],
    entries: EvaluationEntries,
) -> AccountId {
    let provider = entries[0].provider;
    world.commit_to(order, &drawn[0], entries);
    for honest in &drawn[1..] {
        let truth = world.truth(order, honest);
        world.commit_to(order, honest, truth);
    }
    world.advance_to(order, Phase::EvaluationReveal);
    world.all_open(order);
    world.advance_to(order, Phase::Challenge);
    let challenger = stranger(drawn);
    let subject = Subject::Evaluation { validator: drawn[0], provider };
    let number = world.challenge(order, &challenger, subject);
    // What was never computed cannot be defended: no honest state leads to what was said.
    let honest = world.player(order, subject).expect("the model is one");
    while let Some((mover, call)) = world.next_move(order, number, (&honest, &honest)) {
        if world.call(&mover, call) != Applied::Accepted {
            world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
        }
    }
    challenger
}

/// An operator outside the committee.
fn stranger(drawn: &[AccountId]) -> AccountId {
    let mut others = validators().map(person).filter(|account| !drawn.contains(account));
    others.next().expect("more validators than are drawn")
}

fn validators_paid(world: &World, order: &OrderId) -> Vec<AccountId> {
    let outcome = world.order(order).outcome.expect("the order is settled");
    let payouts = outcome.payouts.iter().filter(|payout| payout.role == PayoutRole::Validator);
    payouts.map(|payout| payout.account).collect()
}

/// Checks that the first of `drawn` lost its stake of the order and its pay, and nobody else anything.
fn assert_slashed(world: &mut World, order: &OrderId, drawn: &[AccountId]) {
    world.settle(order);
    let at_risk = specification(1).pay.validator_stake_min.0;
    assert_eq!(world.verdicts(), [Verdict::Upheld(Reason::Silence)]);
    assert_eq!(world.slashed(&drawn[0]), at_risk);
    let mut others = drawn[1..].to_vec();
    others.sort();
    assert_eq!(validators_paid(world, order), others);
    assert!(others.iter().all(|other| world.slashed(other) == 0));
}

#[test]
fn a_validator_with_a_constant_digest_is_slashed() {
    let (mut world, order, drawn) = evaluating();
    let entries = lie(&world.truth(&order, &drawn[0]));
    let challenger = challenged(&mut world, &order, &drawn, entries);
    let shares = world.happened(|event| match event {
        Event::Slashed { to_challenger, to_client, burned, .. } => {
            Some((to_challenger.0, to_client.0, burned.0))
        }
        _ => None,
    });
    let at_risk = specification(1).pay.validator_stake_min.0;
    let (to_challenger, to_client) = (at_risk * 2 / 5, at_risk / 5);
    assert_eq!(shares, [(to_challenger, to_client, at_risk - to_challenger - to_client)]);
    assert!(world.free(&challenger) > crate::harness::setting::FREE.0, "the bond is back as well");
    assert_slashed(&mut world, &order, &drawn);
}

#[test]
fn a_validator_that_copies_a_score_with_a_digest_of_another_key_is_slashed() {
    let (mut world, order, drawn) = evaluating();
    // The score is right, the digest is that of another validator.
    let entries = world.truth(&order, &drawn[1]);
    assert_eq!(entries[0].score, world.truth(&order, &drawn[0])[0].score);
    challenged(&mut world, &order, &drawn, entries);
    assert_slashed(&mut world, &order, &drawn);
}

#[test]
fn a_validator_that_lies_about_the_score_is_slashed() {
    let (mut world, order, drawn) = evaluating();
    let mut entries = world.truth(&order, &drawn[0]);
    let first = &mut entries.as_mut_slice()[0];
    let tally = first.tally.expect("the model is one");
    let better = Tally { correct_count: 50, loss_sum_q16: 0, ..tally };
    *first = EvaluationEntry::evaluated(first.provider, better, (Metric::Accuracy, 50));
    challenged(&mut world, &order, &drawn, entries);
    assert_slashed(&mut world, &order, &drawn);
}

#[test]
fn a_validator_that_echoes_another_commitment_cannot_open_it_and_is_slashed() {
    let (mut world, order, drawn) = evaluating();
    let truth = world.truth(&order, &drawn[1]);
    let commitment = world.evaluation_commitment(&order, &drawn[1], &truth);
    world.accept(&drawn[0], Call::CommitEvaluation { order, commitment });
    world.commit_to(&order, &drawn[1], truth);
    world.advance_to(&order, Phase::EvaluationReveal);
    world.open(&order, &drawn[1]);
    let echo = world.open_call(&order, &drawn[1]).expect("there is a commitment");
    let refused = refusal(world.call(&drawn[0], echo));
    assert!(matches!(refused, Refusal::Evaluation(EvaluationError::CommitmentMismatch { .. })));
    world.settle(&order);
    let tenth = specification(1).pay.validator_stake_min.percent(10).0;
    assert_eq!(world.slashed(&drawn[0]), tenth);
    assert_eq!(validators_paid(&world, &order), [drawn[1]]);
}

#[test]
fn a_validator_that_commits_and_stays_silent_is_slashed() {
    let (mut world, order, drawn) = evaluating();
    let truth = world.truth(&order, &drawn[0]);
    world.commit_to(&order, &drawn[0], truth);
    world.settle(&order);
    assert_eq!(world.slashed(&drawn[0]), 6_000);
    assert_eq!(validators_paid(&world, &order), []);
}

#[test]
fn validators_that_evaluate_nothing_are_not_paid() {
    let (mut world, order, drawn) = evaluating();
    for validator in &drawn {
        world.commit_to(&order, validator, EvaluationEntries::new());
    }
    let client = world.order(&order).client;
    let before = world.free(&client);
    world.play(&order);
    assert_eq!(validators_paid(&world, &order), []);
    assert_eq!(world.free(&client), before + 1_000_003 + 100_007);
}

#[test]
fn a_validator_that_leaves_a_model_out_is_not_paid() {
    let (mut world, order, drawn) = evaluating();
    let truth = world.truth(&order, &drawn[0]);
    let partial = BoundedVec::try_from(truth[1..].to_vec()).expect("fewer fit as well");
    world.commit_to(&order, &drawn[0], partial);
    for honest in &drawn[1..] {
        let truth = world.truth(&order, honest);
        world.commit_to(&order, honest, truth);
    }
    world.play(&order);
    assert!(!validators_paid(&world, &order).contains(&drawn[0]));
    assert_eq!(validators_paid(&world, &order).len(), 2);
}

#[test]
fn entries_stand_once_in_order_and_only_for_open_models() {
    let (mut world, order, drawn) = evaluating();
    let truth = world.truth(&order, &drawn[0]).to_vec();
    let mut twice = truth.clone();
    twice[1] = twice[0];
    let backwards: Vec<_> = truth.iter().rev().copied().collect();
    let mut foreign = truth;
    foreign[2].provider = AccountId([255; 32]);
    for (wrong, validator) in [(twice, drawn[0]), (backwards, drawn[1]), (foreign, drawn[2])] {
        let wrong = BoundedVec::try_from(wrong).expect("three entries fit");
        world.commit_to(&order, &validator, wrong);
    }
    world.advance_to(&order, Phase::EvaluationReveal);
    for (validator, expected) in drawn.iter().zip([1, 1, 2]) {
        let call = world.open_call(&order, validator).expect("there is a commitment");
        let refused = refusal(world.call(validator, call));
        let Refusal::Evaluation(EvaluationError::UnexpectedEntry { place, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(place, expected);
    }
}

#[test]
fn a_void_model_cannot_be_evaluated() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Reveal);
    let providers = world.committee(&order).providers;
    world.reveal(&order, &providers[1]);
    world.advance_to(&order, Phase::TestReveal);
    world.reveal_test(&order);
    world.advance_to(&order, Phase::EvaluationCommit);
    let validator = world.committee(&order).validators[0];
    let mut entries = world.truth(&order, &validator);
    entries.as_mut_slice()[0].provider = providers[0];
    world.commit_to(&order, &validator, entries);
    world.advance_to(&order, Phase::EvaluationReveal);
    let call = world.open_call(&order, &validator).expect("there is a commitment");
    let refused = refusal(world.call(&validator, call));
    assert!(matches!(refused, Refusal::Evaluation(EvaluationError::UnexpectedEntry { .. })));
}

#[test]
fn a_withheld_model_cannot_be_evaluated() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Availability);
    let withheld = world.committee(&order).providers[0];
    let validator = world.committee(&order).validators[0];
    let target = ChunkTarget::Model(withheld);
    world.accept(&validator, Call::RequestChunk { order, target, chunk_index: 0 });
    world.play_until(&order, Phase::EvaluationCommit);
    let mut entries = world.truth(&order, &validator);
    assert_eq!(entries.len(), 2);
    entries.as_mut_slice()[0].provider = withheld;
    entries.as_mut_slice().sort_by_key(|entry| entry.provider);
    world.commit_to(&order, &validator, entries);
    world.advance_to(&order, Phase::EvaluationReveal);
    let call = world.open_call(&order, &validator).expect("there is a commitment");
    let refused = refusal(world.call(&validator, call));
    let Refusal::Evaluation(EvaluationError::UnexpectedEntry { provider, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(provider, withheld);
}

#[test]
fn an_evaluation_is_committed_to_once_and_opened_once() {
    let (mut world, order, drawn) = evaluating();
    let truth = world.truth(&order, &drawn[0]);
    world.commit_to(&order, &drawn[0], truth.clone());
    let again = world.commit_call(&order, &drawn[0], truth);
    let refused = refusal(world.call(&drawn[0], again));
    assert!(matches!(refused, Refusal::Evaluation(EvaluationError::Duplicate { .. })));
    world.advance_to(&order, Phase::EvaluationReveal);
    world.open(&order, &drawn[0]);
    let again = world.open_call(&order, &drawn[0]).expect("there is a commitment");
    let refused = refusal(world.call(&drawn[0], again));
    assert!(matches!(refused, Refusal::Evaluation(EvaluationError::Duplicate { .. })));
    let nothing = Call::RevealEvaluation {
        order,
        entries: EvaluationEntries::new(),
        salt: salt(&order, &drawn[1]),
    };
    let refused = refusal(world.call(&drawn[1], nothing));
    assert!(matches!(refused, Refusal::Evaluation(EvaluationError::NoCommitment { .. })));
}

#[test]
fn digests_of_two_validators_differ() {
    let (world, order, drawn) = evaluating();
    let digest = |who: &AccountId| world.truth(&order, who)[0].tally.map(|tally| tally.digest);
    assert_ne!(digest(&drawn[0]), digest(&drawn[1]));
}

#[test]
fn a_lying_majority_of_validators_loses_to_one_challenger() {
    let mut world = World::new();
    let mut specification = specification(1);
    specification.committee.validator_count = 5;
    let order = world.submit_as(&person(CLIENT), specification.clone());
    world.play_until(&order, Phase::EvaluationCommit);
    let drawn = world.committee(&order).validators.to_vec();
    let (honest, liars) = drawn.split_last().expect("five are drawn");
    let truth = world.truth(&order, honest);
    let provider = truth[0].provider;
    let subject = |validator| Subject::Evaluation { validator, provider };
    let mut lies = Vec::new();
    for liar in liars {
        // All four agree on the same wrong count, each under its own key.
        let (_, forger) = world.miscounting(&order, subject(*liar));
        let mut entries = world.truth(&order, liar);
        entries.as_mut_slice()[0] = world.entry(&order, provider, &forger);
        lies.push(entries[0].score);
        world.commit_to(&order, liar, entries);
    }
    assert!(lies.iter().all(|score| *score == lies[0] && *score != truth[0].score));
    world.play_until(&order, Phase::Challenge);
    for liar in liars {
        let number = world.challenge(&order, honest, subject(*liar));
        let (right, forger) = world.miscounting(&order, subject(*liar));
        let verdict = world.play_game(&order, number, (&forger, &right));
        assert!(matches!(verdict, Verdict::Upheld(Reason::Computed { .. })), "{verdict:?}");
    }
    world.settle(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    let finalised = outcome.standings.iter().find(|standing| standing.provider == provider);
    assert_eq!(finalised.map(|standing| standing.score), Some(truth[0].score));
    assert_eq!(validators_paid(&world, &order), [*honest]);
    let stake = specification.pay.validator_stake_min.0;
    assert!(liars.iter().all(|liar| world.slashed(liar) == stake));
}
