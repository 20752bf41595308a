//! The scalar field of BLS12-381, whose elements are the chunks of a record.
//!
//! # Source
//! BLS12-381 as in draft-irtf-cfrg-pairing-friendly-curves, section 4.2.1; Montgomery products as in Koc, Acar,
//! Kaliski, "Analyzing and comparing Montgomery multiplication algorithms" (1996), coarsely integrated operand
//! scanning.

/// Bytes of a scalar.
pub const SCALAR_BYTES: usize = 32;

/// Limbs of 64 bits, the least significant first.
type Limbs = [u64; 4];

/// The order of the group, and so the modulus of the field.
const MODULUS: Limbs =
    [0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48];

// The product below keeps its carries in one word only because of this.
const _: () = assert!(MODULUS[3] < u64::MAX >> 1);

/// `-1 / MODULUS` modulo 2^64.
const INVERSE: u64 = {
    let mut inverse = 1_u64;
    // Each round doubles the number of right bits.
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(MODULUS[0].wrapping_mul(inverse)));
        round += 1;
    }
    inverse.wrapping_neg()
};

/// 2^256 and 2^512 modulo the modulus: one in Montgomery's form, and what brings a value into it.
const ONE: Limbs = power_of_two(256);
const SQUARED: Limbs = power_of_two(512);

/// A generator of the multiplicative group.
const GENERATOR: u64 = 7;

/// The group has a subgroup of 2^32 elements and none of 2^33.
const TWO_ADICITY: u32 = 32;

/// An element of the field, in Montgomery's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar(Limbs);

impl Scalar {
    /// Zero.
    pub const ZERO: Self = Self([0; 4]);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// The value of this integer.
    pub fn from_integer(value: u64) -> Self {
        Self(SQUARED) * Self([value, 0, 0, 0])
    }

    /// Reads 32 big-endian bytes; `None` when they are not below the modulus.
    #[inline]
    pub fn from_bytes(bytes: &[u8; SCALAR_BYTES]) -> Option<Self> {
        let limbs = limbs_of(bytes);
        is_below_modulus(&limbs).then(|| Self(limbs) * Self(SQUARED))
    }

    /// Whether 32 big-endian bytes are below the modulus.
    #[inline]
    pub fn is_canonical(bytes: &[u8; SCALAR_BYTES]) -> bool {
        is_below_modulus(&limbs_of(bytes))
    }

    /// Writes 32 big-endian bytes.
    #[inline]
    pub fn to_bytes(self) -> [u8; SCALAR_BYTES] {
        let plain = self * Self([1, 0, 0, 0]);
        let mut bytes = [0; SCALAR_BYTES];
        for (part, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(plain.0.iter().rev()) {
            *part = limb.to_be_bytes();
        }
        bytes
    }

    /// This to the power of a non-negative integer.
    #[must_use]
    pub fn power(self, exponent: &Limbs) -> Self {
        let bits = exponent.iter().rev().flat_map(|limb| (0..64).rev().map(move |bit| limb >> bit));
        bits.fold(Self::ONE, |result, bit| {
            let square = result * result;
            if bit & 1 == 1 { square * self } else { square }
        })
    }

    /// `1 / self`; zero for zero.
    #[must_use]
    pub fn inverse(self) -> Self {
        self.power(&[MODULUS[0] - 2, MODULUS[1], MODULUS[2], MODULUS[3]])
    }

    /// The root of unity of order `2^log_order` that others are powers of; `log_order` is at most 32.
    pub fn root_of_unity(log_order: u32) -> Self {
        let shift = TWO_ADICITY.min(log_order);
        // (MODULUS - 1) / 2^shift
        let mut exponent = MODULUS;
        exponent[0] -= 1;
        for _ in 0..shift {
            for index in 0..4 {
                let above = exponent.get(index + 1).copied().unwrap_or(0);
                exponent[index] = exponent[index] >> 1 | above << 63;
            }
        }
        Self::from_integer(GENERATOR).power(&exponent)
    }

    /// The limbs of Montgomery's form, the least significant first.
    pub fn montgomery_limbs(self) -> [u64; 4] {
        self.0
    }
}

impl std::ops::Add for Scalar {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let mut sum = [0; 4];
        let mut carry = false;
        for ((sum, left), right) in sum.iter_mut().zip(self.0).zip(other.0) {
            (*sum, carry) = left.carrying_add(right, carry);
        }
        Self(reduce_once(sum))
    }
}

impl std::ops::Sub for Scalar {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        let (difference, is_negative) = subtract(&self.0, &other.0);
        if is_negative { Self(add_modulus(difference)) } else { Self(difference) }
    }
}

impl std::ops::Mul for Scalar {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let mut sum = [0_u64; 4];
        for &left in &self.0 {
            let (low, mut carry) = multiply_add(left, other.0[0], sum[0], 0);
            let factor = low.wrapping_mul(INVERSE);
            let (_, mut reduction) = multiply_add(factor, MODULUS[0], low, 0);
            for index in 1..4 {
                let (digit, above) = multiply_add(left, other.0[index], sum[index], carry);
                carry = above;
                (sum[index - 1], reduction) =
                    multiply_add(factor, MODULUS[index], digit, reduction);
            }
            sum[3] = carry + reduction;
        }
        Self(reduce_once(sum))
    }
}

/// The limbs of 32 big-endian bytes.
#[inline]
fn limbs_of(bytes: &[u8; SCALAR_BYTES]) -> Limbs {
    let (parts, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|index| u64::from_be_bytes(parts[3 - index]))
}

/// `left * right + addend + carry` as low and high word; it always fits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a product")]
const fn multiply_add(left: u64, right: u64, addend: u64, carry: u64) -> (u64, u64) {
    let product = left as u128 * right as u128 + addend as u128 + carry as u128;
    (product as u64, (product >> 64) as u64)
}

/// Subtracts limb by limb; the flag says that the result is negative.
#[inline]
const fn subtract(left: &Limbs, right: &Limbs) -> (Limbs, bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    let mut index = 0;
    while index < 4 {
        let (partial, first) = left[index].overflowing_sub(right[index]);
        let (total, second) = partial.overflowing_sub(borrow as u64);
        difference[index] = total;
        borrow = first | second;
        index += 1;
    }
    (difference, borrow)
}

/// Adds the modulus, and lets go of what passes 2^256.
#[inline]
fn add_modulus(value: Limbs) -> Limbs {
    let mut sum = [0; 4];
    let mut carry = false;
    for ((sum, value), modulus) in sum.iter_mut().zip(value).zip(MODULUS) {
        (*sum, carry) = value.carrying_add(modulus, carry);
    }
    sum
}

/// Takes the modulus off a value below twice the modulus, if it can be.
#[inline]
fn reduce_once(value: Limbs) -> Limbs {
    let (reduced, is_negative) = subtract(&value, &MODULUS);
    if is_negative { value } else { reduced }
}

const fn is_below_modulus(value: &Limbs) -> bool {
    subtract(value, &MODULUS).1
}

/// `2^exponent` modulo the modulus.
const fn power_of_two(exponent: u32) -> Limbs {
    let mut value: Limbs = [1, 0, 0, 0];
    let mut step = 0;
    while step < exponent {
        // The modulus is below 2^255, so doubling does not overflow.
        let doubled = [
            value[0] << 1,
            value[1] << 1 | value[0] >> 63,
            value[2] << 1 | value[1] >> 63,
            value[3] << 1 | value[2] >> 63,
        ];
        let (reduced, is_negative) = subtract(&doubled, &MODULUS);
        value = if is_negative { doubled } else { reduced };
        step += 1;
    }
    value
}

#[cfg(test)]
mod tests;
