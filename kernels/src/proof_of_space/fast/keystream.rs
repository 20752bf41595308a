//! `ChaCha8` with one block in each lane, and the first table from it.

use super::compression::rotate_right;
use super::lanes::Lanes;
use crate::proof_of_space::Seed;
use crate::proof_of_space::parameters::EXTRA_BITS;

/// Words of a block.
pub(in super::super) const BLOCK_WORDS: usize = crate::chacha8::BLOCK_WORDS;

/// Bits of a block.
pub(in super::super) const BLOCK_BITS: usize = 32 * BLOCK_WORDS;

/// "expand 32-byte k" as four little-endian words.
///
/// # Source
/// RFC 8439, section 2.3.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The most lanes that an instruction set has.
const LANES_MAX: usize = 16;

/// The keystream's blocks with these counters, as big-endian words.
///
/// # Shapes
/// As many blocks as counters, a multiple of the lanes.
#[inline(always)]
pub(in super::super) fn blocks<L: Lanes>(
    lanes: L,
    seed: &Seed,
    counters: &[u32],
    blocks: &mut [[u32; BLOCK_WORDS]],
) {
    let (key, _) = seed.as_bytes().as_chunks::<4>();
    let mut start = [lanes.splat_u32s(0); BLOCK_WORDS];
    for (word, constant) in start.iter_mut().zip(CONSTANTS) {
        *word = lanes.splat_u32s(constant);
    }
    for (word, key) in start[4..12].iter_mut().zip(key) {
        *word = lanes.splat_u32s(u32::from_le_bytes(*key));
    }
    let counters = L::as_simd_u32s(counters).0;
    for (counters, blocks) in counters.iter().zip(blocks.chunks_exact_mut(L::U32_LANES)) {
        start[12] = *counters;
        let mut columns = [[0; LANES_MAX]; BLOCK_WORDS];
        for (column, word) in columns.iter_mut().zip(block(lanes, &start)) {
            L::as_mut_simd_u32s(column).0[0] = word;
        }
        for (lane, block) in blocks.iter_mut().enumerate() {
            for (word, column) in block.iter_mut().zip(&columns) {
                *word = column[lane].swap_bytes();
            }
        }
    }
}

/// One block in each lane: the state after the rounds, plus the state before them.
#[inline(always)]
fn block<L: Lanes>(lanes: L, start: &[L::u32s; BLOCK_WORDS]) -> [L::u32s; BLOCK_WORDS] {
    let mut state = *start;
    for _ in 0..4 {
        quarter_round(lanes, &mut state, [0, 4, 8, 12]);
        quarter_round(lanes, &mut state, [1, 5, 9, 13]);
        quarter_round(lanes, &mut state, [2, 6, 10, 14]);
        quarter_round(lanes, &mut state, [3, 7, 11, 15]);
        quarter_round(lanes, &mut state, [0, 5, 10, 15]);
        quarter_round(lanes, &mut state, [1, 6, 11, 12]);
        quarter_round(lanes, &mut state, [2, 7, 8, 13]);
        quarter_round(lanes, &mut state, [3, 4, 9, 14]);
    }
    for (word, before) in state.iter_mut().zip(start) {
        *word = lanes.add_u32s(*word, *before);
    }
    state
}

/// Mixes four words: add, xor, rotate, four times.
#[inline(always)]
fn quarter_round<L: Lanes>(lanes: L, state: &mut [L::u32s; BLOCK_WORDS], [a, b, c, d]: [usize; 4]) {
    state[a] = lanes.add_u32s(state[a], state[b]);
    state[d] = rotate_right::<L, 16>(lanes, lanes.xor_u32s(state[d], state[a]));
    state[c] = lanes.add_u32s(state[c], state[d]);
    state[b] = rotate_right::<L, 20>(lanes, lanes.xor_u32s(state[b], state[c]));
    state[a] = lanes.add_u32s(state[a], state[b]);
    state[d] = rotate_right::<L, 24>(lanes, lanes.xor_u32s(state[d], state[a]));
    state[c] = lanes.add_u32s(state[c], state[d]);
    state[b] = rotate_right::<L, 25>(lanes, lanes.xor_u32s(state[b], state[c]));
}

/// The `y` of `x` in table 1, when bit `first_bit` of the big-endian words is the first of its `k` bits.
#[inline(always)]
pub(in super::super) fn first_y(k: u8, x: u32, words: &[u32], first_bit: usize) -> u32 {
    let word = |index: usize| u64::from(words.get(index).copied().unwrap_or(0));
    let window = word(first_bit / 32) << 32 | word(first_bit / 32 + 1);
    let bits = window << (first_bit % 32) >> (64 - u32::from(k));
    // k bits were left.
    u32::try_from(bits).unwrap_or(0) << EXTRA_BITS | x >> (k - EXTRA_BITS)
}
