//! Tests of the pieces of the fast version, each against its definition and with every instruction set that
//! this machine has.

use proptest::prelude::*;

use super::compression::{HASH_WORDS, INPUT_WORDS, hash};
use super::lanes::TESTED;
use super::matching::{Matches, RightBucket};
use super::*;
use crate::chacha8::keystream_portable;
use crate::proof_of_space::parameters::{BUCKET_VALUES, EXTRA_BITS, is_match};
use crate::proof_of_space::{SBUCKETS, Tables};

/// Does the same work with every instruction set.
fn with_all<W: Work + Clone>(work: W) -> Vec<W::Output> {
    let mut outputs = vec![work.clone().run(pulp::Scalar256b)];
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = pulp::x86::V3::try_new() {
            let work = work.clone();
            outputs.push(lanes.vectorize(move || work.run(lanes)));
        }
        if let Some(lanes) = pulp::x86::V4::try_new() {
            outputs.push(lanes.vectorize(move || work.run(lanes)));
        }
    }
    outputs
}

#[derive(Clone)]
struct HashAll {
    inputs: Vec<[u8; 4 * INPUT_WORDS]>,
    byte_count: usize,
}

impl Work for HashAll {
    type Output = Vec<Vec<u8>>;

    fn run<L: Lanes>(self, lanes: L) -> Vec<Vec<u8>> {
        let column = |word: usize| -> Vec<u32> {
            let bytes = |input: &[u8; 4 * INPUT_WORDS]| input.as_chunks::<4>().0[word];
            self.inputs.iter().map(|input| u32::from_be_bytes(bytes(input))).collect()
        };
        let mut columns: [Vec<u32>; INPUT_WORDS] = std::array::from_fn(column);
        let byte_count = u32::try_from(self.byte_count).unwrap();
        hash(lanes, columns.each_mut().map(Vec::as_mut_slice), byte_count);
        let hash = |index: usize| {
            columns[..HASH_WORDS].iter().flat_map(move |words| words[index].to_be_bytes())
        };
        (0..self.inputs.len()).map(|index| hash(index).collect()).collect()
    }
}

#[derive(Clone)]
struct Keystream {
    counters: Vec<u32>,
}

impl Work for Keystream {
    type Output = Vec<[u32; BLOCK_WORDS]>;

    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let mut keystream = vec![[0; BLOCK_WORDS]; self.counters.len()];
        blocks(lanes, &Seed::new([7; 32]), &self.counters, &mut keystream);
        keystream
    }
}

#[test]
fn blocks_in_lanes_are_those_of_the_definition() {
    let counters: Vec<u32> = (0..32).map(|index| index * index * 41).collect();
    for keystream in with_all(Keystream { counters: counters.clone() }) {
        for (counter, block) in counters.iter().zip(keystream) {
            let expected = keystream_portable(&[7; 32], [0; 12], *counter, 1).unwrap();
            assert_eq!(expected, block.map(u32::swap_bytes));
        }
    }
}

#[derive(Clone)]
struct MatchAll {
    left: Vec<u16>,
    right: Vec<u16>,
    parity: usize,
}

impl Work for MatchAll {
    type Output = Vec<[u16; 2]>;

    fn run<L: Lanes>(self, lanes: L) -> Vec<[u16; 2]> {
        let (mut bucket, mut matches) = (RightBucket::new(), Matches::new());
        bucket.fill(&self.right, 1000, self.parity);
        for (left, place) in (0..).zip(&self.left) {
            bucket.find(lanes, left, *place, &mut matches);
        }
        let [lefts, rights] = [&matches.lefts, &matches.rights].map(|all| &all[..matches.count]);
        lefts.iter().zip(rights).map(|(left, right)| [*left, *right - 1000]).collect()
    }
}

/// Checks matching against the test of single pairs.
fn check_matching(left: &[u16], right: &[u16], parity: usize) {
    let value = |bucket: usize, place: u16| {
        u32::try_from(bucket).unwrap() * BUCKET_VALUES + u32::from(place)
    };
    let mut expected = Vec::new();
    for (left_entry, left_place) in (0..).zip(left) {
        for (right_entry, right_place) in (0..).zip(right) {
            if is_match(value(parity, *left_place), value(parity + 1, *right_place)) {
                expected.push([left_entry, right_entry]);
            }
        }
    }
    for mut found in with_all(MatchAll { left: left.to_vec(), right: right.to_vec(), parity }) {
        let in_order = |pair: &[[u16; 2]]| pair[0][0] <= pair[1][0];
        assert!(found.windows(2).all(in_order), "left entries come in their order");
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[test]
fn full_and_empty_buckets_are_matched() {
    check_matching(&[], &[0], 0);
    check_matching(&[0], &[], 1);
    // 512 entries in few rows, many of them at the same place.
    let crowded: Vec<u16> = (0..512).map(|index| index % 400).collect();
    check_matching(&crowded, &crowded, 0);
    check_matching(&[5, 6, 15_112], &crowded, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn matches_are_those_of_single_pairs(
        left in prop::collection::vec(0..15_113_u16, 0..300),
        right in prop::collection::vec(0..15_113_u16, 0..300),
        parity in 0..2_usize,
    ) {
        check_matching(&left, &right, parity);
    }

    #[test]
    fn hashes_in_lanes_are_those_of_blake3(
        inputs in prop::collection::vec(any::<[u8; 4 * INPUT_WORDS]>(), 16),
        byte_count in 9..=4 * INPUT_WORDS,
    ) {
        let mut inputs = inputs;
        for input in &mut inputs {
            input[byte_count..].fill(0);
        }
        for hashes in with_all(HashAll { inputs: inputs.clone(), byte_count }) {
            for (input, hash) in inputs.iter().zip(hashes) {
                let expected = blake3::hash(&input[..byte_count]);
                prop_assert_eq!(&expected.as_bytes()[..4 * HASH_WORDS], &hash[..]);
            }
        }
    }

    #[test]
    fn every_instruction_set_tests_alike(
        offsets in any::<[u16; TESTED]>(),
        slopes in any::<[u16; TESTED]>(),
        left in any::<[u16; 2]>(),
        quotient_max in any::<u16>(),
    ) {
        let all = with_all(Quotients { offsets, slopes, left, quotient_max });
        prop_assert!(all.iter().all(|bits| *bits == all[0]), "{:?}", all);
    }
}

#[derive(Clone)]
struct Quotients {
    offsets: [u16; TESTED],
    slopes: [u16; TESTED],
    left: [u16; 2],
    quotient_max: u16,
}

impl Work for Quotients {
    type Output = u32;

    fn run<L: Lanes>(self, lanes: L) -> u32 {
        lanes.small_quotients(&self.offsets, &self.slopes, self.left, self.quotient_max)
    }
}

#[test]
fn ranks_of_tied_candidates_follow_the_definition() {
    let (seed, k) = (Seed::new([9; 32]), 16);
    let tables = Tables::build(&seed, k, Variant::V1, &|| true).unwrap();
    let mut order: Vec<u32> = (0..200).collect();
    order.sort_by_key(|&position| choice::full_rank(&seed, k, &tables.proof(position)));
    assert!(order.is_sorted(), "table 7 is in the order of ranks");
}

#[test]
fn ties_that_rank_leaves_open_are_broken_by_what_lies_below() {
    let (seed, k) = (Seed::new([9; 32]), 16);
    let layout = Layout::new(k, Variant::V1);
    let mut stage = first_stage(&seed, &layout);
    let mut kept = KeptTables::default();
    let mut candidates = Vec::new();
    for table in 2..=TABLES {
        let made = next_table(&layout, &stage, table, &mut kept).unwrap();
        candidates.extend(made.iter().flat_map(|made| made.candidates.iter().copied()));
        let chunks = made.into_iter().map(|made| made.chunk).collect();
        stage = Stage { chunks, shape: Shape::of(table, k) };
    }
    let expected = find_proofs(&seed, k, Variant::V1, None, &|| true).unwrap().unwrap();
    // Ranks that say less: all candidates of an s-bucket are tied, but for y.
    let y_only = |candidate: &choice::Candidate| choice::Candidate {
        rank: candidate.rank >> (k + EXTRA_BITS),
        ..*candidate
    };
    for reverse in [false, true] {
        let mut tied: Vec<_> = candidates.iter().map(y_only).collect();
        if reverse {
            tied.reverse();
        }
        let mut choice = Choice::new(tied.into_iter(), Variant::V1);
        choice.break_ties(&seed, k, &kept);
        let (found, chosen) = choice.first(SBUCKETS);
        assert_eq!(found, expected.found);
        assert!(kept.proofs(&chosen, k) == expected.proofs);
    }
}
