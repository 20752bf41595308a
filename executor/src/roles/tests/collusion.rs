//! Validators that agree on a lie, against one that computes.

use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::event::{Event, Verdict};
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, Score};

use super::actor::Behavior;
use super::world::World;
use super::{CAST, Contestants, paid, settle, slashed, small_order, sorted};

/// Validators of the committee.
const VALIDATORS: u32 = 5;

/// A contest that five validators score; the given number of them look at another model than the one that
/// was revealed, and agree in everything.
fn scored(liar_count: usize) -> (World, Contestants) {
    let mut order = small_order();
    order.specification.committee.validator_count = VALIDATORS;
    let mut world = World::new(&CAST);
    let order = world.submit(&order);
    let committee = world.draw(&order);
    let (providers, validators) = (committee.providers.to_vec(), committee.validators.to_vec());
    for liar in &validators[..liar_count] {
        world.behave(liar, Behavior::Fabricating);
    }
    (world, Contestants { order, providers, validators })
}

/// What a validator has said of a model.
fn said(world: &World, validator: &AccountId, provider: &AccountId) -> Score {
    let entries = |event: &Event| match event {
        Event::EvaluationRevealed { validator: of, entries, .. } if of == validator => {
            entries.iter().find(|entry| entry.provider == *provider).map(|entry| entry.score)
        }
        _ => None,
    };
    world.events.iter().find_map(entries).unwrap()
}

#[test]
fn four_of_five_validators_with_one_consistent_lie_lose_to_the_one_that_computes() {
    let (mut world, contestants) = scored(0);
    let truth = settle(&mut world, &contestants.order);

    let (mut world, contestants) = scored(4);
    let outcome = settle(&mut world, &contestants.order);
    let (honest, liars) = contestants.validators.split_last().unwrap();
    for provider in &contestants.providers {
        let lies: Vec<Score> = liars.iter().map(|liar| said(&world, liar, provider)).collect();
        assert_eq!(lies, [lies[0]; 4]);
        assert_ne!(lies[0], said(&world, honest, provider));
    }
    assert_eq!(outcome.standings, truth.standings, "the honest scores are the ones that count");
    assert_eq!(sorted(slashed(&world)), sorted(liars.to_vec()));
    assert_eq!(paid(&outcome, PayoutRole::Validator), [*honest]);
    let verdicts = verdicts(&world);
    let is_computed = |one: &&Verdict| matches!(one, Verdict::Upheld(Reason::Computed { .. }));
    assert_eq!(verdicts.iter().filter(is_computed).count(), 4, "each lie was found in the runtime");
}

#[test]
fn validators_that_accuse_the_one_that_computes_pay_it() {
    let (mut world, contestants) = scored(4);
    let (honest, _) = contestants.validators.split_last().unwrap();
    settle(&mut world, &contestants.order);
    let is_about_honest = |event: &&Event| match event {
        Event::ChallengeOpened { subject, .. } => subject.responder() == *honest,
        _ => false,
    };
    let accusations = world.events.iter().filter(is_about_honest).count();
    // The leaf of who looks at another model does not fit the root of the revealed one.
    let is_dismissed = |one: &&Verdict| matches!(one, Verdict::Dismissed(_));
    let dismissed = verdicts(&world).iter().filter(is_dismissed).count();
    assert!(accusations > 0 && dismissed == accusations, "{dismissed} of {accusations}");
    assert!(!slashed(&world).contains(honest));
}

fn verdicts(world: &World) -> Vec<Verdict> {
    let verdict = |event: &Event| match event {
        Event::ChallengeDecided { verdict, .. } => Some(*verdict),
        _ => None,
    };
    world.events.iter().filter_map(verdict).collect()
}
