//! Tests of the order of batches.

use proptest::prelude::*;

use super::BatchOrder;

proptest! {
    /// Each pass sees each example once, whatever the sizes.
    #[test]
    fn a_pass_sees_every_example_once(
        seed: u64, example_count in 1_usize..200, batch_size in 1_usize..50, epoch in 0_u64..5,
    ) {
        let mut order = BatchOrder::new(seed, example_count, batch_size);
        let first = epoch * order.steps_per_epoch();
        let mut seen: Vec<usize> = (first..first + order.steps_per_epoch())
            .flat_map(|step| order.batch(step).to_vec())
            .collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..example_count).collect::<Vec<_>>());
    }

    /// A step's batch does not depend on the steps before it.
    #[test]
    fn a_batch_depends_on_its_step_only(seed: u64, step in 0_u64..100) {
        let mut walked = BatchOrder::new(seed, 37, 5);
        for earlier in 0..step {
            walked.batch(earlier);
        }
        let mut fresh = BatchOrder::new(seed, 37, 5);
        prop_assert_eq!(walked.batch(step), fresh.batch(step));
    }
}

#[test]
fn passes_and_seeds_differ() {
    let mut order = BatchOrder::new(1, 100, 100);
    let (first, second) = (order.batch(0).to_vec(), order.batch(1).to_vec());
    assert_ne!(first, second);
    assert_ne!(first, BatchOrder::new(2, 100, 100).batch(0));
}

#[test]
fn the_last_batch_holds_the_rest() {
    let mut order = BatchOrder::new(1, 10, 4);
    assert_eq!(order.steps_per_epoch(), 3);
    assert_eq!(order.batch(2).len(), 2);
}
