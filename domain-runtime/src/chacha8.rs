//! The seeded random words and normal numbers of a training run, any of them on its own.
//!
//! Word `i` of a key's stream is word `i % 16` of the `ChaCha8` block whose 64-bit number is `i / 16`: its
//! low half is the block counter, its high half the first word of the nonce, the rest of the nonce is zero.

use crate::float::Float;
use crate::float::elementary::{cosine_of_turn, log};

/// Separates these keys from every other use of BLAKE3.
const DERIVATION: &str = "aipot chacha8 stream v1";

/// Words of a block.
const BLOCK_WORDS: u64 = 16;

/// "expand 32-byte k" as four little-endian words.
///
/// # Source
/// RFC 8439, section 2.3.
const CONSTANTS: Row = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// Two rounds, columns then diagonals, four times.
///
/// # Source
/// Bernstein, "`ChaCha`, a variant of Salsa20", section 3.
const DOUBLE_ROUNDS: usize = 4;

/// One 2^24th.
const UNIT_STEP: Float = Float(0x3380_0000);

/// Four words of the state that take part in the four quarter rounds at a time.
type Row = [u32; 4];

/// The key of one purpose (`domain`) and instance (`counter`) within an order.
///
/// BLAKE3's `derive_key` with the context "aipot chacha8 stream v1" over the order seed, the counter in 8
/// little-endian bytes, and the domain.
pub fn derive_key(order_seed: &[u8; 32], domain: &str, counter: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(DERIVATION);
    hasher.update(order_seed).update(&counter.to_le_bytes()).update(domain.as_bytes());
    *hasher.finalize().as_bytes()
}

/// Word `index` of the stream.
pub fn word(key: &[u8; 32], index: u64) -> u32 {
    let words = block(key, index / BLOCK_WORDS);
    let within = usize::try_from(index % BLOCK_WORDS).unwrap_or(0);
    words.as_flattened().get(within).copied().unwrap_or(0)
}

/// Number `value_index` of the standard normal numbers of the stream, made of two words each.
///
/// With u = (the first word's top 24 bits + 1) / 2^24 and the second word w, it is
/// sqrt(-2 log(u)) * cos(w / 2^32 turns), rounded after each operation.
///
/// # Source
/// Box and Muller, "A note on the generation of random normal deviates", 1958.
pub fn normal(key: &[u8; 32], value_index: u64) -> Float {
    let first = value_index.wrapping_mul(2);
    let top_bits = Float::from_u32(word(key, first) >> 8);
    let unit = top_bits.add(Float::ONE).multiply(UNIT_STEP);
    let radius = Float::TWO.negate().multiply(log(unit)).square_root();
    radius.multiply(cosine_of_turn(word(key, first.wrapping_add(1))))
}

/// One block of keystream: the state after the rounds, plus the state before them.
fn block(key: &[u8; 32], block_number: u64) -> [Row; 4] {
    let before = initial_state(key, block_number);
    let mut mixed = before;
    for _ in 0..DOUBLE_ROUNDS {
        round(&mut mixed);
        turn(&mut mixed, [1, 2, 3]);
        round(&mut mixed);
        turn(&mut mixed, [3, 2, 1]);
    }
    for (mixed, before) in mixed.iter_mut().zip(before) {
        *mixed = each(*mixed, before, u32::wrapping_add);
    }
    mixed
}

/// The state before the rounds: constants, key, block number, nonce.
fn initial_state(key: &[u8; 32], block_number: u64) -> [Row; 4] {
    let mut key_words = [[0; 4]; 2];
    let (chunks, _) = key.as_chunks::<4>();
    for (word, chunk) in key_words.as_flattened_mut().iter_mut().zip(chunks) {
        *word = u32::from_le_bytes(*chunk);
    }
    let [low_key, high_key] = key_words;
    let low = u32::try_from(block_number & u64::from(u32::MAX)).unwrap_or(0);
    let high = u32::try_from(block_number >> 32).unwrap_or(0);
    [CONSTANTS, low_key, high_key, [low, high, 0, 0]]
}

/// Four quarter rounds at once, one in each column.
///
/// # Source
/// RFC 8439, section 2.1: add, xor, rotate, four times.
fn round([a, b, c, d]: &mut [Row; 4]) {
    (*a, *d) = add_and_rotate(*a, *b, *d, 16);
    (*c, *b) = add_and_rotate(*c, *d, *b, 12);
    (*a, *d) = add_and_rotate(*a, *b, *d, 8);
    (*c, *b) = add_and_rotate(*c, *d, *b, 7);
}

/// The sum of the first two rows, and the third one mixed with it.
fn add_and_rotate(sum: Row, addend: Row, mixed: Row, bits: u32) -> (Row, Row) {
    let sum = each(sum, addend, u32::wrapping_add);
    (sum, each(mixed, sum, |mixed, sum| (mixed ^ sum).rotate_left(bits)))
}

/// Turns the lower three rows, so that diagonals become columns or columns diagonals again.
fn turn([_, b, c, d]: &mut [Row; 4], [b_places, c_places, d_places]: [usize; 3]) {
    b.rotate_left(b_places);
    c.rotate_left(c_places);
    d.rotate_left(d_places);
}

/// Combines two rows word by word.
fn each(left: Row, right: Row, combine: impl Fn(u32, u32) -> u32) -> Row {
    let mut words = left;
    for (word, right) in words.iter_mut().zip(right) {
        *word = combine(*word, right);
    }
    words
}
