//! Identity, cost and static checks of orders.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::check::{BATCH_MAX, EPOCHS_MAX, OrderError, OrderLimits, STEPS_MAX, check};
use super::cost::{OrderCost, cost, price};
use super::shape::ShapeError;
use super::tensors::tensors;
use super::*;
use crate::bounded::BoundedVec;
use crate::program::ProgramError;

/// Limits of a network with short windows and cheap work.
pub(crate) const LIMITS: OrderLimits = OrderLimits {
    window_min_blocks: 2,
    window_max_blocks: 100,
    settlement_max_blocks: 200,
    move_window_blocks: 2,
    reward_min: Amount(1_000),
    training_price: Amount(3),
    evaluation_price: Amount(5),
};

/// A valid order: 64-32-10, 1,437 examples.
pub(crate) fn specification() -> OrderSpecification {
    let file = DataFile { root: DataRoot([1; 32]), byte_count: 1_437 * 65 };
    OrderSpecification {
        version: 1,
        model: ModelSpecification {
            architecture: Architecture::Mlp {
                hidden_widths: BoundedVec::try_from(vec![32]).unwrap(),
            },
            initial_seed: 7,
            base: None,
        },
        data: DataSpecification {
            train: file,
            format: DataFormat::Records { value_bytes: 1 },
            train_example_count: 1_437,
            test_example_count: 360,
            feature_count: 64,
            feature_divisor: 16,
            class_count: 10,
            test_commitment: test_commitment(&file, &Salt([2; 32])),
        },
        train: TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: Metric::Accuracy,
            recipe: Recipe::Free,
            parameters_max: 10_000,
            epochs: 20,
            batch_size: 32,
        },
        profile: Profile::P0,
        pay: PaySpecification {
            reward: Amount(10_000),
            client_bond: Amount(1_000),
            provider_stake_min: Amount(500),
            validator_stake_min: Amount(500),
            metric_min_millionths: 900_000,
        },
        committee: CommitteeSpecification { provider_count: 2, validator_count: 3 },
        windows: Windows {
            open: 2,
            train: 10,
            reveal: 5,
            availability: 4,
            test_reveal: 5,
            evaluation_commit: 6,
            evaluation_reveal: 5,
            challenge: 10,
            challenge_extension: 46,
        },
    }
}

/// Changes one field and gives the refusal.
fn refused(change: impl FnOnce(&mut OrderSpecification)) -> OrderError {
    let mut specification = specification();
    change(&mut specification);
    check(&specification, &LIMITS).unwrap_err()
}

/// Name, value and bounds of a field that is out of range.
fn out_of_range(change: impl FnOnce(&mut OrderSpecification)) -> (&'static str, u128, u128, u128) {
    match refused(change) {
        OrderError::OutOfRange { field, value, min, max } => (field, value, min, max),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_valid_order_costs_what_its_shape_says() {
    let cost = check(&specification(), &LIMITS).unwrap();
    assert_eq!(cost.parameter_count, 64 * 32 + 32 + 32 * 10 + 10);
    let forward = 2 * (64 * 32 + 32 * 10);
    assert_eq!(cost.step_operations, 3 * forward * 32);
    assert_eq!(cost.training_operations, 3 * forward * 1_437 * 20);
    assert_eq!(cost.evaluation_operations, forward * 360);
    assert_eq!(cost.model_bytes, 4 * cost.parameter_count);
    let activations = 2 * 4 * (64 + 32 + 10) * 32;
    assert_eq!(cost.training_bytes, 4 * cost.model_bytes + 1_437 * 64 * 4 + activations);
}

#[test]
fn a_network_without_hidden_layers_is_allowed() {
    let mut linear = specification();
    linear.model.architecture = Architecture::Mlp { hidden_widths: BoundedVec::new() };
    assert_eq!(check(&linear, &LIMITS).unwrap().parameter_count, 64 * 10 + 10);
}

#[test]
fn every_bad_field_is_refused_by_name_value_and_bounds() {
    assert_eq!(out_of_range(|order| order.version = 2), ("version", 2, 1, 1));
    assert_eq!(
        out_of_range(|order| order.data.train.byte_count = 0),
        ("data.train.bytes", 0, 1, 1 << 36)
    );
    assert_eq!(
        out_of_range(|order| order.data.train_example_count = 0),
        ("data.train_examples", 0, 1, 100_000_000)
    );
    assert_eq!(
        out_of_range(|order| order.data.test_example_count = u32::MAX),
        ("data.test_examples", u128::from(u32::MAX), 1, 100_000_000)
    );
    assert_eq!(
        out_of_range(|order| order.data.feature_divisor = 0),
        ("data.divisor", 0, 1, 1 << 24)
    );
    assert_eq!(out_of_range(|order| order.data.class_count = 1), ("data.classes", 1, 2, 65_536));
    assert_eq!(
        out_of_range(|order| order.data.feature_count = 0),
        ("model layer width", 0, 1, 65_536)
    );
    assert_eq!(
        out_of_range(|order| order.train.epochs = EPOCHS_MAX + 1),
        ("train.epochs", u128::from(EPOCHS_MAX) + 1, 1, u128::from(EPOCHS_MAX))
    );
    assert_eq!(
        out_of_range(|order| order.train.batch_size = 0),
        ("train.batch", 0, 1, u128::from(BATCH_MAX))
    );
    assert_eq!(
        out_of_range(|order| order.committee.provider_count = 33),
        ("committee.providers", 33, 1, 32)
    );
    assert_eq!(
        out_of_range(|order| order.committee.validator_count = 0),
        ("committee.validators", 0, 1, 32)
    );
    assert_eq!(
        out_of_range(|order| order.train.parameters_max = 2_409),
        ("model parameters", 2_410, 1, 2_409)
    );
}

#[test]
fn a_file_of_another_length_than_its_examples_is_refused() {
    for (value_bytes, bytes) in [(1, 93_405_u64), (2, 186_810), (4, 373_620)] {
        let with = |byte_count| {
            let mut order = specification();
            order.data.format = DataFormat::Records { value_bytes };
            order.data.train.byte_count = byte_count;
            check(&order, &LIMITS)
        };
        assert!(with(bytes).is_ok());
        for value in [bytes - 1, bytes + 1] {
            let (value, bytes) = (u128::from(value), u128::from(bytes));
            let field = "data.train.bytes";
            let expected = OrderError::OutOfRange { field, value, min: bytes, max: bytes };
            assert_eq!(with(u64::try_from(value).unwrap()), Err(expected));
        }
    }
}

#[test]
fn records_of_another_width_are_refused() {
    for value_bytes in [0, 3, 5, 8, 255] {
        let found = refused(|order| order.data.format = DataFormat::Records { value_bytes });
        assert_eq!(found, OrderError::ValueBytes { found: value_bytes });
    }
}

#[test]
fn text_has_a_class_for_every_byte_no_divisor_and_no_mlp() {
    let text = |order: &mut OrderSpecification| {
        order.data.format = DataFormat::Text;
        order.data.class_count = 256;
        order.data.feature_divisor = 1;
        order.data.train.byte_count = 1_437 * 64 + 1;
    };
    let with = |change: fn(&mut DataSpecification)| {
        out_of_range(|order| {
            text(order);
            change(&mut order.data);
        })
    };
    assert_eq!(with(|data| data.class_count = 255), ("data.classes", 255, 256, 256));
    assert_eq!(with(|data| data.feature_divisor = 2), ("data.divisor", 2, 1, 1));
    let (min, max) = (1_437 * 64 + 1, 1_437 * 64 + 64);
    let bytes = ("data.train.bytes", 1_437 * 64, min, max);
    assert_eq!(with(|data| data.train.byte_count = 1_437 * 64), bytes);
    let bytes = ("data.train.bytes", 1_437 * 64 + 65, min, max);
    assert_eq!(with(|data| data.train.byte_count = 1_437 * 64 + 65), bytes);
    assert_eq!(
        refused(text),
        OrderError::Format { model: "mlp", expected: "records or floats", found: "text" }
    );
}

#[test]
fn every_window_is_refused_by_name_when_too_short_or_too_long() {
    for wrong in [1, 101] {
        let names = PHASES.map(|phase| {
            out_of_range(|order| {
                let windows = &mut order.windows;
                let field = match phase {
                    Phase::Open => &mut windows.open,
                    Phase::Train => &mut windows.train,
                    Phase::Reveal => &mut windows.reveal,
                    Phase::Availability | Phase::TestAvailability => &mut windows.availability,
                    Phase::TestReveal => &mut windows.test_reveal,
                    Phase::EvaluationCommit => &mut windows.evaluation_commit,
                    Phase::EvaluationReveal => &mut windows.evaluation_reveal,
                    Phase::Challenge => &mut windows.challenge,
                    Phase::ChallengeExtension | Phase::Final => &mut windows.challenge_extension,
                };
                *field = wrong;
            })
            .0
        });
        let expected = [
            "open",
            "train",
            "reveal",
            "availability",
            "test_reveal",
            "availability",
            "evaluation_commit",
            "evaluation_reveal",
            "challenge",
            "challenge_extension",
        ];
        assert_eq!(names.map(|name| name.trim_start_matches("windows.")), expected);
    }
}

#[test]
fn the_settlement_must_fit_the_horizon_of_withdrawals() {
    // Everything after training: 5 + 4 + 5 + 4 + 6 + 5 + challenge + extension.
    let with = |challenge| {
        let mut order = specification();
        order.windows.challenge = challenge;
        order.windows.challenge_extension = 71;
        check(&order, &LIMITS)
    };
    assert!(with(100).is_ok());
    let mut order = specification();
    order.windows.challenge = 100;
    order.windows.challenge_extension = 72;
    let expected = OrderError::SettlementTooLate { blocks: 201, max: 200 };
    assert_eq!(check(&order, &LIMITS), Err(expected));
}

#[test]
fn money_is_refused_by_name_and_bounds() {
    assert_eq!(
        out_of_range(|order| order.pay.reward = Amount(999)),
        ("pay.reward", 999, 1_000, u128::MAX >> 8)
    );
    assert_eq!(
        out_of_range(|order| order.pay.client_bond = Amount(999)),
        ("pay.client_bond", 999, 1_000, 10_000)
    );
    assert_eq!(
        out_of_range(|order| order.pay.client_bond = Amount(10_001)),
        ("pay.client_bond", 10_001, 1_000, 10_000)
    );
    assert_eq!(
        out_of_range(|order| order.pay.provider_stake_min = Amount(0)).0,
        "pay.provider_stake_min"
    );
    assert_eq!(
        out_of_range(|order| order.pay.validator_stake_min = Amount(u128::MAX)).0,
        "pay.validator_stake_min"
    );
    assert_eq!(
        out_of_range(|order| order.pay.metric_min_millionths = 1_000_001),
        ("pay.metric_min", 1_000_001, 0, 1_000_000)
    );
}

#[test]
fn forging_must_cost_more_than_training() {
    let mut limits = LIMITS;
    limits.training_price = Amount(10_000);
    let mut order = specification();
    // 3 x 4,736 x 1,437 x 20 operations are one unit of price.
    order.pay.provider_stake_min = Amount(3_001);
    assert!(check(&order, &limits).is_ok());
    order.pay.provider_stake_min = Amount(3_000);
    let (stake, prize, cost) = (Amount(3_000), Amount(7_000), Amount(10_000));
    assert_eq!(check(&order, &limits), Err(OrderError::ForgeryPays { stake, prize, cost }));
}

#[test]
fn the_reward_must_pay_for_the_evaluations() {
    let mut limits = LIMITS;
    limits.evaluation_price = Amount(2_000);
    let refused = check(&specification(), &limits).unwrap_err();
    let (min, max) = (2 * 3 * 2_000, u128::MAX >> 8);
    let expected = OrderError::OutOfRange { field: "pay.reward", value: 10_000, min, max };
    assert_eq!(refused, expected);
}

#[test]
fn impossible_sizes_are_refused_and_never_wrap() {
    let refused = refused(|order| {
        let widths = vec![65_536; HIDDEN_LAYERS_MAX];
        order.model.architecture =
            Architecture::Mlp { hidden_widths: BoundedVec::try_from(widths).unwrap() };
        order.data.train_example_count = 100_000_000;
        order.data.train.byte_count = 100_000_000 * 65;
        order.train.epochs = EPOCHS_MAX;
        order.train.parameters_max = 1 << 40;
    });
    assert!(matches!(refused, OrderError::Overflow(_)), "{refused:?}");
}

#[test]
fn prices_are_rounded_up() {
    let giga = 1_000_000_000;
    let prices = [0, 1, giga, giga + 1].map(|operations| price(operations, Amount(3)).0);
    assert_eq!(prices, [0, 3, 3, 6]);
    assert_eq!(price(u64::MAX, Amount(u128::MAX)), Amount(u128::MAX));
}

#[test]
fn every_change_makes_another_order() {
    let mut other = specification();
    other.model.initial_seed += 1;
    assert_ne!(other.id(), specification().id());
    assert_eq!(specification().id(), specification().id());
}

#[test]
fn the_test_commitment_binds_root_length_and_salt() {
    let file = DataFile { root: DataRoot([1; 32]), byte_count: 5 };
    let all = [
        test_commitment(&file, &Salt([1; 32])),
        test_commitment(&file, &Salt([2; 32])),
        test_commitment(&DataFile { byte_count: 6, ..file }, &Salt([1; 32])),
        test_commitment(&DataFile { root: DataRoot([2; 32]), ..file }, &Salt([1; 32])),
    ];
    let different: alloc::collections::BTreeSet<_> = all.into_iter().collect();
    assert_eq!(different.len(), 4);
}

proptest! {
    #[test]
    fn costs_of_any_order_are_counted_or_refused(
        widths in prop::collection::vec(any::<u32>(), 0..=HIDDEN_LAYERS_MAX),
        (features, classes, examples) in any::<(u32, u32, u32)>(),
        (epochs, batch) in any::<(u32, u32)>(),
    ) {
        let mut order = specification();
        order.model.architecture =
            Architecture::Mlp { hidden_widths: BoundedVec::try_from(widths).unwrap() };
        order.data.feature_count = features;
        order.data.class_count = classes;
        order.data.train_example_count = examples;
        order.train.epochs = epochs;
        order.train.batch_size = batch;
        let checked = check(&order, &LIMITS);
        // Whatever passes the check has costs that fit.
        prop_assert!(checked.is_err() || cost(&order).is_ok());
    }
}

/// A recipe that may be changed.
fn fixed() -> FixedRecipe {
    FixedRecipe {
        step_count: 200,
        optimizer: RecipeOptimizer::AdamW {
            beta1: 0x3f66_6666,
            beta2: 0x3f7f_be77,
            epsilon: 0x322b_cc77,
            weight_decay: 0,
        },
        learning_rate: 0x3a83_126f,
        schedule: RecipeSchedule::Cosine { warmup_step_count: 10 },
        checkpoint_interval: 100,
    }
}

/// An order with a changed recipe.
fn with_recipe(change: impl FnOnce(&mut FixedRecipe)) -> Result<OrderCost, OrderError> {
    let mut recipe = fixed();
    change(&mut recipe);
    let mut order = specification();
    order.train.recipe = Recipe::Fixed(recipe);
    check(&order, &LIMITS)
}

#[test]
fn a_fixed_recipe_costs_its_steps() {
    let cost = with_recipe(|_| {}).unwrap();
    assert_eq!(cost.training_operations, 200 * cost.step_operations);
    assert!(with_recipe(|recipe| recipe.step_count = STEPS_MAX).is_ok());
}

#[test]
fn every_number_of_a_recipe_is_refused_by_name_and_bounds() {
    type Change = fn(&mut FixedRecipe);
    let adamw = |beta1, beta2, epsilon, weight_decay| RecipeOptimizer::AdamW {
        beta1,
        beta2,
        epsilon,
        weight_decay,
    };
    let one = 0x3f80_0000;
    let momentum = RecipeOptimizer::Momentum { momentum: one, weight_decay: 0 };
    let changes: [(&str, Change); 6] = [
        ("train.recipe.steps", |recipe| recipe.step_count = 0),
        ("train.recipe.steps", |recipe| recipe.step_count = STEPS_MAX + 1),
        ("train.recipe.checkpoint_interval", |recipe| recipe.checkpoint_interval = 0),
        ("train.recipe.learning_rate (bits)", |recipe| recipe.learning_rate = 0),
        ("train.recipe.learning_rate (bits)", |recipe| recipe.learning_rate = 0x7f80_0000),
        ("train.recipe.warmup_steps", |recipe| {
            recipe.schedule = RecipeSchedule::Cosine { warmup_step_count: 201 };
        }),
    ];
    let field = |found: Result<OrderCost, OrderError>| match found {
        Err(OrderError::OutOfRange { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    for (expected, change) in changes {
        assert_eq!(field(with_recipe(change)), expected);
    }
    let optimizers = [
        ("train.recipe.beta1 (bits)", adamw(one, 0, 1, 0)),
        ("train.recipe.beta2 (bits)", adamw(0, 0x8000_0000, 1, 0)),
        ("train.recipe.epsilon (bits)", adamw(0, 0, 0, 0)),
        ("train.recipe.weight_decay (bits)", adamw(0, 0, 1, 0x7fc0_0000)),
        ("train.recipe.momentum (bits)", momentum),
    ];
    for (expected, optimizer) in optimizers {
        assert_eq!(field(with_recipe(|recipe| recipe.optimizer = optimizer)), expected);
    }
}

#[test]
fn an_order_that_no_game_can_referee_is_refused() {
    let found = refused(|order| {
        order.model.architecture =
            Architecture::Mlp { hidden_widths: BoundedVec::try_from(vec![65_536, 4_097]).unwrap() };
        order.train.parameters_max = 1 << 40;
    });
    let element_count = 65_536 * 4_097;
    let expected = ProgramError::SlotSize { name: "linear weight", element_count };
    assert_eq!(found, OrderError::Program(expected));
}

/// An order for images of 28 x 28.
fn images(convolutions: &[(u32, u32)]) -> OrderSpecification {
    let convolutions: Vec<_> = convolutions
        .iter()
        .map(|&(outputs, kernel)| ConvolutionSpecification { outputs, kernel })
        .collect();
    let mut order = specification();
    order.model.architecture = Architecture::Cnn {
        image: ImageShape { channels: 1, height: 28, width: 28 },
        convolutions: BoundedVec::try_from(convolutions).unwrap(),
        hidden_widths: BoundedVec::try_from(vec![1_024]).unwrap(),
    };
    order.data.feature_count = 784;
    order.data.train.byte_count = 1_437 * 785;
    order.train.parameters_max = 1 << 40;
    order
}

/// An order for texts.
fn texts(width: u32, head_count: u32) -> OrderSpecification {
    let mut order = specification();
    order.model.architecture =
        Architecture::Gpt { width, layer_count: 4, head_count, context: 128 };
    order.data.format = DataFormat::Text;
    order.data.feature_count = 128;
    order.data.feature_divisor = 1;
    order.data.class_count = 256;
    order.data.train.byte_count = 1_437 * 128 + 1;
    order.train.parameters_max = 1 << 40;
    order
}

/// Limits under which any work is cheap.
const CHEAP: OrderLimits =
    OrderLimits { training_price: Amount(0), evaluation_price: Amount(0), ..LIMITS };

#[test]
fn convolutions_cost_what_their_shapes_say() {
    let cost = check(&images(&[(32, 5), (64, 5)]), &CHEAP).unwrap();
    let linear = 1_024 * 1_024 + 1_024 * 10;
    assert_eq!(cost.parameter_count, 32 * 26 + 64 * 801 + linear + 1_024 + 10);
    let forward = 2 * (24 * 24 * 32 * 25 + 8 * 8 * 64 * 800 + linear);
    assert_eq!(cost.step_operations, 3 * forward * 32);
    let maps = 784 + (24 * 24 + 12 * 12) * 32 + (8 * 8 + 4 * 4) * 64 + 1_024 + 10;
    assert_eq!(
        cost.training_bytes,
        16 * cost.parameter_count + 1_437 * 784 * 4 + 2 * 4 * maps * 32
    );
}

#[test]
fn attention_costs_what_its_shapes_say() {
    let cost = check(&texts(256, 4), &CHEAP).unwrap();
    let block = 12 * 256 * 256 + 13 * 256;
    let ends = (256 + 128 + 256 + 2) * 256 + 256;
    assert_eq!(cost.parameter_count, 4 * block + ends);
    let tokens = 128 * (4 * 12 * 256 * 256 + 256 * 256);
    let attention = 4 * 2 * 128 * 128 * 256;
    assert_eq!(cost.evaluation_operations, 360 * 2 * (tokens + attention));
}

#[test]
fn layers_that_do_not_fit_are_refused_with_their_sides() {
    let shape = |order: &OrderSpecification| match check(order, &CHEAP) {
        Err(OrderError::Shape(error)) => error,
        other => panic!("{other:?}"),
    };
    let (height, width) = (28, 28);
    let expected = ShapeError::Kernel { place: 0, kernel: 29, height, width };
    assert_eq!(shape(&images(&[(1, 29)])), expected);
    let expected = ShapeError::Kernel { place: 0, kernel: 0, height, width };
    assert_eq!(shape(&images(&[(1, 0)])), expected);
    let (height, width) = (25, 25);
    assert_eq!(shape(&images(&[(1, 4)])), ShapeError::OddSide { place: 0, height, width });
    let (height, width) = (11, 11);
    assert_eq!(shape(&images(&[(2, 5), (1, 2)])), ShapeError::OddSide { place: 1, height, width });
    let mut other = images(&[(2, 5)]);
    other.data.feature_count = 785;
    assert_eq!(shape(&other), ShapeError::Features { expected: 784, found: 785 });
    assert_eq!(shape(&texts(256, 3)), ShapeError::Heads { head_count: 3, width: 256 });
    assert_eq!(shape(&texts(256, 0)), ShapeError::Heads { head_count: 0, width: 256 });
    let mut other = texts(256, 4);
    other.data.class_count = 255;
    assert_eq!(shape(&other), ShapeError::Classes { expected: 256, found: 255 });
    let mut other = images(&[(2, 5)]);
    other.data.format = DataFormat::Text;
    other.data.class_count = 256;
    other.data.feature_divisor = 1;
    other.data.train.byte_count = 1_437 * 784 + 1;
    let expected =
        OrderError::Format { model: "cnn", expected: "records or floats", found: "text" };
    assert_eq!(check(&other, &CHEAP), Err(expected));
}

#[test]
fn names_of_tensors_are_sorted_in_every_architecture() {
    let mut deep = texts(8, 2);
    deep.model.architecture =
        Architecture::Gpt { width: 8, layer_count: 100, head_count: 2, context: 128 };
    for (order, count) in [(images(&[(2, 5), (3, 5)]), 8), (texts(8, 2), 54), (deep, 1_206)] {
        let tensors = tensors(&order).unwrap();
        assert_eq!(tensors.len(), count);
        assert!(tensors.is_sorted_by(|left, right| left.name < right.name));
    }
}
