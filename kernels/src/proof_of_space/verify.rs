//! The verifier: 64 values, hashed together in pairs up to one `y`, with one pair in each lane.

use super::fast::columns::{place_word, take_bits};
use super::fast::compression::{INPUT_WORDS, hash};
use super::fast::keystream::{BLOCK_BITS, BLOCK_WORDS, blocks, first_y};
use super::fast::lanes::{Lanes, Work, dispatch};
use super::parameters::{EXTRA_BITS, is_match, metadata_bits, y_bits};
use super::{K, K_MIN, PROOF_VALUES, Seed, TABLES, proof_bytes};

/// Words of metadata: 80 bits.
const METADATA_WORDS: usize = 3;

/// Whether `proof` proves the challenge that starts with the `k` bits `challenge_index`.
///
/// `false` too when the proof has a wrong length or `k` is not 16 to 20.
pub fn is_valid_proof(seed: &Seed, k: u8, challenge_index: u32, proof: &[u8]) -> bool {
    if !(K_MIN..=K).contains(&k) || proof.len() != proof_bytes(k) {
        return false;
    }
    let mut values = [0; PROOF_VALUES];
    for (index, value) in values.iter_mut().enumerate() {
        *value = value_at(proof, index, k);
    }
    let y = dispatch(Verification { seed, k, values: &values });
    y.is_some_and(|y| y >> EXTRA_BITS == challenge_index)
}

/// Value `index` of a proof.
pub(super) fn value_at(proof: &[u8], index: usize, k: u8) -> u32 {
    let first_bit = index * usize::from(k);
    let byte = |offset| proof.get(first_bit / 8 + offset).copied().unwrap_or(0);
    let window = u32::from_be_bytes(std::array::from_fn(byte));
    window << (first_bit % 8) >> (32 - u32::from(k))
}

/// The `y` of table 7 above 64 values, if all that must match does.
struct Verification<'a> {
    seed: &'a Seed,
    k: u8,
    values: &'a [u32; PROOF_VALUES],
}

impl Work for Verification<'_> {
    type Output = Option<u32>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Option<u32> {
        let Self { seed, k, values } = self;
        let mut entries = Entries { y: first_values(lanes, seed, k, values), ..Entries::default() };
        for (word, x) in entries.metadata[0].iter_mut().zip(values) {
            *word = x << (32 - u32::from(k));
        }
        for table in 2..=TABLES {
            let count = PROOF_VALUES >> (table - 1);
            let pairs = entries.y[..2 * count].as_chunks::<2>().0;
            if !pairs.iter().all(|[left, right]| is_match(*left, *right)) {
                return None;
            }
            entries = entries.combined(lanes, table, k, count);
        }
        Some(entries.y[0])
    }
}

/// The `y` of these values in table 1.
#[inline(always)]
fn first_values<L: Lanes>(
    lanes: L,
    seed: &Seed,
    k: u8,
    values: &[u32; PROOF_VALUES],
) -> [u32; PROOF_VALUES] {
    let first_bit = |x: u32| x as usize * usize::from(k);
    // The bits of a value may reach into the block behind.
    let mut counters = [0; 2 * PROOF_VALUES];
    for (counters, x) in counters.as_chunks_mut::<2>().0.iter_mut().zip(values) {
        // 2^20 values of 20 bits take 40,960 blocks.
        let block = u32::try_from(first_bit(*x) / BLOCK_BITS).unwrap_or(0);
        *counters = [block, block + 1];
    }
    let mut keystream = [[0; BLOCK_WORDS]; 2 * PROOF_VALUES];
    blocks(lanes, seed, &counters, &mut keystream);
    let mut y = [0; PROOF_VALUES];
    let keystream = keystream.as_chunks::<2>().0;
    for ((y, x), blocks) in y.iter_mut().zip(values).zip(keystream) {
        *y = first_y(k, *x, blocks.as_flattened(), first_bit(*x) % BLOCK_BITS);
    }
    y
}

/// Entries of one table below the proof, from left to right. Metadata starts at the first bit of its words.
struct Entries {
    y: [u32; PROOF_VALUES],
    metadata: [[u32; PROOF_VALUES]; METADATA_WORDS],
}

impl Default for Entries {
    fn default() -> Self {
        Self { y: [0; PROOF_VALUES], metadata: [[0; PROOF_VALUES]; METADATA_WORDS] }
    }
}

impl Entries {
    /// The `count` entries of `table` whose parents these are.
    #[inline(always)]
    fn combined<L: Lanes>(&self, lanes: L, table: usize, k: u8, count: usize) -> Self {
        let mut made = Self::default();
        let (y_bits, parent_bits) = (y_bits(k), metadata_bits(table - 1, k));
        let mut words = [[0; PROOF_VALUES / 2]; INPUT_WORDS];
        let mut words = words.each_mut().map(<[u32; PROOF_VALUES / 2]>::as_mut_slice);
        place_word(&mut words, 0, &every_second(&self.y, 0).map(|y| y << (32 - y_bits)));
        self.place_metadata(&mut words, y_bits, parent_bits);
        if matches!(table, 2 | 3) {
            let mut joined = made.metadata.each_mut().map(<[u32; PROOF_VALUES]>::as_mut_slice);
            self.place_metadata(&mut joined, 0, parent_bits);
        }
        let byte_count = (y_bits + 2 * parent_bits).div_ceil(8);
        // Whole vectors, of 16 lanes at most.
        let hashed = count.next_multiple_of(16);
        let [first, second, third, fourth, fifth, sixth] = words;
        let inputs = [first, second, third, fourth, fifth, sixth].map(|words| &mut words[..hashed]);
        let hashes = hash_all(lanes, inputs, byte_count);
        for (y, word) in made.y.iter_mut().zip(hashes[0].iter()) {
            *y = word >> (32 - y_bits);
        }
        if table > 3 {
            let bits = metadata_bits(table, k);
            let columns = made.metadata.iter_mut().take(bits.div_ceil(32) as usize);
            let pairs = hashes.iter().zip(&hashes[1..]);
            for ((column, (word, next)), bit) in columns.zip(pairs).zip((0..).step_by(32)) {
                take_bits([word, next], [y_bits, (bits - bit).min(32)], column);
            }
        }
        made
    }
}

impl Entries {
    /// Writes the metadata of both entries of each pair, of `bits` bits each, from bit `first_bit` on.
    #[inline(always)]
    fn place_metadata(&self, columns: &mut [&mut [u32]], first_bit: u32, bits: u32) {
        for (side, first_bit) in [first_bit, first_bit + bits].into_iter().enumerate() {
            let words = self.metadata.iter().take(bits.div_ceil(32) as usize);
            for (word, first_bit) in words.zip((first_bit..).step_by(32)) {
                place_word(columns, first_bit, &every_second(word, side));
            }
        }
    }
}

/// Hashes inputs and gives back what lies in their place.
#[inline(always)]
fn hash_all<L: Lanes>(
    lanes: L,
    mut words: [&mut [u32]; INPUT_WORDS],
    byte_count: u32,
) -> [&mut [u32]; INPUT_WORDS] {
    hash(lanes, words.each_mut().map(|words| &mut **words), byte_count);
    words
}

/// The left (`side` 0) or right (1) word of every pair.
#[inline(always)]
fn every_second(column: &[u32; PROOF_VALUES], side: usize) -> [u32; PROOF_VALUES / 2] {
    let mut words = [0; PROOF_VALUES / 2];
    for (word, pair) in words.iter_mut().zip(column.as_chunks::<2>().0) {
        *word = pair[side];
    }
    words
}
