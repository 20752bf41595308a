//! Scalars follow the laws of their field.

use proptest::prelude::*;

use super::*;

/// The modulus as bytes.
fn modulus_bytes() -> [u8; SCALAR_BYTES] {
    let mut bytes = [0; SCALAR_BYTES];
    for (part, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(MODULUS.iter().rev()) {
        *part = limb.to_be_bytes();
    }
    bytes
}

fn any_scalar() -> impl Strategy<Value = Scalar> {
    let edge = prop_oneof![Just(u64::MAX), Just(0), Just(1), any::<u64>()];
    proptest::array::uniform4(edge).prop_map(|mut limbs| {
        limbs[3] %= MODULUS[3];
        Scalar(limbs)
    })
}

#[test]
fn the_modulus_is_no_scalar_and_the_value_below_it_is_minus_one() {
    let mut bytes = modulus_bytes();
    assert_eq!(Scalar::from_bytes(&bytes), None);
    bytes[31] -= 1;
    assert_eq!(Scalar::from_bytes(&bytes), Some(Scalar::ZERO - Scalar::ONE));
    assert_eq!(Scalar::from_bytes(&[0xff; 32]), None);
}

#[test]
fn a_root_of_unity_has_exactly_its_order() {
    for log_order in [1, 5, 15, 16, 32] {
        let mut power = Scalar::root_of_unity(log_order);
        for _ in 1..log_order {
            power = power * power;
        }
        assert_eq!(power, Scalar::ZERO - Scalar::ONE, "order 2^{log_order}");
    }
    let halved = Scalar::root_of_unity(16) * Scalar::root_of_unity(16);
    assert_eq!(halved, Scalar::root_of_unity(15));
}

#[test]
fn small_integers_calculate_as_integers() {
    let product = Scalar::from_integer(1 << 40) * Scalar::from_integer(3 << 30);
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&(3_u128 << 70).to_be_bytes());
    assert_eq!(product.to_bytes(), bytes);
}

proptest! {
    #[test]
    fn bytes_and_scalars_turn_into_each_other(scalar in any_scalar()) {
        prop_assert_eq!(Scalar::from_bytes(&scalar.to_bytes()), Some(scalar));
    }

    #[test]
    fn the_laws_of_a_field_hold(a in any_scalar(), b in any_scalar(), c in any_scalar()) {
        prop_assert_eq!(a + b, b + a);
        prop_assert_eq!(a - b + b, a);
        prop_assert_eq!(a * b, b * a);
        prop_assert_eq!((a * b) * c, a * (b * c));
        prop_assert_eq!(a * (b + c), a * b + a * c);
        prop_assert_eq!(a * Scalar::ONE, a);
        if a != Scalar::ZERO {
            prop_assert_eq!(a * a.inverse(), Scalar::ONE);
        }
    }
}
