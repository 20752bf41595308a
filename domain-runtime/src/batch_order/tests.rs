//! Tests of the order of examples: nothing is lost, every place is likely, and the values are frozen.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Permutation, example, permuted, split_example, split_order};
use crate::primitives::Beacon;

/// A key that follows from a number.
fn key(number: u64) -> [u8; 32] {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

/// Whether a permutation of `0..count` gives each number once.
fn is_bijection(key: &[u8; 32], count: u32) -> bool {
    let permutation = Permutation::new(key, count);
    let mut seen: Vec<u32> = (0..count).map(|position| permutation.at(position)).collect();
    seen.sort_unstable();
    seen.into_iter().eq(0..count)
}

proptest! {
    /// Nothing is lost and nothing is there twice.
    #[test]
    fn a_permutation_gives_every_number_once(key: [u8; 32], count in 0_u32..5_000) {
        prop_assert!(is_bijection(&key, count));
    }

    /// Counts near powers of two and up to the largest stay in their range.
    #[test]
    fn values_stay_below_the_count(key: [u8; 32], count in 1_u32.., position: u32) {
        prop_assert!(permuted(&key, count, position) < count);
    }

    /// A pass over the data sees each example once, wherever batches end.
    #[test]
    fn an_epoch_sees_every_example_once(seed: u64, count in 1_u32..300, epoch in 0_u64..1_000) {
        let first = epoch * u64::from(count);
        let mut seen: Vec<u32> =
            (first..first + u64::from(count)).map(|place| example(seed, count, place)).collect();
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..count));
    }
}

#[test]
fn every_small_count_and_the_edges_of_even_powers_are_permuted() {
    for count in (0..70).chain([255, 256, 257, 1_023, 1_024, 1_025, 65_535, 65_536, 65_537]) {
        assert!(is_bijection(&key(u64::from(count)), count), "{count}");
    }
}

#[test]
fn nothing_to_permute_gives_zero() {
    for count in [0, 1] {
        assert_eq!(permuted(&key(1), count, 0), 0);
        assert_eq!(permuted(&key(1), count, u32::MAX), 0);
    }
    assert_eq!(example(1, 0, 77), 0);
    assert_eq!(split_example(&Beacon([1; 32]), 0, 5), 0);
}

#[test]
fn seeds_epochs_and_beacons_give_other_orders() {
    let epoch = |seed: u64, epoch: u64| -> Vec<u32> {
        (epoch * 100..(epoch + 1) * 100).map(|place| example(seed, 100, place)).collect()
    };
    assert_ne!(epoch(1, 0), epoch(1, 1));
    assert_ne!(epoch(1, 0), epoch(2, 0));
    let split = |byte: u8| -> Vec<u32> {
        (0..100).map(|place| split_example(&Beacon([byte; 32]), 100, place)).collect()
    };
    assert_ne!(split(1), split(2));
    let order = split_order(&Beacon([1; 32]), 100);
    assert!(split(1).into_iter().eq((0..100).map(|place| order.at(place))));
}

/// Seeds tried for every example that there is.
const TRIALS_EACH: u32 = 200;

/// Counts of examples and the quantiles of chi-squared with one degree of freedom less that are passed by
/// chance once in 100,000 times, rounded up. Counts just above an even power of two make the longest
/// walks, even powers of two none.
///
/// # Source
/// Wilson and Hilferty's approximation, 1931, at 4.265 standard deviations.
const CHI_SQUARED_LIMITS: &[(u32, u32)] =
    &[(3, 25), (5, 30), (17, 53), (64, 123), (65, 125), (100, 171), (256, 364)];

#[test]
fn every_example_is_equally_likely_at_the_first_places() {
    for (count, limit) in CHI_SQUARED_LIMITS {
        for place in [0, 1] {
            let mut found = vec![0_u32; usize::try_from(*count).unwrap()];
            for seed in 0..u64::from(count * TRIALS_EACH) {
                found[usize::try_from(example(seed, *count, place)).unwrap()] += 1;
            }
            let squares: u32 = found.iter().map(|hits| hits.abs_diff(TRIALS_EACH).pow(2)).sum();
            assert!(squares < limit * TRIALS_EACH, "{count}, {place}: {squares}, {found:?}");
        }
    }
}

#[test]
fn all_orders_of_four_examples_come_up() {
    let mut found = std::collections::BTreeMap::<Vec<u32>, u32>::new();
    for seed in 0..24_000 {
        *found.entry((0..4).map(|place| example(seed, 4, place)).collect()).or_default() += 1;
    }
    assert_eq!(found.len(), 24);
    assert!(found.values().all(|count| (600..=1_400).contains(count)), "{found:?}");
}

/// Golden vectors. Origin: a second implementation in Python of what the module says, with the `blake3`
/// package. A change of any value changes which examples every recipe sees.
#[test]
fn the_order_is_frozen() {
    let places = |count: u32| (0..8).map(move |place| permuted(&[7; 32], count, place));
    assert_eq!(places(10).collect::<Vec<_>>(), [8, 7, 4, 5, 9, 3, 2, 0]);
    assert_eq!(
        places(60_000).collect::<Vec<_>>(),
        [52_560, 48_242, 17_915, 22_903, 23_044, 53_540, 55_672, 34_606]
    );
    assert_eq!(
        places(u32::MAX).collect::<Vec<_>>(),
        [
            354_436_956,
            2_967_907_843,
            3_445_418_671,
            1_661_422_459,
            2_247_302_599,
            2_503_551_043,
            2_679_333_728,
            890_084_983,
        ]
    );
    let examples: Vec<u32> = (996..1_004).map(|place| example(42, 1_000, place)).collect();
    assert_eq!(examples, [766, 815, 942, 997, 378, 783, 250, 370]);
    let split: Vec<u32> =
        (0..8).map(|place| split_example(&Beacon([9; 32]), 1_797, place)).collect();
    assert_eq!(split, [131, 1_324, 1_150, 1_744, 328, 1_443, 643, 943]);
}
