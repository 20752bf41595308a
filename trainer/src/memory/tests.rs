//! Tests of estimates.

use super::{estimate, probe};
use crate::fixtures::digits_fixture;

#[test]
fn times_follow_from_operations_and_speed() {
    let specification = digits_fixture(0).specification;
    let found = estimate(&specification, 1_000_000_000).unwrap();
    assert_eq!(found.cost.parameter_count, 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
    assert_eq!(found.training_ms, found.cost.training_operations.div_ceil(1_000_000));
    assert!(estimate(&specification, 0).unwrap().training_ms > found.training_ms);
}

#[test]
fn the_probe_counts_its_operations() {
    assert_eq!(probe().unwrap(), 2 * 128 * 128 * 128);
}
