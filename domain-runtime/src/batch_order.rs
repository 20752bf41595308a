//! In which order examples are seen: a keyed permutation of their numbers for every pass over the data.
//!
//! Any place of the order is computed alone, in a few operations on integers, so a referee can name the
//! example of one row of one step without the shuffle around it.

use parity_scale_codec::Encode;

use crate::primitives::Beacon;

/// Separates the keys of batch orders; SCALE of seed and epoch is what they are derived from.
const BATCH_ORDER_CONTEXT: &str = "aipot batch order v1";

/// Separates the keys of test sets that are drawn from training data.
const SPLIT_CONTEXT: &str = "aipot beacon split v1";

/// Separates the round keys from everything else that may be derived from a permutation's key.
const ROUND_CONTEXT: &str = "aipot permutation rounds v1";

/// Rounds of the Feistel network. Seven with random functions pass for a random permutation (Patarin,
/// "Luby-Rackoff: 7 rounds are enough for 2^(n(1-epsilon)) security", 2003); the functions here only mix,
/// and halves may be one bit, so there are a few more.
const ROUND_COUNT: usize = 12;

/// Bytes of the keys of all rounds.
const ROUND_KEY_BYTES: usize = ROUND_COUNT * 4;

/// A permutation of `0..count` that follows from a key.
///
/// # Source
/// Black and Rogaway, "Ciphers with arbitrary finite domains", 2002: a Feistel network over the smallest
/// even number of bits that covers the count, walked along its cycle until the count covers the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permutation {
    round_keys: [u32; ROUND_COUNT],
    count: u32,
    half_bits: u32,
}

impl Permutation {
    /// The permutation of `0..count` with this key.
    #[must_use]
    pub fn new(key: &[u8; 32], count: u32) -> Self {
        let covering_bits = 32_u32.saturating_sub(count.saturating_sub(1).leading_zeros());
        let half_bits = covering_bits.div_ceil(2).max(1);
        Self { round_keys: round_keys(key), count, half_bits }
    }

    /// What stands at `position`; a position beyond the last starts again at the first. 0 where there is
    /// nothing to permute.
    #[must_use]
    pub fn at(&self, position: u32) -> u32 {
        let Some(mut value) = position.checked_rem(self.count) else { return 0 };
        // Ends at the latest where it began, for the network permutes more than the count.
        loop {
            value = self.encrypted(value);
            if value < self.count {
                return value;
            }
        }
    }

    /// One pass through the network.
    fn encrypted(&self, value: u32) -> u32 {
        let mask = 1_u32.wrapping_shl(self.half_bits).wrapping_sub(1);
        let mut left = value.wrapping_shr(self.half_bits) & mask;
        let mut right = value & mask;
        for round_key in &self.round_keys {
            let mixed = left ^ (mix(right ^ round_key) & mask);
            left = right;
            right = mixed;
        }
        left.wrapping_shl(self.half_bits) | right
    }
}

/// What a permutation of `0..count` with this key has at `position`.
///
/// A position beyond the last starts again at the first; the result is 0 when the count is 0 or 1.
#[must_use]
pub fn permuted(key: &[u8; 32], count: u32, position: u32) -> u32 {
    Permutation::new(key, count).at(position)
}

/// The order of one epoch: a pass over all examples.
#[must_use]
pub fn epoch_order(seed: u64, epoch: u64, example_count: u32) -> Permutation {
    let key = blake3::derive_key(BATCH_ORDER_CONTEXT, &(seed, epoch).encode());
    Permutation::new(&key, example_count)
}

/// The example at a place of the training: row `row` of step `step` has the place
/// `step * batch_size + row`.
///
/// Batches run on from one epoch into the next, so every batch is full. 0 when there are no examples.
#[must_use]
pub fn example(seed: u64, example_count: u32, place: u64) -> u32 {
    let count = u64::from(example_count);
    let (Some(epoch), Some(position)) = (place.checked_div(count), place.checked_rem(count)) else {
        return 0;
    };
    // A remainder of a division by 32 bits has no more than these.
    let position = u32::try_from(position).unwrap_or(0);
    epoch_order(seed, epoch, example_count).at(position)
}

/// The training example that stands at `place` of a test set drawn by a beacon.
///
/// Places below `example_count` give every example once.
#[must_use]
pub fn split_example(beacon: &Beacon, example_count: u32, place: u32) -> u32 {
    split_order(beacon, example_count).at(place)
}

/// The order of all training examples of which a test set drawn by a beacon takes the first.
#[must_use]
pub fn split_order(beacon: &Beacon, example_count: u32) -> Permutation {
    Permutation::new(&blake3::derive_key(SPLIT_CONTEXT, beacon.as_bytes()), example_count)
}

/// One word a round from the stream that BLAKE3 derives from the key.
fn round_keys(key: &[u8; 32]) -> [u32; ROUND_COUNT] {
    let mut bytes = [0; ROUND_KEY_BYTES];
    let mut hasher = blake3::Hasher::new_derive_key(ROUND_CONTEXT);
    hasher.update(key).finalize_xof().fill(&mut bytes);
    let mut keys = [0; ROUND_COUNT];
    for (word, bytes) in keys.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    keys
}

/// Spreads every bit of a word over all of it.
///
/// # Source
/// The finalizer of `MurmurHash3` for 32 bits (Appleby, 2011, public domain).
fn mix(word: u32) -> u32 {
    let word = (word ^ word.wrapping_shr(16)).wrapping_mul(0x85eb_ca6b);
    let word = (word ^ word.wrapping_shr(13)).wrapping_mul(0xc2b2_ae35);
    word ^ word.wrapping_shr(16)
}

#[cfg(test)]
mod tests;
