//! Bundles go round, are bounded, and everything else is refused.

use aipot_domain_runtime::call::CALL_BYTES_MAX;
use aipot_domain_runtime::primitives::GenesisHash;
use proptest::prelude::*;

use super::{BUNDLE_CALLS_MAX, Bundle, BundleError, MARK, decode};
use crate::chain::BUNDLE_BYTES_MAX;

const NETWORK: GenesisHash = GenesisHash([7; 32]);

fn bundle_of(calls: &[Vec<u8>]) -> Bundle {
    let mut bundle = Bundle::new(NETWORK);
    for call in calls {
        assert!(bundle.push(call.clone()), "fits");
    }
    bundle
}

proptest! {
    #[test]
    fn every_bundle_decodes_to_itself(
        calls in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..40),
    ) {
        let bundle = bundle_of(&calls);
        prop_assert_eq!(decode(&bundle.encode()), Ok(bundle));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [&MARK[..], &NETWORK.0, &body].concat();
        if let Ok(bundle) = decode(&bytes) {
            prop_assert_eq!(bundle.encode(), bytes);
        }
    }

    #[test]
    fn a_bundle_cut_anywhere_is_refused(
        calls in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..8),
        at in any::<prop::sample::Index>(),
    ) {
        let bytes = bundle_of(&calls).encode();
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(decode(cut).is_err());
    }
}

#[test]
fn the_encoding_is_frozen() {
    let bytes = bundle_of(&[vec![1, 2, 3], vec![4]]).encode();
    let expected = [&b"aipb\x01"[..], &[7; 32], &[2 << 2, 3 << 2, 1, 2, 3, 1 << 2, 4]].concat();
    assert_eq!(bytes, expected);
}

#[test]
fn a_full_bundle_is_one_that_the_chain_takes() {
    let mut bundle = Bundle::new(NETWORK);
    while bundle.push(vec![1; CALL_BYTES_MAX]) {}
    while bundle.push(vec![1]) {}
    let bytes = bundle.encode();
    assert!(bytes.len() <= BUNDLE_BYTES_MAX);
    assert!(bytes.len() + 8 > BUNDLE_BYTES_MAX, "room is left: {} bytes", bytes.len());
    assert_eq!(decode(&bytes), Ok(bundle));
}

#[test]
fn a_bundle_takes_no_more_calls_than_its_bound() {
    let mut bundle = Bundle::new(NETWORK);
    for _ in 0..BUNDLE_CALLS_MAX {
        assert!(bundle.push(vec![1]));
    }
    assert!(!bundle.push(vec![1]));
}

#[test]
fn bytes_of_others_are_refused_by_their_beginning() {
    for bytes in [&b""[..], b"aipb", b"aipb\x02", b"some remark", &[0; 40]] {
        assert_eq!(decode(bytes), Err(BundleError::Foreign { bytes: bytes.len() }));
    }
}

#[test]
fn a_bundle_without_calls_is_refused() {
    let bytes = Bundle::new(NETWORK).encode();
    assert_eq!(decode(&bytes), Err(BundleError::CallCount { count_max: BUNDLE_CALLS_MAX }));
}

#[test]
fn a_count_without_its_calls_is_refused_without_being_believed() {
    let bytes = [&MARK[..], &NETWORK.0, &[0xFD, 0x7F]].concat();
    assert_eq!(
        decode(&bytes),
        Err(BundleError::CallLength { index: 0, bytes_max: CALL_BYTES_MAX })
    );
}

#[test]
fn bytes_after_the_last_call_are_refused() {
    let bytes = [bundle_of(&[vec![5]]).encode(), vec![0]].concat();
    assert_eq!(decode(&bytes), Err(BundleError::Trailing { bytes: 1 }));
}

#[test]
fn a_bundle_that_the_chain_would_not_carry_is_refused_unread() {
    let bytes = vec![0; BUNDLE_BYTES_MAX + 1];
    let refused = BundleError::TooLong { bytes: bytes.len(), bytes_max: BUNDLE_BYTES_MAX };
    assert_eq!(decode(&bytes), Err(refused));
}
