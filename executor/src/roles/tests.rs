//! Whole orders through the real runtime, driven by nothing but the plans of the roles.

mod actor;
mod collusion;
mod games;
mod improvements;
mod live;
mod world;

use aipot_domain_runtime::event::{Event, Verdict, VoidReason};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::outcome::Outcome;
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId, Salt};
use aipot_domain_runtime::progress::TestSource;
use aipot_domain_runtime::window::{Phase, Windows};
use aipot_trainer::dataset::digits::digits;
use aipot_trainer::dataset::{pack_csv, split};
use aipot_trainer::specification::{TestFacts, parse_order_toml};

use super::{Action, Knowledge, OrderView};
use crate::store::artefacts::ContentHash;
use actor::Behavior;
use world::{Cast, Order, World};

/// Two providers and three validators are drawn; three more validators stand by.
const CAST: Cast = Cast { provider_count: 2, validator_count: 6 };

const ORDER: &str = r#"
version = 1
[model]
architecture = "mlp"
hidden = [32]
initial = { seed = 7 }
[data]
divisor = 16
[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 100_000
recipe = "free"
epochs = 12
batch = 32
[pay]
reward = "100"
metric_min = 0.5
"#;

const WINDOWS: Windows = Windows {
    open: 2,
    train: 6,
    reveal: 4,
    availability: 12,
    test_reveal: 4,
    evaluation_commit: 6,
    evaluation_reveal: 4,
    challenge: 16,
    challenge_extension: 24,
};

/// An order over the first `example_count` digits; each seed splits them in another way.
fn digits_order(example_count: usize, test_count: usize, seed: u64) -> Order {
    digits_order_of(ORDER, (example_count, test_count), seed)
}

/// As [`digits_order`], of other terms.
fn digits_order_of(terms: &str, (example_count, test_count): (usize, usize), seed: u64) -> Order {
    let lines = digits().split_inclusive(|byte| *byte == b'\n');
    let bytes: Vec<u8> = lines.take(example_count).flatten().copied().collect();
    let files = split(&bytes, test_count, seed).unwrap();
    let (train, test) = (pack_csv(&files.train).unwrap(), pack_csv(&files.test).unwrap());
    let salt = Salt([9; 32]);
    let hidden = TestFacts::new(test.facts, &salt);
    let draft = parse_order_toml(terms).unwrap();
    let mut specification = draft.complete(Some(&train.facts), Some(&hidden)).unwrap();
    specification.windows = WINDOWS;
    specification.committee.provider_count = 2;
    specification.committee.validator_count = 3;
    specification.pay.provider_stake_min = Amount::tokens(20);
    specification.pay.validator_stake_min = Amount::tokens(20);
    let (train, test) = (train.bytes.into_owned(), test.bytes.into_owned());
    Order { specification, train, test, base: Vec::new(), salt }
}

fn small_order() -> Order {
    digits_order(500, 100, 1)
}

/// An order for tests of single rules.
pub(super) fn small_specification() -> OrderSpecification {
    small_order().specification
}

/// A world in which the small order is submitted and its committee drawn.
fn drawn() -> (World, OrderId, Vec<AccountId>, Vec<AccountId>) {
    let mut world = World::new(&CAST);
    let order = world.submit(&small_order());
    let committee = world.draw(&order);
    (world, order, committee.providers.to_vec(), committee.validators.to_vec())
}

/// Who was drawn for an order.
struct Contestants {
    order: OrderId,
    providers: Vec<AccountId>,
    validators: Vec<AccountId>,
}

fn settle(world: &mut World, order: &OrderId) -> Outcome {
    world.settle(order).outcome.unwrap()
}

fn paid(outcome: &Outcome, role: PayoutRole) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> =
        outcome.payouts.iter().filter(|one| one.role == role).map(|one| one.account).collect();
    accounts.sort_unstable();
    accounts
}

fn sorted(mut accounts: Vec<AccountId>) -> Vec<AccountId> {
    accounts.sort_unstable();
    accounts
}

fn slashed(world: &World) -> Vec<AccountId> {
    let operator = |event: &Event| match event {
        Event::Slashed { operator, .. } => Some(*operator),
        _ => None,
    };
    world.events.iter().filter_map(operator).collect()
}

fn challenge_count(world: &World) -> usize {
    let is_challenge = |event: &&Event| matches!(event, Event::ChallengeOpened { .. });
    world.events.iter().filter(is_challenge).count()
}

fn refusals(world: &World) -> Vec<String> {
    let reason = |event: &Event| match event {
        Event::CallRefused { reason, .. } => Some(String::from_utf8(reason.to_vec()).unwrap()),
        _ => None,
    };
    world.events.iter().filter_map(reason).collect()
}

#[test]
fn an_honest_order_over_all_digits_is_paid_to_everybody_without_a_refusal() {
    let mut world = World::new(&CAST);
    let order = world.submit(&digits_order(1_797, 360, 4));
    let client = world.actors[0].account;
    let committee = world.draw(&order);
    let outcome = settle(&mut world, &order);

    let winner = outcome.winner().unwrap();
    assert!(winner.score.correct() >= 324, "{} of 360", winner.score.correct());
    assert_eq!(paid(&outcome, PayoutRole::Winner), [winner.provider]);
    let validators = sorted(committee.validators.to_vec());
    assert_eq!(paid(&outcome, PayoutRole::Validator), validators);
    assert!(matches!(outcome.test_source, Some(TestSource::Revealed(_))));
    assert_eq!((slashed(&world), challenge_count(&world)), (vec![], 0));
    assert_eq!(refusals(&world), Vec::<String>::new());
    // The escrow is gone, the bond is back.
    let spent = Amount::tokens(1_000).0 - world.free(&client).0;
    assert!(spent < Amount::tokens(101).0, "{spent}");
}

#[test]
fn the_test_file_is_served_only_from_its_reveal_on() {
    let mut world = World::new(&CAST);
    let small = small_order();
    let order = world.submit(&small);
    let file = ContentHash::of(&small.test);
    let mut was_served = false;
    while let Some(view) = world.view(&order) {
        let is_early = view.phase < Phase::TestReveal;
        assert!(!(is_early && world.is_served(file)), "{:?}", view.phase);
        was_served |= world.is_served(file);
        world.step();
    }
    assert!(was_served);
}

#[test]
fn three_orders_at_once_are_all_settled() {
    let mut world = World::new(&CAST);
    let orders = [1, 2, 3].map(|seed| world.submit(&digits_order(300, 60, seed)));
    for order in orders {
        let outcome = settle(&mut world, &order);
        assert_eq!(paid(&outcome, PayoutRole::Validator).len(), 3);
    }
    assert_eq!(slashed(&world), []);
}

/// A validator that deviates is challenged, found guilty and slashed; the others are paid.
fn lazy_validator_is_slashed(behavior: Behavior) {
    let (mut world, order, _, validators) = drawn();
    let lazy = validators[0];
    world.behave(&lazy, behavior);
    let outcome = settle(&mut world, &order);
    assert_eq!(slashed(&world), [lazy], "{behavior:?}");
    assert_eq!(challenge_count(&world), 1);
    let is_upheld = |event: &Event| {
        matches!(event, Event::ChallengeDecided { verdict: Verdict::Upheld(_), .. })
    };
    assert!(world.events.iter().any(is_upheld));
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(validators[1..].to_vec()));
    assert!(outcome.winner().is_some());
}

#[test]
fn a_validator_that_says_the_same_of_every_model_is_slashed() {
    lazy_validator_is_slashed(Behavior::Constant);
}

#[test]
fn a_validator_that_copies_a_score_is_slashed() {
    lazy_validator_is_slashed(Behavior::CopiedScore);
}

#[test]
fn a_validator_that_echoes_a_digest_is_slashed() {
    lazy_validator_is_slashed(Behavior::Echo);
}

#[test]
fn a_withheld_test_file_costs_the_bond_and_a_beacon_split_replaces_it() {
    let (mut world, order, _, validators) = drawn();
    let client = world.actors[0].account;
    world.behave(&client, Behavior::Withholding);
    // Only the test file is withheld: the training data came from the client before.
    for place in 1..world.actors.len() {
        world.actors[place].keep(small_order().train);
    }
    let outcome = settle(&mut world, &order);
    assert!(matches!(outcome.test_source, Some(TestSource::BeaconSplit(_))));
    let is_lost = |event: &Event| matches!(event, Event::ClientBondLost { .. });
    assert!(world.events.iter().any(is_lost));
    assert!(outcome.winner().is_some());
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(validators));
    assert_eq!(challenge_count(&world), 0);
}

#[test]
fn a_withheld_model_is_asked_for_on_the_chain_and_its_provider_slashed() {
    let (mut world, order, providers, validators) = drawn();
    world.behave(&providers[0], Behavior::Withholding);
    let outcome = settle(&mut world, &order);
    let is_void = |event: &Event| {
        matches!(event, Event::ClaimVoided { provider, reason: VoidReason::Withheld, .. }
            if *provider == providers[0])
    };
    assert!(world.events.iter().any(is_void));
    assert_eq!(slashed(&world), [providers[0]]);
    assert_eq!(outcome.winner().unwrap().provider, providers[1]);
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(validators));
}

#[test]
fn an_unreachable_provider_that_serves_on_the_chain_is_not_slashed_and_nobody_is_accused() {
    let (mut world, order, providers, _) = drawn();
    world.behave(&providers[0], Behavior::Unreachable);
    let outcome = settle(&mut world, &order);
    let is_served = |event: &Event| matches!(event, Event::ChunkServed { .. });
    assert!(world.events.iter().any(is_served));
    assert_eq!((slashed(&world), challenge_count(&world)), (vec![], 0));
    assert_eq!(outcome.winner().unwrap().provider, providers[1]);
}

#[test]
fn a_file_that_is_no_model_gets_the_lowest_score_from_everybody() {
    let (mut world, order, providers, validators) = drawn();
    world.behave(&providers[0], Behavior::Garbage);
    let outcome = settle(&mut world, &order);
    assert_eq!(outcome.winner().unwrap().provider, providers[1]);
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(validators));
    assert_eq!((slashed(&world), challenge_count(&world)), (vec![], 0));
}

#[test]
fn a_test_file_that_breaks_the_order_is_replaced_by_a_split_of_the_training_data() {
    let mut broken = small_order();
    broken.test = b"this is no data\n".to_vec();
    let file = aipot_trainer::dataset::data_file(&broken.test);
    broken.specification.data.test_commitment =
        aipot_domain_runtime::order::test_commitment(&file, &broken.salt);
    let mut world = World::new(&CAST);
    let order = world.submit(&broken);
    let outcome = settle(&mut world, &order);
    assert!(outcome.winner().is_some());
    assert_eq!(paid(&outcome, PayoutRole::Validator).len(), 3);
    assert_eq!(challenge_count(&world), 0);
}

#[test]
fn training_data_that_breaks_the_order_leads_to_no_claim_and_a_refund() {
    let mut broken = small_order();
    // The last label is one of no class.
    *broken.train.last_mut().unwrap() = u8::MAX;
    broken.specification.data.train = aipot_trainer::dataset::data_file(&broken.train);
    let mut world = World::new(&CAST);
    let order = world.submit(&broken);
    let outcome = settle(&mut world, &order);
    assert!(outcome.winner().is_none());
    let is_claim = |event: &Event| matches!(event, Event::ClaimAccepted { .. });
    assert!(!world.events.iter().any(is_claim));
    assert_eq!(refusals(&world), Vec::<String>::new());
}

#[test]
fn nodes_that_are_restarted_at_every_block_come_to_the_same_state() {
    let run = |restarts: bool| {
        let (mut world, order, _, validators) = drawn();
        world.behave(&validators[0], Behavior::CopiedScore);
        while world.record(&order).unwrap().outcome.is_none() {
            if restarts {
                world.actors.iter_mut().for_each(actor::Actor::restart);
            }
            world.step();
        }
        let trained: usize = world.actors.iter().map(actor::Actor::training_count).sum();
        (world.state().clone(), trained)
    };
    let (undisturbed, disturbed) = (run(false), run(true));
    assert_eq!(undisturbed.1, 2);
    assert_eq!(undisturbed.1, disturbed.1);
    assert!(undisturbed.0 == disturbed.0, "the states differ");
}

/// The world when the next block is the first of `phase`.
fn at_phase(world: &mut World, order: &OrderId, phase: Phase) -> OrderView {
    loop {
        let view = world.view(order).expect("the order runs until that phase");
        if view.phase == phase {
            return view;
        }
        world.step();
    }
}

fn calls(actions: &[Action]) -> Vec<&str> {
    let mut purposes = Vec::new();
    for action in actions {
        if let Action::Call { purpose, .. } = action {
            purposes.push(purpose.as_str());
        }
    }
    purposes
}

#[test]
fn challengers_take_turns_and_never_spend_what_they_lack() {
    let (mut world, order, _, validators) = drawn();
    world.behave(&validators[0], Behavior::CopiedScore);
    let view = at_phase(&mut world, &order, Phase::Challenge);
    let planned = |free: Option<Amount>| -> usize {
        let plans = validators[1..].iter().map(|validator| {
            let mut me = world.member(validator);
            me.free = free.unwrap_or(me.free);
            calls(&world.actors[world.place(validator)].plan_now(&view, &me)).len()
        });
        plans.sum()
    };
    assert_eq!(planned(None), 1);
    assert_eq!(planned(Some(Amount::tokens(5))), 0, "the bond leaves nothing for the fee");
}

#[test]
fn a_validator_that_knows_nothing_looks_for_files_and_accuses_nobody() {
    let (mut world, order, _, validators) = drawn();
    world.behave(&validators[0], Behavior::Constant);
    let view = at_phase(&mut world, &order, Phase::Challenge);
    let me = world.member(&validators[1]);
    let stranger = actor::Actor::stranger(&world.actors[world.place(&validators[1])]);
    let actions = stranger.plan(&view, &me, &Knowledge::default());
    assert!(!actions.is_empty());
    assert!(actions.iter().all(|action| matches!(action, Action::Fetch { .. })), "{actions:?}");
}

#[test]
fn chunks_are_asked_for_after_peers_had_their_time_and_while_answers_can_be_demanded() {
    let (mut world, order, providers, validators) = drawn();
    world.behave(&providers[0], Behavior::Unreachable);
    at_phase(&mut world, &order, Phase::Availability);
    let asked: Vec<bool> = (0..WINDOWS.availability)
        .map(|_| {
            let view = world.view(&order).unwrap();
            let me = world.member(&validators[0]);
            let actions = world.actors[world.place(&validators[0])].plan_now(&view, &me);
            world.block();
            !calls(&actions).is_empty()
        })
        .collect();
    let expected: Vec<bool> =
        (0..WINDOWS.availability).map(|block| (2..6).contains(&block)).collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_provider_takes_the_model_as_it_is_when_claims_close_soon() {
    let (mut world, order, providers, _) = drawn();
    let provider = world.place(&providers[0]);
    world.actors[provider].keep(small_order().train);
    let planned = |world: &World| {
        let view = world.view(&order).unwrap();
        let me = world.member(&providers[0]);
        world.actors[provider].plan(&view, &me, &Knowledge::default())
    };
    assert_eq!(planned(&world), [Action::Train]);
    while world.view(&order).unwrap().blocks_left() > 1 {
        world.block();
    }
    assert_eq!(planned(&world), [Action::Train, Action::FinishTraining]);
    world.block();
    assert_eq!(planned(&world), [Action::FinishTraining]);
}

#[test]
fn a_client_without_its_secret_reveals_nothing() {
    let (mut world, order, _, _) = drawn();
    let view = at_phase(&mut world, &order, Phase::TestReveal);
    let me = world.member(&world.actors[0].account);
    assert_eq!(world.actors[0].plan(&view, &me, &Knowledge::default()), []);
    assert_eq!(world.actors[0].plan_now(&view, &me).len(), 1);
}
