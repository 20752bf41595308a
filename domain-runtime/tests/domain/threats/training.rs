//! Games about the training of Recipe orders: forged steps, false challenges, withheld traces.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::{ChallengeError, Subject};
use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::event::{Event, Verdict, VoidReason};
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, OrderId, TraceRoot};
use aipot_domain_runtime::program::training;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::reveal::RevealError;
use aipot_domain_runtime::window::Phase;
use proptest::prelude::*;

use crate::harness::people::validators;
use crate::harness::player::Player;
use crate::harness::{
    CLIENT, Model, PARAMETERS, World, person, recipe_specification, refusal, working_records,
};
use crate::reference::Flip;

/// A Recipe order whose first provider has a forged training, open for challenges.
struct Training {
    world: World,
    order: OrderId,
    forged: Subject,
    forger: Player,
    honest: Player,
    challenger: AccountId,
}

impl Training {
    fn new(flip: Flip) -> Self {
        let mut world = World::new();
        let specification = recipe_specification(1);
        let order = world.submit_as(&person(CLIENT), specification.clone());
        world.advance_to(&order, Phase::Train);
        let provider = world.committee(&order).providers[0];
        let forged = Subject::Training { provider };
        let honest = world.player(&order, forged).expect("the order has a recipe");
        let forger = honest.forging(flip);
        world.claim(&order, &provider, &Model::trained(&specification, &forger));
        world.play_until(&order, Phase::Challenge);
        let drawn = world.committee(&order).validators;
        let mut strangers = validators().map(person).filter(|account| !drawn.contains(account));
        let challenger = strangers.next().expect("more validators than are drawn");
        Self { world, order, forged, forger, honest, challenger }
    }

    fn located(&self) -> Vec<(u32, u32)> {
        self.world.happened(|event| match event {
            Event::OperatorLocated { step, operator, .. } => Some((*step, *operator)),
            _ => None,
        })
    }
}

/// A bit of the first layer's weights, in the middle of the training.
fn weight_flip() -> Flip {
    let computation = training(&recipe_specification(1)).expect("the order has a recipe");
    let mut operators = computation.step.operators.iter();
    let updates = operators.position(|operator| operator.output == 1);
    let operator = u32::try_from(updates.expect("weights are updated")).expect("few");
    Flip { step: 3, operator, element: 1, bit: 20 }
}

#[test]
fn a_flipped_bit_of_a_step_is_isolated_to_its_word_and_voids_the_claim() {
    let mut training = Training::new(weight_flip());
    let (order, provider) = (training.order, training.forged.provider());
    let number = training.world.challenge(&order, &training.challenger, training.forged);
    let players = (&training.forger, &training.honest);
    let verdict = training.world.play_game(&order, number, players);
    let Verdict::Upheld(Reason::Computed { element, posted, computed }) = verdict else {
        panic!("{verdict:?}");
    };
    let flip = weight_flip();
    assert_eq!((element, posted ^ computed), (flip.element, 1 << flip.bit));
    assert_eq!(training.located(), [(flip.step, flip.operator)]);
    let stake = recipe_specification(1).pay.provider_stake_min.0;
    assert_eq!(training.world.slashed(&provider), stake);
    training.world.settle(&order);
    let voided = training.world.happened(|event| match event {
        Event::ClaimVoided { provider, reason, .. } => Some((*provider, *reason)),
        _ => None,
    });
    assert_eq!(voided, [(provider, VoidReason::Refuted)]);
    let outcome = training.world.order(&order).outcome.expect("the order is settled");
    assert!(outcome.payouts.iter().all(|payout| payout.account != provider));
    assert!(outcome.winner().is_some(), "the replicas are right");
}

#[test]
fn the_same_end_as_of_the_game_by_itself() {
    let mut training = Training::new(weight_flip());
    let number = training.world.challenge(&training.order, &training.challenger, training.forged);
    let players = (&training.forger, &training.honest);
    let verdict = training.world.play_game(&training.order, number, players);
    let claimed = training.forger.final_root();
    let (forger, honest) = (training.forger.party(), training.honest.party());
    let (dispute, leaf_bytes) = crate::reference::play(&forger, &honest, claimed);
    let decision = dispute.decision().expect("it is over");
    assert_eq!(verdict, Verdict::Upheld(decision.reason));
    assert!(leaf_bytes > 0);
}

#[test]
fn an_honest_training_withstands_a_false_challenge_and_is_paid_for_it() {
    let mut training = Training::new(weight_flip());
    let order = training.order;
    let provider = training.world.committee(&order).providers[1];
    let subject = Subject::Training { provider };
    let before = training.world.free(&provider);
    let number = training.world.challenge(&order, &training.challenger, subject);
    let players = (&training.honest, &training.forger);
    let verdict = training.world.play_game(&order, number, players);
    assert!(matches!(verdict, Verdict::Dismissed(Reason::Computed { .. })), "{verdict:?}");
    assert_eq!(training.world.slashed(&provider), 0);
    assert!(training.world.free(&provider) > before, "half of the bond pays more than the fees");
    let flip = weight_flip();
    assert_eq!(training.located(), [(flip.step, flip.operator)]);
}

#[test]
fn a_forger_that_does_not_answer_loses() {
    let mut training = Training::new(weight_flip());
    let provider = training.forged.provider();
    training.world.challenge(&training.order, &training.challenger, training.forged);
    training.world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
    assert_eq!(training.world.verdicts(), [Verdict::Upheld(Reason::Silence)]);
    let stake = recipe_specification(1).pay.provider_stake_min.0;
    assert_eq!(training.world.slashed(&provider), stake);
}

#[test]
fn games_about_the_evaluations_of_a_refuted_model_end_without_a_loser() {
    let mut training = Training::new(weight_flip());
    let (order, provider) = (training.order, training.forged.provider());
    let validator = training.world.committee(&order).validators[0];
    let subject = Subject::Evaluation { validator, provider };
    let moot = training.world.challenge(&order, &training.challenger, subject);
    let number = training.world.challenge(&order, &training.challenger, training.forged);
    let players = (&training.forger, &training.honest);
    training.world.play_game(&order, number, players);
    assert_eq!(training.world.verdict(moot), Some(Verdict::Moot));
    assert_eq!(training.world.slashed(&validator), 0);
    let account = training.world.free(&training.challenger);
    assert!(account > crate::harness::setting::FREE.0, "both bonds are back");
}

#[test]
fn honest_replicas_of_a_recipe_are_equal_and_all_paid() {
    let mut world = World::new();
    let order = world.submit_as(&person(CLIENT), recipe_specification(1));
    world.play(&order);
    let outcome = world.order(&order).outcome.expect("the order is settled");
    let roots: Vec<_> = outcome.standings.iter().map(|one| one.model.root).collect();
    assert_eq!(roots, [roots[0]; 3]);
    let runners_up = outcome.payouts.iter().filter(|one| one.role == PayoutRole::RunnerUp);
    assert_eq!(runners_up.count(), 2);
    world.advance(recipe_specification(1).windows.challenge_extension);
    assert_eq!(working_records(&world.store), Vec::<Vec<u8>>::new());
}

#[test]
fn a_recipe_is_revealed_with_its_trace_and_a_contest_without_one() {
    for (specification, is_recipe) in
        [(recipe_specification(1), true), (crate::harness::specification(1), false)]
    {
        let mut world = World::new();
        let order = world.submit_as(&person(CLIENT), specification);
        world.play_until(&order, Phase::Reveal);
        let provider = world.committee(&order).providers[0];
        let mut call = world.reveal_call(&order, &provider).expect("there is a claim");
        let Call::Reveal { trace, .. } = &mut call else { panic!("a reveal") };
        let other = aipot_domain_runtime::trace::TraceOpening {
            checkpoints_root: [1; 32],
            final_root: [2; 32],
        };
        let has_trace = !is_recipe;
        *trace = has_trace.then_some(other);
        let refused = refusal(world.call(&provider, call));
        let expected = RevealError::TraceMismatch { has_trace, is_recipe };
        assert_eq!(refused, Refusal::Reveal(expected));
        assert_ne!(other.root(), TraceRoot::default());
    }
}

#[test]
fn another_trace_than_the_claimed_one_cannot_be_revealed() {
    let mut world = World::new();
    let order = world.submit_as(&person(CLIENT), recipe_specification(1));
    world.play_until(&order, Phase::Reveal);
    let provider = world.committee(&order).providers[0];
    let mut call = world.reveal_call(&order, &provider).expect("there is a claim");
    let Call::Reveal { trace: Some(trace), .. } = &mut call else { panic!("a reveal") };
    trace.final_root[0] ^= 1;
    let refused = refusal(world.call(&provider, call));
    assert!(matches!(refused, Refusal::Reveal(RevealError::CommitmentMismatch { .. })));
}

#[test]
fn the_training_of_a_contest_cannot_be_challenged() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::Challenge);
    let provider = world.committee(&order).providers[0];
    let challenger = world.committee(&order).validators[0];
    let subject = Subject::Training { provider };
    let refused = refusal(world.call(&challenger, Call::Challenge { order, subject }));
    assert_eq!(refused, Refusal::Challenge(ChallengeError::DoesNotStand { subject }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_forged_word_is_found_where_it_was_forged(
        step in 0_u32..6,
        operator in any::<prop::sample::Index>(),
        element in any::<prop::sample::Index>(),
        bit in 0_u32..32,
    ) {
        let computation = training(&recipe_specification(1)).unwrap();
        let (program, _) = computation.program(step).unwrap();
        let operator = operator.index(program.operators.len());
        let output = program.operators[operator].output;
        let count = usize::try_from(program.slots[usize::from(output)].element_count).unwrap();
        let element = u32::try_from(element.index(count)).unwrap();
        let operator = u32::try_from(operator).unwrap();
        let mut training = Training::new(Flip { step, operator, element, bit });
        // A flip that later operators swallow leaves an honest result, of which nobody can complain.
        prop_assume!(training.forger.final_root() != training.honest.final_root());
        let number =
            training.world.challenge(&training.order, &training.challenger, training.forged);
        let players = (&training.forger, &training.honest);
        let verdict = training.world.play_game(&training.order, number, players);
        let Verdict::Upheld(Reason::Computed { element: found, posted, computed }) = verdict else {
            panic!("{verdict:?}");
        };
        prop_assert_eq!((found, posted ^ computed), (element, 1 << bit));
        prop_assert_eq!(training.located(), [(step, operator)]);
    }
}
