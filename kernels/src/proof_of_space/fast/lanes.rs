//! Which instruction set runs the fast version, and the few operations that are written per set.

use pulp::{Scalar256b, Simd};

/// Entries of the right bucket that are tested at once.
pub(super) const TESTED: usize = 32;

/// An instruction set.
pub(in super::super) trait Lanes: Simd {
    /// Bit `i` is set where `offsets[i] + left[0] * slopes[i] - left[1]` is at most `quotient_max`, modulo
    /// 2^16.
    fn small_quotients(
        self,
        offsets: &[u16; TESTED],
        slopes: &[u16; TESTED],
        left: [u16; 2],
        quotient_max: u16,
    ) -> u32;
}

/// Work that is compiled once for each instruction set.
pub(in super::super) trait Work {
    /// What it gives.
    type Output;

    /// Does it. Must be `#[inline(always)]`.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Does the work with the best instruction set of this machine.
pub(in super::super) fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = pulp::x86::V4::try_new() {
            return lanes.vectorize(
                #[inline(always)]
                || work.run(lanes),
            );
        }
        if let Some(lanes) = pulp::x86::V3::try_new() {
            return lanes.vectorize(
                #[inline(always)]
                || work.run(lanes),
            );
        }
    }
    work.run(Scalar256b)
}

impl Lanes for Scalar256b {
    #[inline(always)]
    fn small_quotients(
        self,
        offsets: &[u16; TESTED],
        slopes: &[u16; TESTED],
        [row, target]: [u16; 2],
        quotient_max: u16,
    ) -> u32 {
        let mut bits = 0;
        for (index, (offset, slope)) in offsets.iter().zip(slopes).enumerate() {
            let quotient = offset.wrapping_add(row.wrapping_mul(*slope)).wrapping_sub(target);
            bits |= u32::from(quotient <= quotient_max) << index;
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V4 {
    #[inline(always)]
    fn small_quotients(
        self,
        offsets: &[u16; TESTED],
        slopes: &[u16; TESTED],
        [row, target]: [u16; 2],
        quotient_max: u16,
    ) -> u32 {
        let words = self.avx512bw;
        let [row, target, quotient_max] = [[row; TESTED], [target; TESTED], [quotient_max; TESTED]];
        let product = words._mm512_mullo_epi16(pulp::cast(*slopes), pulp::cast(row));
        let sum = words._mm512_add_epi16(pulp::cast(*offsets), product);
        let quotient = words._mm512_sub_epi16(sum, pulp::cast(target));
        words._mm512_cmple_epu16_mask(quotient, pulp::cast(quotient_max))
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    #[inline(always)]
    fn small_quotients(
        self,
        offsets: &[u16; TESTED],
        slopes: &[u16; TESTED],
        left: [u16; 2],
        quotient_max: u16,
    ) -> u32 {
        let words = self.avx2;
        let (offsets, _) = offsets.as_chunks::<HALF>();
        let (slopes, _) = slopes.as_chunks::<HALF>();
        let low = small_quotients_half(self, &offsets[0], &slopes[0], left, quotient_max);
        let high = small_quotients_half(self, &offsets[1], &slopes[1], left, quotient_max);
        // Packing takes 8 bytes from each operand in turn; the permutation puts them into order.
        let packed = words._mm256_packs_epi16(pulp::cast(low), pulp::cast(high));
        let ordered = words._mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
        words._mm256_movemask_epi8(ordered).cast_unsigned()
    }
}

/// Entries of a 256-bit register.
#[cfg(target_arch = "x86_64")]
const HALF: usize = TESTED / 2;

/// All bits of the entries whose quotients are small.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn small_quotients_half(
    lanes: pulp::x86::V3,
    offsets: &[u16; HALF],
    slopes: &[u16; HALF],
    [row, target]: [u16; 2],
    quotient_max: u16,
) -> [u16; HALF] {
    let words = lanes.avx2;
    let [row, target] = [[row; HALF], [target; HALF]];
    let quotient_max = pulp::cast([quotient_max; HALF]);
    let product = words._mm256_mullo_epi16(pulp::cast(*slopes), pulp::cast(row));
    let sum = words._mm256_add_epi16(pulp::cast(*offsets), product);
    let quotient = words._mm256_sub_epi16(sum, pulp::cast(target));
    let least = words._mm256_min_epu16(quotient, quotient_max);
    pulp::cast(words._mm256_cmpeq_epi16(least, quotient))
}
