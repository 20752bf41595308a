//! Fourier transforms over the scalar field, without any reordering: the inverse leaves coefficients in
//! bit-reversed order, and the forward one takes them in that order.

use super::scalar::Scalar;

/// Values below which a transform stays on one thread.
const PARALLEL_VALUES_MIN: usize = 1 << 11;

/// Powers of a root of unity, for transforms of one size.
#[derive(Debug)]
pub(super) struct Domain {
    log_size: u32,
    /// Powers 0 to `size / 2 - 1` of the root.
    pub(super) forward: Vec<Scalar>,
    /// The same powers of its inverse.
    pub(super) backward: Vec<Scalar>,
}

impl Domain {
    /// The domain of `2^log_size` points.
    pub(super) fn new(log_size: u32) -> Self {
        let root = Scalar::root_of_unity(log_size);
        let half = 1_usize << log_size >> 1;
        Self { log_size, forward: powers(root, half), backward: powers(root.inverse(), half) }
    }

    /// Points.
    pub(super) fn size(&self) -> usize {
        1 << self.log_size
    }

    /// Values at the points in order, into coefficients times the number of points, bit-reversed.
    pub(super) fn interpolate(&self, values: &mut [Scalar]) {
        debug_assert_eq!(values.len(), self.size());
        split(values, &self.backward, 1);
    }

    /// Coefficients, bit-reversed, into values at the points in order.
    pub(super) fn evaluate(&self, coefficients: &mut [Scalar]) {
        debug_assert_eq!(coefficients.len(), self.size());
        merge(coefficients, &self.forward, 1);
    }

    /// Coefficients in order into values, bit-reversed.
    pub(super) fn evaluate_reversed(&self, coefficients: &mut [Scalar]) {
        debug_assert_eq!(coefficients.len(), self.size());
        split(coefficients, &self.forward, 1);
    }

    /// Values, bit-reversed, into coefficients in order, times the number of points.
    pub(super) fn interpolate_reversed(&self, values: &mut [Scalar]) {
        debug_assert_eq!(values.len(), self.size());
        merge(values, &self.backward, 1);
    }
}

/// Powers 0 to `count - 1`.
pub(super) fn powers(base: Scalar, count: usize) -> Vec<Scalar> {
    std::iter::successors(Some(Scalar::ONE), |&power| Some(power * base)).take(count).collect()
}

/// The place of a coefficient in bit-reversed order.
pub(super) fn reversed(index: usize, log_size: u32) -> usize {
    index.reverse_bits() >> (usize::BITS - log_size)
}

/// Decimation in frequency: combine the halves, then each half by itself.
fn split(values: &mut [Scalar], roots: &[Scalar], stride: usize) {
    if values.len() < 2 {
        return;
    }
    let (low, high) = values.split_at_mut(values.len() / 2);
    for ((low, high), root) in low.iter_mut().zip(high.iter_mut()).zip(roots.iter().step_by(stride))
    {
        let (sum, difference) = (*low + *high, *low - *high);
        *low = sum;
        *high = difference * *root;
    }
    both(low, high, |half| split(half, roots, stride * 2));
}

/// Decimation in time: each half by itself, then combine the halves.
fn merge(values: &mut [Scalar], roots: &[Scalar], stride: usize) {
    if values.len() < 2 {
        return;
    }
    let (low, high) = values.split_at_mut(values.len() / 2);
    both(low, high, |half| merge(half, roots, stride * 2));
    for ((low, high), root) in low.iter_mut().zip(high.iter_mut()).zip(roots.iter().step_by(stride))
    {
        let turned = *high * *root;
        *high = *low - turned;
        *low = *low + turned;
    }
}

/// Does the same to both halves, at once where that pays.
fn both(low: &mut [Scalar], high: &mut [Scalar], work: impl Fn(&mut [Scalar]) + Sync) {
    if low.len() < PARALLEL_VALUES_MIN {
        work(low);
        work(high);
    } else {
        rayon::join(|| work(low), || work(high));
    }
}
