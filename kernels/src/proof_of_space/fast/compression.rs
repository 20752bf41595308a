//! BLAKE3 of many short inputs at once, one in each lane.
//!
//! # Source
//! The BLAKE3 paper, sections 2.2 (compression) and 2.6 (flags of a single block).

use super::lanes::Lanes;

/// Words of input that can be other than zero: 24 bytes.
pub(in super::super) const INPUT_WORDS: usize = 6;

/// Words of a hash that are of use: y, and up to 80 bits of metadata.
pub(in super::super) const HASH_WORDS: usize = 4;

/// The first words of the fractional parts of the square roots of the first eight primes.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A chunk's start and end, and the root: an input of one block is all of these.
const FLAGS: u32 = 1 | 2 | 8;

/// Where each word of a message goes from one round to the next.
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// The words of the message in the order in which each round uses them.
const SCHEDULE: [[usize; 16]; 7] = schedule();

const fn schedule() -> [[usize; 16]; 7] {
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
    let mut round = 1;
    while round < 7 {
        let mut index = 0;
        while index < 16 {
            schedule[round][index] = schedule[round - 1][PERMUTATION[index]];
            index += 1;
        }
        round += 1;
    }
    schedule
}

/// Hashes inputs of `byte_count` bytes and puts the first words of each hash in place of its input.
///
/// Words are big-endian here, of inputs and hashes both: the first bit is the most significant.
///
/// # Shapes
/// `[INPUT_WORDS][inputs]`, a multiple of the lanes.
#[inline(always)]
pub(in super::super) fn hash<L: Lanes>(
    lanes: L,
    words: [&mut [u32]; INPUT_WORDS],
    byte_count: u32,
) {
    let [first, second, third, fourth, fifth, sixth] =
        words.map(|words| L::as_mut_simd_u32s(words).0);
    let inputs = first.iter_mut().zip(second).zip(third).zip(fourth).zip(fifth).zip(sixth);
    for (((((first, second), third), fourth), fifth), sixth) in inputs {
        let input = [*first, *second, *third, *fourth, *fifth, *sixth];
        [*first, *second, *third, *fourth] = compress(lanes, input, byte_count);
    }
}

/// One hash in each lane.
#[inline(always)]
fn compress<L: Lanes>(
    lanes: L,
    input: [L::u32s; INPUT_WORDS],
    byte_count: u32,
) -> [L::u32s; HASH_WORDS] {
    let mut message = [lanes.splat_u32s(0); 16];
    for (word, input) in message.iter_mut().zip(input) {
        *word = swap_bytes(lanes, input);
    }
    let mut state = [lanes.splat_u32s(0); 16];
    for (word, initial) in state.iter_mut().zip(INITIAL.iter().chain(&INITIAL[..4])) {
        *word = lanes.splat_u32s(*initial);
    }
    state[14] = lanes.splat_u32s(byte_count);
    state[15] = lanes.splat_u32s(FLAGS);
    round::<L, 0>(lanes, &mut state, &message);
    round::<L, 1>(lanes, &mut state, &message);
    round::<L, 2>(lanes, &mut state, &message);
    round::<L, 3>(lanes, &mut state, &message);
    round::<L, 4>(lanes, &mut state, &message);
    round::<L, 5>(lanes, &mut state, &message);
    round::<L, 6>(lanes, &mut state, &message);
    // Written out, because a closure need not be inlined, and then is not compiled for these lanes.
    [
        swap_bytes(lanes, lanes.xor_u32s(state[0], state[8])),
        swap_bytes(lanes, lanes.xor_u32s(state[1], state[9])),
        swap_bytes(lanes, lanes.xor_u32s(state[2], state[10])),
        swap_bytes(lanes, lanes.xor_u32s(state[3], state[11])),
    ]
}

/// Columns, then diagonals. The round is a constant so that no index is left to run time.
#[inline(always)]
fn round<L: Lanes, const ROUND: usize>(
    lanes: L,
    state: &mut [L::u32s; 16],
    message: &[L::u32s; 16],
) {
    let order = SCHEDULE[ROUND];
    mix(lanes, state, [0, 4, 8, 12], [message[order[0]], message[order[1]]]);
    mix(lanes, state, [1, 5, 9, 13], [message[order[2]], message[order[3]]]);
    mix(lanes, state, [2, 6, 10, 14], [message[order[4]], message[order[5]]]);
    mix(lanes, state, [3, 7, 11, 15], [message[order[6]], message[order[7]]]);
    mix(lanes, state, [0, 5, 10, 15], [message[order[8]], message[order[9]]]);
    mix(lanes, state, [1, 6, 11, 12], [message[order[10]], message[order[11]]]);
    mix(lanes, state, [2, 7, 8, 13], [message[order[12]], message[order[13]]]);
    mix(lanes, state, [3, 4, 9, 14], [message[order[14]], message[order[15]]]);
}

/// Mixes two words of the message into four of the state.
#[inline(always)]
fn mix<L: Lanes>(
    lanes: L,
    state: &mut [L::u32s; 16],
    [a, b, c, d]: [usize; 4],
    [first, second]: [L::u32s; 2],
) {
    state[a] = lanes.add_u32s(lanes.add_u32s(state[a], first), state[b]);
    state[d] = rotate_right::<L, 16>(lanes, lanes.xor_u32s(state[d], state[a]));
    state[c] = lanes.add_u32s(state[c], state[d]);
    state[b] = rotate_right::<L, 12>(lanes, lanes.xor_u32s(state[b], state[c]));
    state[a] = lanes.add_u32s(lanes.add_u32s(state[a], second), state[b]);
    state[d] = rotate_right::<L, 8>(lanes, lanes.xor_u32s(state[d], state[a]));
    state[c] = lanes.add_u32s(state[c], state[d]);
    state[b] = rotate_right::<L, 7>(lanes, lanes.xor_u32s(state[b], state[c]));
}

/// Rotates the bits of every lane.
#[inline(always)]
pub(super) fn rotate_right<L: Lanes, const BITS: u32>(lanes: L, value: L::u32s) -> L::u32s {
    let low = lanes.wrapping_dyn_shr_u32s(value, lanes.splat_u32s(BITS));
    let high = lanes.wrapping_dyn_shl_u32s(value, lanes.splat_u32s(32 - BITS));
    lanes.or_u32s(low, high)
}

/// Reverses the bytes of every lane.
#[inline(always)]
fn swap_bytes<L: Lanes>(lanes: L, value: L::u32s) -> L::u32s {
    let odd = lanes.and_u32s(rotate_right::<L, 8>(lanes, value), lanes.splat_u32s(0xff00_ff00));
    let even = lanes.and_u32s(rotate_right::<L, 24>(lanes, value), lanes.splat_u32s(0x00ff_00ff));
    lanes.or_u32s(odd, even)
}
