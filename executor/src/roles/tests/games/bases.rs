//! Orders whose model builds upon a base: providers, validators and challengers all compute with it.

use aipot_domain_runtime::order::tensors::base_tensors;
use aipot_trainer::base_file::write_base;
use aipot_trainer::dataset::data_file;

use super::*;

/// A frozen encoder over the pixels of a digit as tokens, and a head that is trained.
const FROZEN: &str = r#"
version = 1
[model]
architecture = "lora"
family = "bert"
vocabulary = 17
positions = 64
width = 4
hidden_width = 4
layers = 1
heads = 1
rank = 1
targets = []
initial = { seed = 7 }
[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 10_000
batch = 8
recipe = { steps = 4, optimizer = "adamw", learning_rate = 0.01, checkpoint_interval = 2 }
[pay]
reward = "100"
metric_min = 0.01
"#;

/// The slot of the weight of the head: those of the model come first, sorted by name.
const HEAD: usize = 1;

/// An order over a base of small numbers that differ.
fn frozen() -> Order {
    let mut order = digits_order_of(FROZEN, (200, 50), 1);
    let values: Vec<Vec<f32>> = base_tensors(&order.specification)
        .unwrap()
        .iter()
        .map(|tensor| {
            let count = tensor.value_count().unwrap();
            (0..count).map(|index| f32::from(u8::try_from(index % 31).unwrap()) / 32.0).collect()
        })
        .collect();
    order.base = write_base(&order.specification, &values).unwrap();
    order.specification.model.base = Some(data_file(&order.base));
    order
}

#[test]
fn an_order_upon_a_base_is_trained_audited_and_evaluated_with_it() {
    let mut contest = Contest::new(&frozen());
    let outcome = contest.settle();
    assert!(outcome.winner().is_some(), "{:?}", contest.world.events);
    assert_eq!(paid(&outcome, PayoutRole::Validator), sorted(contest.validators.clone()));
    assert_eq!((slashed(&contest.world), challenge_count(&contest.world)), (vec![], 0));
    assert_eq!(refusals(&contest.world), Vec::<String>::new());
}

#[test]
fn a_forged_head_upon_a_base_is_found_where_it_was_forged() {
    let order = frozen();
    let computation = Case::training(&order.specification).unwrap().computation;
    let mut operators = computation.step.operators.iter();
    let operator = operators.position(|operator| usize::from(operator.output) == HEAD).unwrap();
    let operator = u32::try_from(operator).unwrap();
    is_found_where_it_was_forged(&order, Change { step: 3, operator, element: 5, bit: 20 });
}

#[test]
fn an_evaluation_upon_a_base_that_is_made_up_is_found_out() {
    let mut contest = Contest::new(&frozen());
    let liar = contest.validators[0];
    contest.world.behave(&liar, Behavior::Constant);
    let outcome = contest.settle();
    assert_eq!(slashed(&contest.world), [liar]);
    assert!(outcome.winner().is_some());
}

#[test]
fn without_the_base_nobody_claims_a_model() {
    let order = Order { base: Vec::new(), ..frozen() };
    let mut contest = Contest::new(&order);
    let outcome = contest.settle();
    assert!(outcome.winner().is_none());
    assert_eq!(slashed(&contest.world), []);
}
