//! Seeded random numbers for training: initial weights, shuffles, dropout.
//!
//! A stream is a `ChaCha8` keystream read word by word, so its whole state is a key and a position.

use std::num::NonZeroU64;

use pulp::{Arch, Simd, WithSimd};

use super::{BLOCK_WORDS, block, initial_state};
use crate::elementary::{cosine_of_turn, log};

/// Separates these keys from every other use of BLAKE3. Changing it changes every training run.
const DERIVATION: &str = "aipot chacha8 stream v1";

/// One 2^24th: the distance between the values of [`ChaChaStream::unit_f32`].
const UNIT_STEP: f32 = f32::from_bits(0x3380_0000);

/// Values that are filled at a time, so that the second words need little room.
const FILLED_VALUES: usize = 1024;

/// A deterministic stream of random words and of numbers made from them.
///
/// Word `i` of the stream is word `i % 16` of the keystream block whose 64-bit number is `i / 16`:
/// its low half is the block counter, its high half the first nonce word, the rest of the nonce is
/// zero. Every method takes a documented number of words, so positions can be saved and restored.
#[derive(Clone)]
pub struct ChaChaStream {
    state: [u32; BLOCK_WORDS],
    position_words: u64,
    /// The block that holds the word before `position_words`; nothing else is ever read from it.
    block: [u32; BLOCK_WORDS],
}

impl PartialEq for ChaChaStream {
    /// Equal streams go on alike: the same key, the same position.
    fn eq(&self, other: &Self) -> bool {
        self.position_words == other.position_words && self.key() == other.key()
    }
}

impl Eq for ChaChaStream {}

impl std::fmt::Debug for ChaChaStream {
    /// Shows the position only: the key may be worth hiding.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ChaChaStream")
            .field("position_words", &self.position_words)
            .finish_non_exhaustive()
    }
}

impl ChaChaStream {
    /// The stream whose key is `seed`, at position 0.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let state = initial_state(&seed, [0; 12], 0);
        Self { state, position_words: 0, block: [0; BLOCK_WORDS] }
    }

    /// The stream of one purpose within an order, at position 0.
    ///
    /// `domain` names the purpose ("weights", "shuffle"), `counter` the instance (a layer, an
    /// epoch). The key is BLAKE3's `derive_key` with the context "aipot chacha8 stream v1" over the
    /// order seed, the counter in 8 little-endian bytes, and the domain.
    pub fn derive(order_seed: &[u8; 32], domain: &str, counter: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(DERIVATION);
        hasher.update(order_seed).update(&counter.to_le_bytes()).update(domain.as_bytes());
        Self::from_seed(*hasher.finalize().as_bytes())
    }

    /// How many words have been taken.
    pub fn position_words(&self) -> u64 {
        self.position_words
    }

    /// Goes to any position, forwards or backwards.
    pub fn seek_words(&mut self, position_words: u64) {
        self.position_words = position_words;
        if !position_words.is_multiple_of(BLOCK_WORDS as u64) {
            self.load_block(position_words / BLOCK_WORDS as u64);
        }
    }

    /// Takes one word.
    pub fn next_u32(&mut self) -> u32 {
        let word_index = self.position_words % BLOCK_WORDS as u64;
        if word_index == 0 {
            self.load_block(self.position_words / BLOCK_WORDS as u64);
        }
        // 2^64 words are more than any run can take; the wrap only keeps the arithmetic total.
        self.position_words = self.position_words.wrapping_add(1);
        self.block[usize::try_from(word_index).expect("the remainder is below 16")]
    }

    /// Takes two words, the low half first.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        let high = u64::from(self.next_u32());
        high << 32 | low
    }

    /// An integer below `bound`, each equally likely. Takes two words a try, rarely more than one try.
    ///
    /// Of the 128-bit product `word * bound` the high half is the answer, unless the low half is
    /// below 2^64 mod `bound`; then the next two words are tried.
    ///
    /// # Source
    /// Lemire, "Fast random integer generation in an interval", 2019, algorithm 5.
    pub fn below(&mut self, bound: NonZeroU64) -> u64 {
        let uneven = bound.get().wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound.get());
            let (high, low) = halves(product);
            if low >= uneven {
                return high;
            }
        }
    }

    /// A multiple of 2^-24 in [0, 1): the top 24 bits of one word.
    pub fn unit_f32(&mut self) -> f32 {
        top_24_bits(self.next_u32()) * UNIT_STEP
    }

    /// A number of the standard normal distribution. Takes two words.
    ///
    /// With u = (the first word's top 24 bits + 1) / 2^24 and the second word w, the number is
    /// sqrt(-2 log(u)) * cos(w / 2^32 turns), rounded after each operation; at most 5.77 in size.
    ///
    /// # Source
    /// Box and Muller, "A note on the generation of random normal deviates", 1958.
    pub fn normal_f32(&mut self) -> f32 {
        let unit = open_unit(self.next_u32());
        let turn = self.next_u32();
        normal(unit, turn)
    }

    /// Fills a slice with what [`Self::normal_f32`] would give one after the other, only faster.
    pub fn fill_normal(&mut self, values: &mut [f32]) {
        let mut turns = Vec::new();
        for part in values.chunks_mut(FILLED_VALUES) {
            turns.clear();
            for unit in part.iter_mut() {
                *unit = open_unit(self.next_u32());
                turns.push(self.next_u32());
            }
            Arch::new().dispatch(Normals { units: part, turns: &turns });
        }
    }

    /// Puts the items in random order, each order equally likely.
    ///
    /// From the last item down to the second, item `i` is swapped with item `below(i + 1)`.
    ///
    /// # Source
    /// Durstenfeld, "Algorithm 235: random permutation", 1964.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last + 1).ok().and_then(NonZeroU64::new);
            let chosen = self.below(bound.expect("a length is above 0 and has at most 64 bits"));
            items.swap(last, usize::try_from(chosen).expect("it is below a usize"));
        }
    }

    /// The words of the state that never change.
    fn key(&self) -> &[u32] {
        &self.state[4..12]
    }

    /// Computes the block with the given 64-bit number.
    fn load_block(&mut self, block_number: u64) {
        let (high, low) = (block_number >> 32, block_number & u64::from(u32::MAX));
        self.state[12] = u32::try_from(low).expect("masked to 32 bits");
        self.state[13] = u32::try_from(high).expect("shifted to 32 bits");
        self.block = block(&self.state);
    }
}

/// The normal number of a radius and an angle.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn normal(unit: f32, turn: u32) -> f32 {
    (-2.0 * log(unit)).sqrt() * cosine_of_turn(turn)
}

/// Normal numbers from prepared words, compiled once for each instruction set.
struct Normals<'values> {
    units: &'values mut [f32],
    turns: &'values [u32],
}

impl WithSimd for Normals<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (value, turn) in self.units.iter_mut().zip(self.turns) {
            *value = normal(*value, *turn);
        }
    }
}

/// A multiple of 2^-24 in (0, 1].
fn open_unit(word: u32) -> f32 {
    (top_24_bits(word) + 1.0) * UNIT_STEP
}

/// The high and the low half of a product.
fn halves(product: u128) -> (u64, u64) {
    let low = product & u128::from(u64::MAX);
    let high = product >> 64;
    (
        u64::try_from(high).expect("shifted to 64 bits"),
        u64::try_from(low).expect("masked to 64 bits"),
    )
}

/// The top 24 bits of a word as a number below 2^24.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit the significand exactly")]
fn top_24_bits(word: u32) -> f32 {
    (word >> 8) as f32
}

#[cfg(test)]
mod tests;
