//! `ChaCha8` keystreams: the source of every pseudo-random word of a training run, and of f1 in
//! proof of space.
//!
//! [`keystream_portable`] is the definition. [`ChaChaStream`] draws numbers, weights and shuffles
//! from it; [`keystream_on`] is the same keystream on a device.

mod device;
mod stream;

pub use device::keystream_on;
pub(crate) use device::{KEYSTREAM, WORKGROUP_BLOCKS};
pub use stream::ChaChaStream;

use thiserror::Error;

use crate::gpu::GpuError;

/// Words of 32 bits in one block.
///
/// # Source
/// RFC 8439, section 2.3.
pub const BLOCK_WORDS: usize = 16;

/// "expand 32-byte k" as four little-endian words.
///
/// # Source
/// RFC 8439, section 2.3.
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// Two rounds, columns then diagonals, four times: the 8 of `ChaCha8`.
///
/// # Source
/// Bernstein, "`ChaCha`, a variant of Salsa20", section 3.
const DOUBLE_ROUNDS: usize = 4;

/// State words of the quarter rounds of a double round: four columns, then four diagonals.
///
/// # Source
/// RFC 8439, section 2.3.
const QUARTER_ROUNDS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

/// Why a keystream cannot be given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeystreamError {
    /// The 32-bit block counter would start again from zero.
    #[error("blocks {first_block} + {block_count} pass the end of the 32-bit block counter")]
    CounterOverflow {
        /// Counter of the first block asked for.
        first_block: u32,
        /// Blocks asked for.
        block_count: u32,
    },
    /// The device that was to compute it failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

/// The state of block 0 with nonce 0, as kernels take it.
pub(crate) fn first_state(seed: &[u8; 32]) -> [u32; BLOCK_WORDS] {
    initial_state(seed, [0; 12], 0)
}

/// The `ChaCha8` keystream, `block_count` blocks from block `first_block` on, as little-endian words.
///
/// # Shapes
/// `[block_count * 16]` words.
///
/// # Errors
/// [`KeystreamError::CounterOverflow`] when the last block's counter does not fit 32 bits.
///
/// # Source
/// RFC 8439, sections 2.3 and 2.4 (layout), with 8 rounds instead of 20.
pub fn keystream_portable(
    seed: &[u8; 32],
    nonce: [u8; 12],
    first_block: u32,
    block_count: u32,
) -> Result<Vec<u32>, KeystreamError> {
    check_counter(first_block, block_count)?;
    let mut state = initial_state(seed, nonce, first_block);
    let mut keystream = Vec::new();
    for _ in 0..block_count {
        keystream.extend(block(&state));
        state[12] = state[12].wrapping_add(1);
    }
    Ok(keystream)
}

/// Refuses a run of blocks that would use a counter value twice.
fn check_counter(first_block: u32, block_count: u32) -> Result<(), KeystreamError> {
    let last_offset = block_count.saturating_sub(1);
    if first_block.checked_add(last_offset).is_none() {
        return Err(KeystreamError::CounterOverflow { first_block, block_count });
    }
    Ok(())
}

/// The state before the rounds: constants, key, block counter, nonce.
fn initial_state(seed: &[u8; 32], nonce: [u8; 12], first_block: u32) -> [u32; BLOCK_WORDS] {
    let mut state = [0; BLOCK_WORDS];
    state[..4].copy_from_slice(&CONSTANTS);
    fill_words(&mut state[4..12], seed);
    state[12] = first_block;
    fill_words(&mut state[13..], &nonce);
    state
}

/// Reads bytes as little-endian words.
fn fill_words(words: &mut [u32], bytes: &[u8]) {
    let (chunks, _) = bytes.as_chunks::<4>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u32::from_le_bytes(*chunk);
    }
}

/// One block of keystream: the state after the rounds, plus the state before them.
fn block(state: &[u32; BLOCK_WORDS]) -> [u32; BLOCK_WORDS] {
    let mut mixed = *state;
    for _ in 0..DOUBLE_ROUNDS {
        for words in QUARTER_ROUNDS {
            quarter_round(&mut mixed, words);
        }
    }
    for (mixed, before) in mixed.iter_mut().zip(state) {
        *mixed = mixed.wrapping_add(*before);
    }
    mixed
}

/// Mixes four words: add, xor, rotate, four times.
fn quarter_round(state: &mut [u32; BLOCK_WORDS], [a, b, c, d]: [usize; 4]) {
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(16);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(12);
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(8);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(7);
}

#[cfg(test)]
mod tests;
