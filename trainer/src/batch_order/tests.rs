//! Tests of the batches of a run.

use aipot_domain_runtime::batch_order::example;
use proptest::prelude::*;

use super::{BatchOrder, step_count};

proptest! {
    /// Row by row the batches are the chain's order, whatever the sizes and wherever they begin.
    #[test]
    fn batches_are_the_order_of_the_chain(
        seed: u64, example_count in 1_u32..200, batch_size in 1_u32..50, first in 0_u64..1_000,
    ) {
        let mut order = BatchOrder::new(seed, example_count, batch_size);
        for step in first..first + 10 {
            let found = order.batch(step).to_vec();
            let places = step * u64::from(batch_size)..(step + 1) * u64::from(batch_size);
            let expected: Vec<usize> = places
                .map(|place| usize::try_from(example(seed, example_count, place)).unwrap())
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// So many steps see every example as often as there are epochs.
    #[test]
    fn the_steps_of_some_epochs_see_every_example_so_often(
        example_count in 1_u32..100, batch_size in 1_u32..50, epochs in 1_u32..5,
    ) {
        let mut order = BatchOrder::new(7, example_count, batch_size);
        let steps = step_count(example_count, batch_size, epochs);
        let mut seen = vec![0_u32; usize::try_from(example_count).unwrap()];
        for step in 0..steps {
            order.batch(step).iter().for_each(|example| seen[*example] += 1);
        }
        prop_assert!(seen.iter().all(|times| *times >= epochs));
        prop_assert!(seen.iter().sum::<u32>() < epochs * example_count + batch_size);
    }
}

#[test]
fn epochs_and_seeds_differ() {
    let mut order = BatchOrder::new(1, 100, 100);
    let (first, second) = (order.batch(0).to_vec(), order.batch(1).to_vec());
    assert_ne!(first, second);
    assert_ne!(first, BatchOrder::new(2, 100, 100).batch(0));
}

#[test]
fn every_batch_is_full() {
    let mut order = BatchOrder::new(1, 10, 4);
    assert!((0..20).all(|step| order.batch(step).len() == 4));
    assert_eq!(step_count(10, 4, 1), 3);
    assert_eq!(step_count(10, 4, 2), 5);
    assert_eq!(BatchOrder::new(1, 3, 8).batch(0).len(), 8, "more than there are examples");
}
