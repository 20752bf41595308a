//! Roots and digests equal those of the plain hasher.

use proptest::prelude::*;

use super::*;

/// Hashes of the bytes 0, 1, ..., 250, 0, 1, ...: length, hash, keyed hash.
const VECTORS: &str = include_str!("../../tests/vectors/blake3.txt");

/// Key of the published keyed hashes.
const KEY: &[u8; 32] = b"whats the Elvish word for friend";

fn input(length: usize) -> Vec<u8> {
    (0..251_u8).cycle().take(length).collect()
}

#[test]
fn roots_and_digests_are_those_of_the_vectors() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let bytes = input(words[0].parse().unwrap());
        assert_eq!(hex::encode(root(&bytes)), words[1]);
        if bytes.len().is_multiple_of(4) {
            let values: Vec<f32> =
                bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
            assert_eq!(hex::encode(bits_digest(&values)), words[1]);
            assert_eq!(hex::encode(keyed_bits_digest(KEY, &values)), words[2]);
        }
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn large_inputs_have_the_same_root_on_any_number_of_threads() {
    let bytes = input(1_000_000);
    let expected = *blake3::Hasher::new().update(&bytes).finalize().as_bytes();
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| root(&bytes)), expected, "{threads} threads");
    }
}

#[test]
fn digests_see_the_sign_of_zero_and_the_payload_of_a_nan() {
    assert_ne!(bits_digest(&[0.0]), bits_digest(&[-0.0]));
    let nans = [0x7fc0_0000, 0x7fc0_0001].map(f32::from_bits);
    assert_ne!(bits_digest(&nans[..1]), bits_digest(&nans[1..]));
}

#[test]
fn keys_change_the_digest() {
    assert_ne!(keyed_bits_digest(&[0; 32], &[1.0]), keyed_bits_digest(&[1; 32], &[1.0]));
    assert_ne!(keyed_bits_digest(&[0; 32], &[1.0]), bits_digest(&[1.0]));
}

#[test]
fn other_bytes_are_refused_with_both_roots() {
    let expected = root(b"promised");
    assert!(verify_root(b"promised", expected).is_ok());
    let error = verify_root(b"delivered", expected).unwrap_err();
    assert_eq!(error, RootError::Mismatch { expected, actual: root(b"delivered") });
    assert!(error.to_string().contains(&hex::encode(expected)));
}

proptest! {
    /// Any flipped bit is seen.
    #[test]
    fn tampering_is_seen(length in 1_usize..5000, bit in any::<prop::sample::Index>()) {
        let mut bytes = input(length);
        let before = root(&bytes);
        let bit = bit.index(length * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_root(&bytes, before).is_err());
    }
}
