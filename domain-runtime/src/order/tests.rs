//! Identity, cost and static checks of orders.

use alloc::vec;

use proptest::prelude::*;

use super::check::{BATCH_MAX, EPOCHS_MAX, OrderError, OrderLimits, check};
use super::cost::{cost, price};
use super::*;
use crate::bounded::BoundedVec;

/// Limits of a network with short windows and cheap work.
const LIMITS: OrderLimits = OrderLimits {
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
        OrderError::Format { model: "mlp", expected: "records", found: "text" }
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
