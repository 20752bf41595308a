//! Tests of the programs of orders.

mod blocks;
mod faults;
mod gradients;
mod images;
mod language;
mod machine;
mod orders;
mod scores;

use proptest::prelude::*;
use std::vec::Vec;

use super::{Computation, ProgramError, evaluation, training};
use crate::order::{OrderSpecification, Recipe};
use crate::primitives::Beacon;
use crate::progress::TestSource;
use orders::{ADAMW, MOMENTUM, cnn, gpt, mlp, recipe};

/// The evaluations of an order, of both sources.
fn evaluations(order: &OrderSpecification) -> Result<Vec<Computation>, ProgramError> {
    let sources =
        [TestSource::Revealed(order.data.train), TestSource::BeaconSplit(Beacon([3; 32]))];
    let mut file = order.data.train;
    file.byte_count = u64::MAX;
    sources.iter().map(|source| evaluation(order, &file, source, [5; 32])).collect()
}

/// Operators and slots of a step, after both programs were checked.
fn counts(computation: &Computation) -> (usize, usize) {
    computation.check().unwrap();
    (computation.step.operators.len(), computation.step.slots.len())
}

#[test]
fn the_three_workloads_are_programs() {
    let orders = [
        mlp((784, 10), &[512, 256], 128),
        cnn([1, 28, 28], &[(32, 5), (64, 5)], (&[1_024], 10), 64),
        gpt([256, 4, 4, 128], 8),
    ];
    let found = orders.each_ref().map(|order| counts(&training(order).unwrap()));
    assert_eq!(found, [(65, 52), (880, 70), (743, 296)]);
    for order in &orders {
        for computation in evaluations(order).unwrap() {
            counts(&computation);
        }
    }
}

#[test]
fn a_free_recipe_has_no_program() {
    let mut order = mlp((3, 2), &[4], 2);
    order.train.recipe = Recipe::Free;
    assert_eq!(training(&order), Err(ProgramError::FreeRecipe));
    assert!(evaluations(&order).is_ok());
}

#[test]
fn what_no_game_can_referee_is_refused() {
    // More losses than one mean takes.
    let found = training(&mlp((3, 2), &[4], 1_025));
    assert_eq!(found, Err(ProgramError::RowLength { name: "losses", length: 1_025 }));
    // A weight larger than a slot.
    let found = training(&mlp((4_096, 2), &[2_048], 2));
    let element_count = 4_096 * 2_048;
    assert_eq!(found, Err(ProgramError::SlotSize { name: "linear weight", element_count }));
    // A product and three more for every image.
    let found = training(&cnn([1, 4, 4], &[(2, 3)], (&[], 2), 1_024));
    assert_eq!(found, Err(ProgramError::OperatorCount));
    // A row of scores, and a batch, longer than what one element sums.
    let found = training(&gpt([4, 1, 1, 1_025], 1));
    assert_eq!(found, Err(ProgramError::RowLength { name: "softmax largest", length: 1_025 }));
}

#[test]
fn slots_are_weights_then_moments_then_powers() {
    let order = mlp((3, 2), &[4], 2);
    let step = training(&order).unwrap().step;
    let sizes: Vec<_> = step.slots.iter().map(|slot| slot.element_count).collect();
    assert_eq!(sizes[..14], [4, 12, 2, 8, 4, 4, 12, 12, 2, 2, 8, 8, 1, 1]);
    assert_eq!(step.persistent_count(), 14);
    let mut order = order;
    order.train.recipe = recipe(MOMENTUM);
    let step = training(&order).unwrap().step;
    let sizes: Vec<_> = step.slots.iter().map(|slot| slot.element_count).collect();
    assert_eq!(sizes[..8], [4, 12, 2, 8, 4, 12, 2, 8]);
    assert_eq!(step.persistent_count(), 8);
}

/// Small orders of every architecture.
fn small_orders() -> impl Strategy<Value = OrderSpecification> {
    let widths = || prop::collection::vec(1..600_u32, 0..3);
    let mlps = (1..1_100_u32, 2..20_u32, widths(), 1..70_u32)
        .prop_map(|(features, classes, hidden, batch)| mlp((features, classes), &hidden, batch));
    let cnns = ((1..4_u32, 1..8_u32, 1..8_u32), (1..5_u32, 1..6_u32), widths(), 1..12_u32)
        .prop_map(|((channels, rows, columns), (outputs, kernel), hidden, batch)| {
            // Sides that a kernel turns into even ones.
            let image = [channels, 2 * rows + kernel - 1, 2 * columns + kernel - 1];
            cnn(image, &[(outputs, kernel)], (&hidden, 3), batch)
        });
    let gpts = (1..4_u32, 1..4_u32, 0..3_u32, 1..40_u32, 1..20_u32).prop_map(
        |(heads, head_width, layers, context, batch)| {
            gpt([heads * head_width, layers, heads, context], batch)
        },
    );
    let recipes = prop_oneof![Just(ADAMW), Just(MOMENTUM)];
    (prop_oneof![mlps, cnns, gpts], recipes).prop_map(|(mut order, optimizer)| {
        order.train.recipe = recipe(optimizer);
        order
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever becomes a program is a valid one.
    #[test]
    fn programs_of_small_orders_are_valid(order in small_orders()) {
        let computation = training(&order).unwrap();
        prop_assert_eq!(computation.check(), Ok(()));
        for computation in evaluations(&order).unwrap() {
            prop_assert_eq!(computation.check(), Ok(()));
        }
    }

    /// Numbers of any size are refused or become programs, and never overflow.
    #[test]
    fn any_order_is_refused_or_a_valid_program(
        sides in any::<[u32; 4]>(),
        (kind, batch) in (0..3, any::<u32>()),
        shift in 0..32_u32,
    ) {
        let [a, b, c, d] = sides.map(|side| side >> shift);
        let mut order = match kind {
            0 => mlp((a, b), &[c, d], 1),
            1 => cnn([a % 16, b, c], &[(d, 3)], (&[], 2), 1),
            _ => gpt([a, b % 128, c, d], 1),
        };
        order.train.batch_size = batch >> shift;
        if let Ok(computation) = training(&order) {
            prop_assert_eq!(computation.check(), Ok(()));
        }
        if let Ok(computations) = evaluations(&order) {
            for computation in computations {
                prop_assert_eq!(computation.check(), Ok(()));
            }
        }
    }
}
