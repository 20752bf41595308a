//! Bounds hold in memory and on the wire.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use proptest::prelude::*;

use super::*;

#[test]
fn a_longer_sequence_is_refused_by_name() {
    let refused = BoundedVec::<u8, 3>::try_from(alloc::vec![0; 4]).unwrap_err();
    assert_eq!(refused, TooLong { length: 4, max: 3 });
}

#[test]
fn a_length_without_bytes_is_refused() {
    // 2^30 - 1 items announced, none sent.
    let announced = Compact(0x3fff_ffff_u32).encode();
    assert!(BoundedVec::<u64, { usize::MAX }>::decode(&mut announced.as_slice()).is_err());
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(items: Vec<u16>) {
        let bounded = BoundedVec::<u16, 1000>::try_from(items).unwrap();
        prop_assert_eq!(BoundedVec::decode(&mut bounded.encode().as_slice()), Ok(bounded));
    }

    #[test]
    fn a_wire_longer_than_the_bound_is_refused(items in prop::collection::vec(any::<u8>(), 9..40)) {
        prop_assert!(BoundedBytes::<8>::decode(&mut items.encode().as_slice()).is_err());
    }
}
