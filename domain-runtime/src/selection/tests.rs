//! Drawings are fair by stake, repeatable, and never draw anybody twice.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::operator::enlist;
use crate::state::ReadState;

/// Stakes of the fairness tests.
const STAKES: [u128; 4] = [1, 2, 3, 10];
/// Beacons of the fairness tests.
const DRAWINGS: u32 = 20_000;

fn candidates_with(stakes: &[u128]) -> Vec<Candidate> {
    let numbered = stakes.iter().zip(0_u8..);
    numbered
        .map(|(stake, byte)| Candidate { id: AccountId([byte; 32]), stake: Amount(*stake) })
        .collect()
}

fn beacon(number: u32) -> Beacon {
    Beacon(blake3::derive_key("aipot selection test v1", &number.to_le_bytes()))
}

/// The chi-squared statistic in thousandths, in integers: the sum of `(observed - expected)^2 / expected`
/// where `expected` is the given fraction of [`DRAWINGS`].
fn chi_squared_thousandths(cells: impl IntoIterator<Item = (u32, u128, u128)>) -> u128 {
    let total = u128::from(DRAWINGS);
    cells
        .into_iter()
        .map(|(observed, part, whole)| {
            // (o - n p / w)^2 / (n p / w) = (o w - n p)^2 / (n p w).
            let difference = (u128::from(observed) * whole).abs_diff(total * part);
            difference * difference * 1_000 / (total * part * whole)
        })
        .sum()
}

#[test]
fn the_first_drawn_is_fair_by_stake() {
    let mut counts = [0_u32; STAKES.len()];
    for number in 0..DRAWINGS {
        let drawn = draw(candidates_with(&STAKES), 1, &beacon(number), b"fairness");
        counts[usize::from(drawn[0].0[0])] += 1;
    }
    let whole: u128 = STAKES.iter().sum();
    let cells = counts.into_iter().zip(STAKES).map(|(count, stake)| (count, stake, whole));
    // 3 degrees of freedom: 16.27 is passed once in a thousand sets of beacons.
    let statistic = chi_squared_thousandths(cells);
    assert!(statistic < 16_270, "{statistic}");
}

#[test]
fn the_second_drawn_is_fair_among_those_left() {
    let mut counts = BTreeMap::<(u8, u8), u32>::new();
    for number in 0..DRAWINGS {
        let drawn = draw(candidates_with(&STAKES), 2, &beacon(number), b"fairness");
        *counts.entry((drawn[0].0[0], drawn[1].0[0])).or_default() += 1;
    }
    assert_eq!(counts.len(), 12, "every pair occurs");
    let total: u128 = STAKES.iter().sum();
    let cells = counts.into_iter().map(|((first, second), count)| {
        let (first, second) = (STAKES[usize::from(first)], STAKES[usize::from(second)]);
        (count, first * second, total * (total - first))
    });
    // 11 degrees of freedom: 31.26 is passed once in a thousand sets of beacons.
    let statistic = chi_squared_thousandths(cells);
    assert!(statistic < 31_260, "{statistic}");
}

#[test]
fn the_test_of_fairness_sees_a_bias() {
    // As if everybody were drawn equally often whatever the stake.
    let whole: u128 = STAKES.iter().sum();
    let cells = STAKES.map(|stake| (DRAWINGS / 4, stake, whole));
    assert!(chi_squared_thousandths(cells) > 1_000_000);
}

#[test]
fn who_has_no_stake_is_never_drawn() {
    let drawn = draw(candidates_with(&[0, 5, 0, 7]), 4, &beacon(1), b"");
    let drawn: BTreeSet<u8> = drawn.iter().map(|account| account.0[0]).collect();
    assert_eq!(drawn, BTreeSet::from([1, 3]));
}

#[test]
fn beacon_and_purpose_separate_drawings() {
    let stakes = [1_u128; 40];
    let drawn =
        |number, purpose: &[u8]| draw(candidates_with(&stakes), 20, &beacon(number), purpose);
    assert_eq!(drawn(1, b"a"), drawn(1, b"a"));
    assert_ne!(drawn(1, b"a"), drawn(2, b"a"));
    assert_ne!(drawn(1, b"a"), drawn(1, b"b"));
}

#[test]
fn only_the_eligible_are_candidates() {
    let empty = BTreeMap::<Vec<u8>, Vec<u8>>::new();
    let mut state = State::new(&empty as &dyn ReadState);
    let provider = Roles { provider: true, validator: false };
    let both = Roles { provider: true, validator: true };
    let listed =
        [(1, 100, provider, 0), (2, 99, provider, 0), (3, 100, both, 4), (4, 100, both, 5)];
    for (byte, stake, roles, block) in listed {
        enlist(&mut state, &AccountId([byte; 32]), Amount(stake), roles, BlockNumber(block))
            .unwrap();
    }
    let found = |roles, excluded: &[AccountId]| -> Vec<u8> {
        let unchanged_since = BlockNumber(5);
        let eligibility = Eligibility { roles, stake_min: Amount(100), unchanged_since };
        let found = candidates(&state, &eligibility, excluded).unwrap();
        found.iter().map(|candidate| candidate.id.0[0]).collect()
    };
    assert_eq!(found(provider, &[]), [1, 3]);
    assert_eq!(found(Roles { provider: false, validator: true }, &[]), [3]);
    assert_eq!(found(provider, &[AccountId([1; 32])]), [3]);
}

proptest! {
    #[test]
    fn nobody_is_drawn_twice(
        stakes in prop::collection::vec(0_u128..=u128::MAX >> 8, 0..40),
        count in 0_u32..50,
        number: u32,
    ) {
        let drawn = draw(candidates_with(&stakes), count, &beacon(number), b"");
        let different: BTreeSet<_> = drawn.iter().collect();
        prop_assert_eq!(different.len(), drawn.len());
        let staked = stakes.iter().filter(|stake| **stake > 0).count();
        prop_assert_eq!(drawn.len(), staked.min(usize::try_from(count).unwrap()));
    }

    #[test]
    fn numbers_stay_below_their_bound(number: u32, bound in 1_u128..) {
        let mut randomness = Randomness::new(&beacon(number), b"");
        for bound in [bound, 1, 2, 3, u128::MAX, 1 << 127, (1 << 127) + 1] {
            prop_assert!(randomness.below(bound) < bound);
        }
    }
}
