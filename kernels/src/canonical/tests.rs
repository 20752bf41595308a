//! There is one NaN, and nothing else changes.

use super::{CANONICAL_NAN_BITS, canonical, canonicalize};

#[test]
fn every_kind_of_nan_becomes_the_same() {
    for bits in [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff, 0x7fff_ffff, 0x7fc0_0001] {
        assert_eq!(canonical(f32::from_bits(bits)).to_bits(), CANONICAL_NAN_BITS);
    }
}

#[test]
fn numbers_keep_their_bits() {
    for bits in [0, 0x8000_0000, 1, 0x8000_0001, 0x7f80_0000, 0xff80_0000, 0x3f80_0000] {
        assert_eq!(canonical(f32::from_bits(bits)).to_bits(), bits);
    }
}

#[test]
fn slices_are_canonicalized_in_place() {
    let mut values = [1.0, f32::from_bits(0xffc0_1234), -0.0];
    canonicalize(&mut values);
    assert_eq!(values.map(f32::to_bits), [0x3f80_0000, CANONICAL_NAN_BITS, 0x8000_0000]);
}
