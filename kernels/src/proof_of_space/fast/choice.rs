//! Which entry of table 7 proves each s-bucket, and the proofs of those.

use rayon::prelude::*;

use super::stage::unpack_parents;
use crate::proof_of_space::parameters::{EXTRA_BITS, y_bits};
use crate::proof_of_space::portable::{combine, first_value};
use crate::proof_of_space::verify::value_at;
use crate::proof_of_space::{
    K, PROOF_VALUES, SBUCKETS, SBucket, Seed, TABLES, Variant, proof_bytes,
};

/// An entry of table 7 that proves an s-bucket.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Candidate {
    pub(in super::super) s_bucket: SBucket,
    /// What decides between candidates of one s-bucket in variant V1, if it differs: the last bits of y, then
    /// the y of the left parent. The smallest wins.
    pub(in super::super) rank: u32,
    pub(in super::super) parents: u32,
}

/// What tables 3 to 6 leave behind.
#[derive(Debug, Default)]
pub(in super::super) struct KeptTables {
    /// Metadata of table 3: four values `x` from the first bit on.
    pub(in super::super) values: Vec<[u32; 3]>,
    /// Packed parents of tables 4 to 6.
    pub(in super::super) parents: [Vec<u32>; 3],
}

impl KeptTables {
    /// Writes the proof that ends in these two entries of table 6.
    fn write_proof(&self, parents: u32, k: u8, proof: &mut [u8]) {
        let [left, right] = unpack_parents(parents);
        let mut positions = [0; 16];
        positions[..2].copy_from_slice(&[left, right]);
        let mut count = 2;
        for table in self.parents.iter().rev() {
            for index in (0..count).rev() {
                let [left, right] = unpack_parents(table[positions[index]]);
                positions[2 * index..2 * index + 2].copy_from_slice(&[left, right]);
            }
            count *= 2;
        }
        // All together before any is used, so that the memory answers them together.
        let values = positions.map(|position| self.values[position]);
        let bits = 4 * u32::from(k);
        let (mut pending, mut pending_bits) = (0, 0);
        let mut rest = proof;
        for values in values {
            let [first, second, third] = values.map(u128::from);
            pending = pending << bits | (first << 64 | second << 32 | third) >> (96 - bits);
            pending_bits += bits;
            let whole = (pending << (128 - pending_bits)).to_be_bytes();
            let byte_count = (pending_bits / 8) as usize;
            if let Some(bytes) = rest.split_off_mut(..byte_count) {
                bytes.copy_from_slice(&whole[..byte_count]);
            }
            pending_bits %= 8;
            pending %= 1 << pending_bits;
        }
    }

    fn proof(&self, parents: u32, k: u8) -> Vec<u8> {
        let mut proof = vec![0; proof_bytes(k)];
        self.write_proof(parents, k, &mut proof);
        proof
    }

    /// The proofs that end in these pairs of entries of table 6, with the threads of the current pool.
    pub(in super::super) fn proofs(&self, chosen: &[u32], k: u8) -> Vec<u8> {
        let mut proofs = vec![0; chosen.len() * proof_bytes(k)];
        let pairs = proofs.par_chunks_exact_mut(proof_bytes(k)).zip(chosen);
        pairs.with_min_len(1024).for_each(|(proof, parents)| self.write_proof(*parents, k, proof));
        proofs
    }
}

/// The chosen candidates by s-bucket.
#[derive(Debug)]
pub(in super::super) struct Choice {
    chosen: Vec<Option<Candidate>>,
    /// Candidates whose rank is that of another one of their s-bucket.
    tied: Vec<Candidate>,
}

impl Choice {
    /// Chooses among candidates that come in the order of table 7.
    pub(in super::super) fn new(
        candidates: impl Iterator<Item = Candidate>,
        variant: Variant,
    ) -> Self {
        let mut choice = Self { chosen: vec![None; SBUCKETS], tied: Vec::new() };
        for candidate in candidates {
            let chosen = &mut choice.chosen[usize::from(candidate.s_bucket.number())];
            match chosen {
                None => *chosen = Some(candidate),
                Some(chosen) if variant == Variant::V1 && candidate.rank < chosen.rank => {
                    *chosen = candidate;
                }
                Some(chosen) if variant == Variant::V1 && candidate.rank == chosen.rank => {
                    choice.tied.push(candidate);
                }
                Some(_) => {}
            }
        }
        choice
    }

    /// Decides between candidates of the same rank, by all that is below them.
    pub(in super::super) fn break_ties(&mut self, seed: &Seed, k: u8, kept: &KeptTables) {
        for candidate in &self.tied {
            let chosen = &mut self.chosen[usize::from(candidate.s_bucket.number())];
            let rank =
                |candidate: &Candidate| full_rank(seed, k, &kept.proof(candidate.parents, k));
            if let Some(chosen) = chosen
                && chosen.rank == candidate.rank
                && rank(candidate) < rank(chosen)
            {
                *chosen = *candidate;
            }
        }
    }

    /// The first `count` s-buckets that have a proof, as a bitmap and as packed parents.
    pub(in super::super) fn first(&self, count: usize) -> (Box<[u8; SBUCKETS / 8]>, Vec<u32>) {
        let mut found = Box::new([0; SBUCKETS / 8]);
        let mut parents = Vec::new();
        for candidate in self.chosen.iter().flatten().take(count) {
            let number = usize::from(candidate.s_bucket.number());
            found[number / 8] |= 1 << (number % 8);
            parents.push(candidate.parents);
        }
        (found, parents)
    }
}

/// What orders entries of table 7 in variant V1: y, then the same of the left parent, then of the right one;
/// of table 1 y, then `x`.
pub(in super::super) fn full_rank(seed: &Seed, k: u8, proof: &[u8]) -> Vec<u32> {
    let mut ranks = Vec::new();
    let mut entries = Vec::new();
    for index in 0..PROOF_VALUES {
        let x = value_at(proof, index, k);
        let y = first_value(seed, k, x);
        ranks.push(vec![y, x]);
        entries.push((y, u128::from(x)));
    }
    for table in 2..=TABLES {
        let pairs = entries.chunks_exact(2);
        entries = pairs.map(|pair| combine(table, k, pair[0].0, pair[0].1, pair[1].1)).collect();
        let below = ranks.chunks_exact(2).zip(&entries);
        ranks = below.map(|(pair, (y, _))| [&[*y][..], &pair[0], &pair[1]].concat()).collect();
    }
    ranks.concat()
}

// The rank of a candidate fits its word.
const _: () = assert!(EXTRA_BITS as u32 + y_bits(K) <= 32);
