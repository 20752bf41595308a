//! The verifier: 64 values, hashed together in pairs up to one `y`.

use super::parameters::{EXTRA_BITS, is_match};
use super::portable::combine;
use super::{K, K_MIN, PROOF_VALUES, Seed, TABLES, proof_bytes};
use crate::chacha8::keystream_portable;

/// Whether `proof` proves the challenge that starts with the `k` bits `challenge_index`.
///
/// `false` too when the proof has a wrong length or `k` is not 16 to 20.
pub fn is_valid_proof(seed: &Seed, k: u8, challenge_index: u32, proof: &[u8]) -> bool {
    if !(K_MIN..=K).contains(&k) || proof.len() != proof_bytes(k) {
        return false;
    }
    let mut entries = [(0, 0); PROOF_VALUES];
    for (index, entry) in entries.iter_mut().enumerate() {
        let x = value(proof, index, k);
        *entry = (first_value(seed, k, x), u128::from(x));
    }
    for table in 2..=TABLES {
        let entry_count = PROOF_VALUES >> (table - 1);
        for index in 0..entry_count {
            let (left_y, left_metadata) = entries[2 * index];
            let (right_y, right_metadata) = entries[2 * index + 1];
            if !is_match(left_y, right_y) {
                return false;
            }
            entries[index] = combine(table, k, left_y, left_metadata, right_metadata);
        }
    }
    entries[0].0 >> EXTRA_BITS == challenge_index
}

/// Value `index` of a proof.
pub(super) fn value(proof: &[u8], index: usize, k: u8) -> u32 {
    bits_at(index * usize::from(k), k, |byte| proof.get(byte).copied().unwrap_or(0))
}

/// The `y` of one `x` in table 1.
pub(super) fn first_value(seed: &Seed, k: u8, x: u32) -> u32 {
    let first_bit = x as usize * usize::from(k);
    let first_block = u32::try_from(first_bit / 512).expect("k is at most 20");
    let words = keystream_portable(seed.as_bytes(), [0; 12], first_block, 2)
        .expect("two blocks, far from the end of the counter");
    let bits = bits_at(first_bit % 512, k, |byte| words[byte / 4].to_le_bytes()[byte % 4]);
    bits << EXTRA_BITS | x >> (k - EXTRA_BITS)
}

/// `k` bits from bit `first_bit` on of a string of bytes, the most significant first.
fn bits_at(first_bit: usize, k: u8, byte: impl Fn(usize) -> u8) -> u32 {
    let window = u32::from_be_bytes(std::array::from_fn(|index| byte(first_bit / 8 + index)));
    window << (first_bit % 8) >> (32 - u32::from(k))
}
