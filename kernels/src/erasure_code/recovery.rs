//! Recovers all chunks from any half of them, in `n log^2 n` steps.
//!
//! Let `z` vanish at the missing points and `p` be the polynomial of all chunks. `p z` is known at all
//! points; divided by `z` on a coset, where `z` vanishes nowhere, it gives `p`.

use super::scalar::{SCALAR_BYTES, Scalar};
use super::transform::{Domain, powers, reversed};
use super::{ErasureError, inverses, log_chunks};

/// Missing points whose product is taken term by term.
const DIRECT_POINTS_MAX: usize = 64;

/// The coset's factor: no root of unity of any order here is a power of the field's generator.
const COSET_FACTOR: u64 = 7;

/// Recovers all extended chunks, source and parity interleaved, from those that are known.
///
/// # Shapes
/// `[2 chunks]` in; `[2 chunks, 32]` bytes out; `chunks` is a power of two from 2 on.
///
/// # Errors
/// [`ErasureError::Length`] for another number of chunks; [`ErasureError::TooFew`] when more than half are
/// missing; [`ErasureError::NotCanonical`] for a chunk that is no scalar;
/// [`ErasureError::Contradiction`] when more than half are known and one of them is wrong.
///
/// # Source
/// Buterin, "Reed-Solomon erasure code recovery in n*log^2(n) time with FFTs" (2018).
pub fn recover(extended: &[Option<[u8; SCALAR_BYTES]>]) -> Result<Vec<u8>, ErasureError> {
    let log_points = log_chunks(extended.len().saturating_mul(SCALAR_BYTES))?;
    let known = extended.iter().flatten().count();
    let needed = extended.len() / 2;
    if known < needed {
        return Err(ErasureError::TooFew { known, needed });
    }
    let domain = Domain::new(log_points);
    let vanishing = vanishing_polynomial(extended, log_points);
    let product = product_values(extended, &domain, &vanishing)?;
    let mut coefficients = divide(product, vanishing, &domain);
    if coefficients[needed..].iter().any(|&coefficient| coefficient != Scalar::ZERO) {
        return Err(ErasureError::Contradiction { known });
    }
    domain.evaluate_reversed(&mut coefficients);
    let chunk = |index| coefficients[reversed(index, log_points)].to_bytes();
    Ok((0..extended.len()).flat_map(chunk).collect())
}

/// Coefficients of the polynomial that vanishes at the missing points only, padded to the domain.
fn vanishing_polynomial(extended: &[Option<[u8; SCALAR_BYTES]>], log_points: u32) -> Vec<Scalar> {
    let points = powers(Scalar::root_of_unity(log_points), extended.len());
    let missing = extended.iter().zip(points).filter(|(chunk, _)| chunk.is_none());
    let roots: Vec<Scalar> = missing.map(|(_, point)| point).collect();
    let mut polynomial = polynomial_of_roots(&roots);
    polynomial.resize(extended.len(), Scalar::ZERO);
    polynomial
}

/// The product of `x - root` over all roots, the constant coefficient first.
fn polynomial_of_roots(roots: &[Scalar]) -> Vec<Scalar> {
    if roots.len() <= DIRECT_POINTS_MAX {
        let mut product = vec![Scalar::ONE];
        for &root in roots {
            // Shifted by one place is multiplied by x.
            product.insert(0, Scalar::ZERO);
            for index in 1..product.len() {
                product[index - 1] = product[index - 1] - product[index] * root;
            }
        }
        return product;
    }
    let (low, high) = roots.split_at(roots.len() / 2);
    let (low, high) = rayon::join(|| polynomial_of_roots(low), || polynomial_of_roots(high));
    multiply(low, high)
}

/// The product of two polynomials.
fn multiply(mut left: Vec<Scalar>, mut right: Vec<Scalar>) -> Vec<Scalar> {
    let count = left.len() + right.len() - 1;
    let domain = Domain::new(count.next_power_of_two().ilog2());
    for factor in [&mut left, &mut right] {
        factor.resize(domain.size(), Scalar::ZERO);
        domain.evaluate_reversed(factor);
    }
    let share = Scalar::from_integer(domain.size() as u64).inverse();
    for (left, right) in left.iter_mut().zip(right) {
        *left = *left * right * share;
    }
    domain.interpolate_reversed(&mut left);
    left.truncate(count);
    left
}

/// Values of `p z`, bit-reversed; missing chunks do not matter, for `z` is zero there.
fn product_values(
    extended: &[Option<[u8; SCALAR_BYTES]>],
    domain: &Domain,
    vanishing: &[Scalar],
) -> Result<Vec<Scalar>, ErasureError> {
    let mut values = vanishing.to_vec();
    domain.evaluate_reversed(&mut values);
    let log_points = domain.size().ilog2();
    for (index, chunk) in extended.iter().enumerate() {
        let value = match chunk {
            None => Scalar::ZERO,
            Some(bytes) => {
                Scalar::from_bytes(bytes).ok_or(ErasureError::NotCanonical { chunk: index })?
            }
        };
        let place = &mut values[reversed(index, log_points)];
        *place = *place * value;
    }
    Ok(values)
}

/// Coefficients of `p` from the values of `p z` and the coefficients of `z`.
fn divide(mut product: Vec<Scalar>, mut vanishing: Vec<Scalar>, domain: &Domain) -> Vec<Scalar> {
    let share = Scalar::from_integer(domain.size() as u64).inverse();
    let factor = Scalar::from_integer(COSET_FACTOR);
    let to_coset = powers(factor, domain.size());
    let from_coset = powers(factor.inverse(), domain.size());

    domain.interpolate_reversed(&mut product);
    for ((product, vanishing), power) in product.iter_mut().zip(&mut vanishing).zip(to_coset) {
        *product = *product * power * share;
        *vanishing = *vanishing * power;
    }
    domain.evaluate_reversed(&mut product);
    domain.evaluate_reversed(&mut vanishing);
    for (product, inverse) in product.iter_mut().zip(inverses(&vanishing)) {
        *product = *product * inverse;
    }
    domain.interpolate_reversed(&mut product);
    for (coefficient, power) in product.iter_mut().zip(from_coset) {
        *coefficient = *coefficient * power * share;
    }
    product
}
