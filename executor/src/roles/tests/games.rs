//! Recipe orders with adversaries as software: whoever forges, copies, stalls or accuses falsely, against
//! nodes that do nothing but what the plans say.

mod bases;

use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::challenge::case::Case;
use aipot_domain_runtime::dispute::Reason;
use aipot_domain_runtime::event::{Event, Verdict, VoidReason};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::outcome::Outcome;
use aipot_domain_runtime::payment::PayoutRole;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId};
use aipot_domain_runtime::program::{BLOCK_ELEMENTS, Operation};
use aipot_domain_runtime::window::Phase;
use aipot_trainer::recipe_run::{RecipeRun, empty_trace};
use aipot_trainer::trace::file::TraceFile;
use aipot_trainer::trace::replay::Change;

use super::actor::{Actor, Behavior, Conduct, Moment};
use super::world::{Order, World};
use super::{
    CAST, at_phase, challenge_count, digits_order_of, paid, refusals, settle, slashed, sorted,
};

/// Weights of the first layer: two chunks of them.
const WEIGHTS: u32 = 512;

/// Rows of a batch of the order.
const BATCH: u32 = 32;

/// Rows of a batch whose gradients are sums of two blocks.
const TWO_BLOCK_BATCH: u32 = BLOCK_ELEMENTS + 18;

fn recipe(batch: u32, example_count: usize) -> Order {
    let order = format!(
        r#"
version = 1
[model]
architecture = "mlp"
hidden = [8]
initial = {{ seed = 7 }}
[data]
divisor = 16
[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 1_000
batch = {batch}
recipe = {{ steps = 6, optimizer = "adamw", learning_rate = 0.01, checkpoint_interval = 2 }}
[pay]
reward = "100"
metric_min = 0.05
"#
    );
    digits_order_of(&order, (example_count, 100), 1)
}

fn small_recipe() -> Order {
    recipe(BATCH, 300)
}

/// A Recipe order with its committee drawn, before anybody has trained.
struct Contest {
    world: World,
    order: OrderId,
    providers: Vec<AccountId>,
    validators: Vec<AccountId>,
    specification: OrderSpecification,
}

impl Contest {
    fn new(order: &Order) -> Self {
        let mut world = World::new(&CAST);
        let specification = order.specification.clone();
        let order = world.submit(order);
        let committee = world.draw(&order);
        let (providers, validators) = (committee.providers.to_vec(), committee.validators.to_vec());
        Self { world, order, providers, validators, specification }
    }

    /// One whose first provider forges a weight.
    fn forged() -> Self {
        let mut contest = Self::new(&small_recipe());
        let change = weight_change(&contest.specification);
        contest.behave(0, Behavior::Forging(change));
        contest
    }

    /// Lets a provider deviate.
    fn behave(&mut self, provider: usize, behavior: Behavior) {
        self.world.behave(&self.providers[provider], behavior);
    }

    fn settle(&mut self) -> Outcome {
        settle(&mut self.world, &self.order)
    }

    fn training(&self, provider: usize) -> Subject {
        Subject::Training { provider: self.providers[provider] }
    }

    /// An operator that was not drawn.
    fn stranger(&self) -> AccountId {
        let accounts = self.world.actors[1..].iter().map(|actor| actor.account);
        let mut strangers =
            accounts.filter(|one| !self.providers.contains(one) && !self.validators.contains(one));
        strangers.next().unwrap()
    }

    /// The steps and operators that games have found.
    fn located(&self) -> Vec<(u32, u32)> {
        let located = |event: &Event| match event {
            Event::OperatorLocated { step, operator, .. } => Some((*step, *operator)),
            _ => None,
        };
        self.world.events.iter().filter_map(located).collect()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |event: &Event| match event {
            Event::ChallengeDecided { verdict, .. } => Some(*verdict),
            _ => None,
        };
        self.world.events.iter().filter_map(verdict).collect()
    }

    fn has_happened(&self, is_it: impl Fn(&Event) -> bool) -> bool {
        self.world.events.iter().any(is_it)
    }

    fn is_refuted(&self, provider: usize) -> bool {
        let expected = (self.providers[provider], VoidReason::Refuted);
        self.has_happened(|event| {
            matches!(event, Event::ClaimVoided { provider, reason, .. }
                if (*provider, *reason) == expected)
        })
    }

    /// The first provider is the only one that was slashed, and everybody else is paid.
    fn only_the_first_provider_loses(&mut self) {
        let outcome = self.settle();
        assert!(self.is_refuted(0), "{:?}", self.world.events);
        assert_eq!(slashed(&self.world), [self.providers[0]]);
        assert_eq!(paid(&outcome, PayoutRole::Winner), [self.providers[1]]);
        assert_eq!(paid(&outcome, PayoutRole::RunnerUp), []);
        assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(self.validators.clone()));
    }
}

/// A bit of a weight of the first layer, flipped when the third step of the run has written it.
fn weight_change(specification: &OrderSpecification) -> Change {
    let computation = Case::training(specification).unwrap().computation;
    let slots = computation.step.slots.iter();
    let weights = slots.map(|slot| slot.element_count).position(|count| count == WEIGHTS);
    let operators = computation.step.operators.iter();
    let operator = operators
        .map(|operator| usize::from(operator.output))
        .position(|output| Some(output) == weights)
        .unwrap();
    Change { step: 3, operator: u32::try_from(operator).unwrap(), element: 300, bit: 20 }
}

/// The lowest bit of a sum in the first of two blocks of a product, in the last step of the run; the first
/// such bit that is not rounded away.
fn last_place_change(order: &Order) -> Change {
    let specification = &order.specification;
    let computation = Case::training(specification).unwrap().computation;
    let is_whole_block = |operation: &Operation| {
        matches!(operation, Operation::Product { depth: BLOCK_ELEMENTS, .. })
    };
    let mut operators = computation.step.operators.iter();
    let operator = operators.position(|operator| is_whole_block(&operator.operation)).unwrap();
    let operator = u32::try_from(operator).unwrap();
    let empty = empty_trace(specification, &computation).unwrap();
    let mut run = RecipeRun::new(specification, &computation, &order.train, &empty).unwrap();
    while !run.is_finished() {
        run.step().unwrap();
    }
    let (trace, specification) = (run.trace().clone(), specification.clone());
    let honest = TraceFile {
        specification,
        train: order.train.clone(),
        base: Vec::new(),
        changes: Vec::new(),
        trace,
    };
    let changes = (0..WEIGHTS).map(|element| Change { step: 6, operator, element, bit: 0 });
    let is_lasting = |change: &Change| {
        let forged = honest.corrupted(&computation, *change);
        let end = honest.trace.opening().final_root;
        forged.is_ok_and(|forged| forged.trace.opening().final_root != end)
    };
    let mut lasting = changes.filter(is_lasting);
    lasting.next().unwrap()
}

/// The game about a forged word ends at exactly that word.
fn is_found_where_it_was_forged(order: &Order, change: Change) {
    let mut contest = Contest::new(order);
    contest.behave(0, Behavior::Forging(change));
    contest.only_the_first_provider_loses();
    assert_eq!(contest.located(), [(change.step, change.operator)]);
    let verdicts = contest.verdicts();
    let [Verdict::Upheld(Reason::Computed { element, posted, computed })] = verdicts[..] else {
        panic!("{verdicts:?}");
    };
    assert_eq!((element, posted ^ computed), (change.element, 1 << change.bit));
    assert_eq!(refusals(&contest.world), Vec::<String>::new());
}

#[test]
fn honest_runs_of_a_recipe_are_equal_and_nobody_is_accused() {
    let mut contest = Contest::new(&small_recipe());
    let outcome = contest.settle();
    let roots: Vec<_> = outcome.standings.iter().map(|one| one.model.root).collect();
    assert_eq!(roots, [roots[0]; 2]);
    assert_eq!(paid(&outcome, PayoutRole::Winner).len(), 1);
    assert_eq!(paid(&outcome, PayoutRole::RunnerUp).len(), 1);
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(contest.validators.clone()));
    assert_eq!((slashed(&contest.world), challenge_count(&contest.world)), (vec![], 0));
    assert_eq!(refusals(&contest.world), Vec::<String>::new());
}

#[test]
fn one_flipped_bit_of_a_weight_is_isolated_to_its_step_and_word() {
    let order = small_recipe();
    is_found_where_it_was_forged(&order, weight_change(&order.specification));
}

#[test]
fn one_unit_in_the_last_place_of_one_block_of_a_product_is_proven_wrong() {
    let order = recipe(TWO_BLOCK_BATCH, 700);
    is_found_where_it_was_forged(&order, last_place_change(&order));
}

#[test]
fn a_copied_claim_cannot_be_revealed_even_with_every_secret_of_its_author() {
    let mut contest = Contest::new(&small_recipe());
    let author = contest.providers[1];
    contest.behave(0, Behavior::CopiedClaim(author));
    let outcome = contest.settle();
    let refusals = refusals(&contest.world);
    let is_mismatch = |reason: &String| reason.starts_with("claimed ");
    assert!(!refusals.is_empty() && refusals.iter().all(is_mismatch), "{refusals:?}");
    assert_eq!(paid(&outcome, PayoutRole::Winner), [author]);
    assert_eq!(outcome.standings.len(), 1);
    let copier = contest.providers[0];
    assert!(contest.has_happened(|event| {
        matches!(event, Event::DepositReleased { provider, returned: false, .. }
            if *provider == copier)
    }));
}

#[test]
fn a_file_that_is_not_the_end_of_its_trace_is_refuted_without_a_game() {
    let mut contest = Contest::new(&small_recipe());
    contest.behave(0, Behavior::OtherWeights);
    contest.only_the_first_provider_loses();
    let subject = contest.training(0);
    assert!(contest.has_happened(|event| {
        matches!(event, Event::ProofAccepted { subject: of, .. } if *of == subject)
    }));
    assert_eq!(challenge_count(&contest.world), 0);
}

#[test]
fn who_withholds_the_one_model_that_another_serves_harms_nobody() {
    let mut contest = Contest::new(&small_recipe());
    contest.behave(0, Behavior::Withholding);
    let outcome = contest.settle();
    assert_eq!((slashed(&contest.world), challenge_count(&contest.world)), (vec![], 0));
    assert_eq!(outcome.standings.len(), 2);
}

#[test]
fn a_recipe_whose_model_everybody_withholds_is_void_and_its_providers_slashed() {
    let mut contest = Contest::new(&small_recipe());
    contest.behave(0, Behavior::Withholding);
    contest.behave(1, Behavior::Withholding);
    let outcome = contest.settle();
    assert_eq!(sorted(slashed(&contest.world)), sorted(contest.providers.clone()));
    assert!(outcome.winner().is_none());
    assert_eq!(challenge_count(&contest.world), 0);
}

#[test]
fn a_forger_that_is_silent_in_any_stage_loses_there() {
    let mut begun = Contest::forged();
    at_phase(&mut begun.world, &begun.order, Phase::Challenge);
    let forger = begun.providers[0];
    let stages = [Moment::Steps, Moment::Step, Moment::Operators, Moment::Output, Moment::Chunks];
    for stage in stages {
        let mut contest = begun.fork();
        contest.world.conduct(&forger, Conduct::SilentAt(stage));
        contest.only_the_first_provider_loses();
        assert!(contest.withheld_move_count(&forger) > 0, "{stage:?}");
        assert_eq!(contest.verdicts(), [Verdict::Upheld(Reason::Silence)], "{stage:?}");
    }
}

#[test]
fn a_challenger_that_is_silent_in_any_stage_loses_its_bond_and_another_goes_on() {
    let mut begun = Contest::forged();
    at_phase(&mut begun.world, &begun.order, Phase::Challenge);
    let silent = begun.validators[0];
    for stage in [Moment::Steps, Moment::Operators, Moment::Chunks, Moment::Leaf] {
        let mut contest = begun.fork();
        contest.world.conduct(&silent, Conduct::SilentAt(stage));
        contest.only_the_first_provider_loses();
        assert!(contest.withheld_move_count(&silent) > 0, "{stage:?}");
        let verdicts = contest.verdicts();
        assert_eq!(verdicts[0], Verdict::Dismissed(Reason::Silence), "{stage:?}");
        let is_upheld = |one: &Verdict| matches!(one, Verdict::Upheld(Reason::Computed { .. }));
        assert!(verdicts.iter().any(is_upheld), "{stage:?}: {verdicts:?}");
        assert!(contest.has_happened(|event| matches!(event, Event::BondLost { .. })));
    }
}

#[test]
fn an_accomplice_that_gives_up_when_challenges_are_closed_does_not_shield_a_forger() {
    let mut order = small_recipe();
    // A game takes longer than this.
    order.specification.windows.challenge = 8;
    let mut contest = Contest::new(&order);
    let change = weight_change(&contest.specification);
    contest.behave(0, Behavior::Forging(change));
    let accomplice = contest.stranger();
    contest.world.behave(&accomplice, Behavior::Accusing(contest.training(0)));
    contest.world.conduct(&accomplice, Conduct::SilentAt(Moment::Leaf));
    // Of the validators, only the last one to have a turn is honest.
    for validator in &contest.validators[..2] {
        contest.world.behave(validator, Behavior::Careless);
    }
    contest.only_the_first_provider_loses();
}

#[test]
fn a_false_challenge_of_an_honest_training_pays_the_accused() {
    let mut contest = Contest::new(&small_recipe());
    let accuser = contest.validators[0];
    let change = weight_change(&contest.specification);
    // Its own run is forged, so every honest one looks wrong to it.
    contest.world.behave(&accuser, Behavior::Misled(change));
    let bond = contest.world.member(&accuser).parameters.challenge_bond;
    let outcome = contest.settle();
    let accused = lost_bonds(&contest);
    assert!(accused.len() >= 2, "at least one for each provider");
    assert!(accused.iter().all(|to_responder| to_responder.0 == bond.0 / 2));
    let is_dismissed = |one: &Verdict| matches!(one, Verdict::Dismissed(Reason::Computed { .. }));
    assert!(contest.verdicts().iter().all(is_dismissed), "{:?}", contest.verdicts());
    assert_eq!(slashed(&contest.world), []);
    assert_eq!(outcome.standings.len(), 2);
}

fn lost_bonds(contest: &Contest) -> Vec<Amount> {
    let lost = |event: &Event| match event {
        Event::BondLost { to_responder, .. } => Some(*to_responder),
        _ => None,
    };
    contest.world.events.iter().filter_map(lost).collect()
}

#[test]
fn whoever_accuses_without_a_result_of_its_own_loses_its_bond() {
    let mut contest = Contest::new(&small_recipe());
    let accuser = contest.stranger();
    contest.world.behave(&accuser, Behavior::Accusing(contest.training(0)));
    let before = contest.world.wealth(&accuser);
    let outcome = contest.settle();
    assert_eq!(contest.verdicts(), [Verdict::Dismissed(Reason::Silence)]);
    let bond = contest.world.member(&accuser).parameters.challenge_bond;
    assert!(before.0 - contest.world.wealth(&accuser).0 > bond.0);
    assert_eq!((slashed(&contest.world), outcome.standings.len()), (vec![], 2));
}

#[test]
fn a_forger_that_shows_other_states_than_before_loses() {
    let mut begun = Contest::forged();
    at_phase(&mut begun.world, &begun.order, Phase::Challenge);
    let forger = begun.providers[0];
    for conduct in [Conduct::Equivocating, Conduct::Recanting(1), Conduct::Recanting(3)] {
        let mut contest = begun.fork();
        contest.world.conduct(&forger, conduct);
        contest.only_the_first_provider_loses();
        let verdicts = contest.verdicts();
        assert!(matches!(verdicts[..], [Verdict::Upheld(_)]), "{conduct:?}: {verdicts:?}");
    }
}

#[test]
fn moves_sent_to_every_game_change_no_game_and_cost_their_sender() {
    let mut quiet = Contest::forged();
    at_phase(&mut quiet.world, &quiet.order, Phase::Challenge);
    let mut loud = quiet.fork();
    let spammers = [loud.stranger(), loud.providers[0]];
    let before = loud.world.wealth(&spammers[0]);
    for spammer in spammers {
        loud.world.conduct(&spammer, Conduct::Spamming);
    }
    loud.only_the_first_provider_loses();
    quiet.only_the_first_provider_loses();
    assert!(refusals(&loud.world).len() > 30);
    assert_eq!(loud.located(), quiet.located());
    assert_eq!(loud.verdicts(), quiet.verdicts());
    assert!(loud.world.wealth(&spammers[0]) < before);
}

#[test]
fn whoever_challenges_itself_through_a_friend_loses_even_when_nobody_else_looks() {
    let mut contest = Contest::forged();
    let (forger, friend) = (contest.providers[0], contest.stranger());
    contest.world.behave(&friend, Behavior::Accusing(contest.training(0)));
    for validator in &contest.validators {
        contest.world.behave(validator, Behavior::Careless);
    }
    let both = |world: &World| world.wealth(&forger).0 + world.wealth(&friend).0;
    let before = both(&contest.world);
    contest.only_the_first_provider_loses();
    let is_friend = |event: &Event| matches!(event, Event::ChallengeOpened { challenger, .. } if *challenger == friend);
    assert!(contest.has_happened(is_friend));
    assert_eq!(challenge_count(&contest.world), 1);
    // What the friend wins is at most two fifths of what the forger loses.
    let stake = contest.specification.pay.provider_stake_min.0;
    assert!(before - both(&contest.world) >= stake * 3 / 5);
}

#[test]
fn players_that_are_killed_in_every_round_come_to_the_same_state() {
    let begun = Contest::forged();
    let run = |restarts: bool| {
        let mut contest = begun.fork();
        while contest.world.record(&contest.order).unwrap().outcome.is_none() {
            if restarts {
                contest.world.actors.iter_mut().for_each(Actor::restart);
            }
            contest.world.step();
        }
        assert!(contest.is_refuted(0));
        let trained: usize = contest.world.actors.iter().map(Actor::training_count).sum();
        (contest.world.state().clone(), trained)
    };
    let (undisturbed, disturbed) = (run(false), run(true));
    assert_eq!((undisturbed.1, disturbed.1), (2, 2));
    assert!(undisturbed.0 == disturbed.0, "the states differ");
}

impl Contest {
    /// A copy in which everybody has been restarted.
    fn fork(&self) -> Self {
        Self {
            world: self.world.fork(),
            order: self.order,
            providers: self.providers.clone(),
            validators: self.validators.clone(),
            specification: self.specification.clone(),
        }
    }

    /// Turns that an actor let pass.
    fn withheld_move_count(&self, account: &AccountId) -> usize {
        self.world.actors[self.world.place(account)].withheld_move_count
    }
}
