//! A known beginning is proven by the subtrees behind it, whatever the length of the file.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn file(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place * 7 % 251).unwrap()).collect()
}

fn root(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn holds(bytes: &[u8], prefix: &[u8], values: &[[u8; 32]]) -> bool {
    verify_prefix(&root(bytes), u64::try_from(bytes.len()).unwrap(), prefix, values)
}

#[test]
fn every_beginning_that_ends_with_a_chunk_is_proven() {
    for length in [1, 1_023, 1_024, 1_025, 2_048, 3_000, 5_000, 8_192, 9_999] {
        let bytes = file(length);
        for known in (1_024..length).step_by(1_024).chain([length]) {
            let values = prove_prefix(&bytes, known);
            assert!(holds(&bytes, &bytes[..known], &values), "{known} of {length}");
        }
    }
}

#[test]
fn a_whole_file_needs_no_values() {
    let bytes = file(3_000);
    assert_eq!(prove_prefix(&bytes, 3_000), Vec::<[u8; 32]>::new());
    assert!(!holds(&bytes, &bytes, &[[0; 32]]));
}

#[test]
fn a_beginning_that_ends_within_a_chunk_is_none() {
    let bytes = file(3_000);
    for known in [0, 1, 1_000, 1_025] {
        assert!(!holds(&bytes, &bytes[..known], &prove_prefix(&bytes, known)), "{known}");
    }
}

#[test]
fn a_beginning_longer_than_the_file_is_none() {
    let bytes = file(1_024);
    assert!(!holds(&bytes, &file(2_048), &[]));
}

proptest! {
    #[test]
    fn any_change_is_seen(
        length in 1_025_usize..12_000,
        chunks in 1_usize..12,
        place: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let bytes = file(length);
        let known = (chunks * 1_024).min((length - 1) / 1_024 * 1_024);
        let mut values = prove_prefix(&bytes, known);
        let mut prefix = bytes[..known].to_vec();
        prop_assert!(holds(&bytes, &prefix, &values));
        prefix[place.index(known)] ^= 1 << bit;
        prop_assert!(!holds(&bytes, &prefix, &values));
        values.push([0; 32]);
        prop_assert!(!holds(&bytes, &bytes[..known], &values));
        values.truncate(values.len() - 2);
        prop_assert!(!holds(&bytes, &bytes[..known], &values));
    }
}
