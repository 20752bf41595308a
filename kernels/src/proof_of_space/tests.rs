//! Tests of proof of space: the published vectors of both variants, and what must hold for any seed.

mod vectors;

use proptest::prelude::*;

use super::*;

/// Small tables, for tests that need no more.
const SMALL_K: u8 = 16;

fn go_on() -> bool {
    true
}

#[test]
fn every_s_bucket_has_a_challenge_of_its_own() {
    for k in K_MIN..=K {
        for number in [0, 1, 255, 256, 0x1234, 65_535] {
            let s_bucket = SBucket::new(number);
            let challenge_index = s_bucket.challenge_index(k);
            assert_eq!(SBucket::of_challenge_index(challenge_index, k), Some(s_bucket));
        }
    }
    assert_eq!(SBucket::new(0x1234).challenge_index(20), 0x34120);
    assert_eq!(SBucket::of_challenge_index(0x34121, 20), None);
}

#[test]
fn variants_are_read_as_they_are_written() {
    for variant in [Variant::V1, Variant::V2] {
        assert_eq!(variant.to_string().parse(), Ok(variant));
    }
    assert_eq!("V1".parse::<Variant>(), Err(UnknownVariant { given: "V1".into() }));
}

#[test]
fn other_sizes_are_refused() {
    for k in [0, 15, 21, 255] {
        let refused = find_proofs(&Seed::new([0; 32]), k, Variant::V1, None, &go_on);
        assert_eq!(refused, Err(ProofError::UnsupportedK { k }));
        let proof = vec![0; proof_bytes(k)];
        assert!(!is_valid_proof(&Seed::new([0; 32]), k, 0, &proof));
    }
}

#[test]
fn every_proof_verifies_and_no_altered_one_does() {
    let seed = Seed::new([3; 32]);
    for variant in [Variant::V1, Variant::V2] {
        let record = find_proofs(&seed, SMALL_K, variant, Some(50), &go_on).unwrap();
        assert_eq!(record.proof_count(), 50);
        let found = (0..=u16::MAX).map(SBucket::new).filter(|&s_bucket| record.is_found(s_bucket));
        for (s_bucket, proof) in found.zip(record.proofs.chunks(proof_bytes(SMALL_K))) {
            let challenge_index = s_bucket.challenge_index(SMALL_K);
            assert!(is_valid_proof(&seed, SMALL_K, challenge_index, proof));
            assert!(!is_valid_proof(&seed, SMALL_K, challenge_index ^ 1, proof));
            assert!(!is_valid_proof(&seed, SMALL_K, challenge_index, &proof[1..]));
            assert!(!is_valid_proof(&Seed::new([4; 32]), SMALL_K, challenge_index, proof));
            let bit = usize::from(s_bucket.number()) % (8 * proof.len());
            let mut altered = proof.to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_valid_proof(&seed, SMALL_K, challenge_index, &altered));
        }
    }
}

#[test]
fn finding_stops_at_a_table_boundary() {
    let tables_left = std::sync::atomic::AtomicUsize::new(3);
    let keep_going = || {
        let order = std::sync::atomic::Ordering::Relaxed;
        tables_left.fetch_update(order, order, |left| left.checked_sub(1)).is_ok()
    };
    let stopped = find_proofs(&Seed::new([0; 32]), SMALL_K, Variant::V1, None, &keep_going);
    assert_eq!(stopped, Err(ProofError::Stopped { table: 4 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn fast_version_gives_what_the_definition_gives(
        seed in any::<[u8; 32]>(),
        k in 16..=18_u8,
        threads in 1..=3_usize,
        limit in prop::option::of(0..5_000_usize),
    ) {
        let seed = Seed::new(seed);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for variant in [Variant::V1, Variant::V2] {
            let expected = find_proofs_portable(&seed, k, variant, limit, &go_on).unwrap();
            let actual = pool.install(|| find_proofs(&seed, k, variant, limit, &go_on)).unwrap();
            prop_assert_eq!(actual.table_entries, expected.table_entries);
            prop_assert!(actual == expected, "{} {}", k, variant);
        }
    }
}

proptest! {
    #[test]
    fn bytes_that_are_no_proof_are_refused(
        proof in prop::collection::vec(any::<u8>(), 0..=200),
        other in prop::collection::vec(any::<u8>(), PROOF_BYTES),
        k in any::<u8>(),
        challenge_index in any::<u32>(),
    ) {
        let seed = Seed::new([0; 32]);
        prop_assert!(!is_valid_proof(&seed, k, challenge_index, &proof));
        prop_assert!(!is_valid_proof(&seed, K, challenge_index, &other));
    }
}
