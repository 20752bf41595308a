//! The five operations that IEEE 754 wants correctly rounded.

use super::parts::{Parts, shift_right_sticky};
use super::{Float, SIGN};

/// Bits that a quotient has at least; 26 would do for one rounding.
const QUOTIENT_BITS: u32 = 40;

/// Makes the significand of a radicand, of 24 bits, one of 62, whose root has 31.
const RADICAND_SHIFT: u32 = 38;

impl Float {
    /// The sum.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "an operator would look like integer arithmetic, which may overflow"
    )]
    pub fn add(self, other: Self) -> Self {
        self.multiply_add(Self::ONE, other)
    }

    /// The difference.
    #[must_use]
    pub fn subtract(self, other: Self) -> Self {
        self.multiply_add(Self::ONE, other.negate())
    }

    /// The product.
    #[must_use]
    pub fn multiply(self, factor: Self) -> Self {
        // Minus zero is the one number that changes no other, not even a zero, when it is added.
        self.multiply_add(factor, Self::NEGATIVE_ZERO)
    }

    /// `self * factor + addend`, rounded once.
    #[must_use]
    pub fn multiply_add(self, factor: Self, addend: Self) -> Self {
        if !(self.is_finite() && factor.is_finite() && addend.is_finite()) {
            return self.multiply_add_special(factor, addend);
        }
        let sign = (self.0 ^ factor.0) & SIGN;
        if self.is_zero() || factor.is_zero() {
            // Two zeros add up to minus zero only when both are.
            return if addend.is_zero() { Self(addend.0 & sign) } else { addend };
        }
        let (left, right) = (Parts::of(self), Parts::of(factor));
        let product = Parts {
            sign,
            exponent: left.exponent.wrapping_add(right.exponent),
            // 24 by 24 bits make at most 48.
            significand: left.significand.wrapping_mul(right.significand),
        };
        if addend.is_zero() {
            return product.round();
        }
        sum(product.widened(), Parts::of(addend).widened())
    }

    /// [`Self::multiply_add`] where one of the three is no finite number.
    fn multiply_add_special(self, factor: Self, addend: Self) -> Self {
        if self.is_nan() || factor.is_nan() || addend.is_nan() {
            return Self::NAN;
        }
        if self.is_finite() && factor.is_finite() {
            return addend;
        }
        if self.is_zero() || factor.is_zero() {
            return Self::NAN;
        }
        let product = Self(Self::INFINITY.0 | (self.0 ^ factor.0) & SIGN);
        if addend.is_finite() || addend == product { product } else { Self::NAN }
    }

    /// The quotient.
    #[must_use]
    pub fn divide(self, divisor: Self) -> Self {
        let sign = (self.0 ^ divisor.0) & SIGN;
        if self.is_nan() || divisor.is_nan() {
            return Self::NAN;
        }
        let has_zero = self.is_zero() || divisor.is_zero();
        if !has_zero && self.is_finite() && divisor.is_finite() {
            return quotient(sign, Parts::of(self), Parts::of(divisor));
        }
        let are_zero = self.is_zero() && divisor.is_zero();
        let are_infinite = !self.is_finite() && !divisor.is_finite();
        if are_zero || are_infinite {
            Self::NAN
        } else if self.is_zero() || !divisor.is_finite() {
            Self(sign)
        } else {
            Self(Self::INFINITY.0 | sign)
        }
    }

    /// The square root; NaN below zero, -0 for -0.
    #[must_use]
    pub fn square_root(self) -> Self {
        if self.is_zero() || self == Self::INFINITY {
            return self;
        }
        if !self.is_finite() || self.0 & SIGN != 0 {
            return Self::NAN;
        }
        let Parts { sign, exponent, significand } = Parts::of(self);
        // The exponent of a root is half of an even one.
        let shift = RADICAND_SHIFT.wrapping_add((exponent & 1).cast_unsigned());
        let radicand = significand.wrapping_shl(shift);
        let root = radicand.isqrt();
        let is_exact = root.wrapping_mul(root) == radicand;
        Parts {
            sign,
            exponent: exponent.wrapping_sub(shift.cast_signed()) >> 1,
            significand: root | u64::from(!is_exact),
        }
        .round()
    }
}

/// The rounded sum of two numbers whose significands have their leading one in bit 62.
///
/// Both have zeros in bits 0 to 14, so a shift by less than that is exact; and where a longer shift
/// makes bit 0 sticky, at most one leading bit cancels, so that it stays below what is kept.
fn sum(left: Parts, right: Parts) -> Float {
    let (high, low) = if left.exponent >= right.exponent { (left, right) } else { (right, left) };
    let shift = high.exponent.wrapping_sub(low.exponent).cast_unsigned();
    let shifted = shift_right_sticky(low.significand, shift);
    if high.sign == low.sign {
        // Two numbers below 2^63.
        let significand = high.significand.wrapping_add(shifted);
        return Parts { significand, ..high }.round();
    }
    if high.significand == shifted {
        return Float::ZERO;
    }
    let sign = if high.significand > shifted { high.sign } else { low.sign };
    Parts { sign, significand: high.significand.abs_diff(shifted), ..high }.round()
}

/// The rounded quotient of two numbers whose significands have 24 bits.
fn quotient(sign: u32, dividend: Parts, divisor: Parts) -> Float {
    let wide = dividend.significand << QUOTIENT_BITS;
    // A significand is never zero.
    let quotient = wide.checked_div(divisor.significand).unwrap_or(0);
    let is_exact = quotient.wrapping_mul(divisor.significand) == wide;
    Parts {
        sign,
        exponent: dividend
            .exponent
            .wrapping_sub(divisor.exponent)
            .wrapping_sub(QUOTIENT_BITS.cast_signed()),
        significand: quotient | u64::from(!is_exact),
    }
    .round()
}
