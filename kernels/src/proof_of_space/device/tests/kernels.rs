//! Each kernel alone, on made-up tables around the edges of its room.

use super::super::*;
use super::gpu;
use crate::chacha8::keystream_portable;
use crate::device::Kernel;
use crate::proof_of_space::parameters::{BUCKET_VALUES, TARGETS, left_target};
use crate::proof_of_space::portable::combine;
use crate::proof_of_space::portable::first_value;
use crate::proof_of_space::verify::value_at;
use crate::proof_of_space::{SBucket, metadata_bits};

/// Runs one kernel over buffers with these words and gives all of them back.
fn run(
    device: &impl ComputeDevice,
    kernel: &Kernel,
    words: &[Vec<u32>],
    workgroups: [u32; 3],
) -> Vec<Vec<u32>> {
    let buffers: Vec<_> =
        words.iter().map(|words| device.upload(kernel.name, words).unwrap()).collect();
    let step = Step::launch(kernel, buffers.iter().collect(), workgroups);
    let downloads: Vec<_> = buffers
        .iter()
        .zip(words)
        .map(|(source, words)| Download {
            label: kernel.name,
            source,
            words: 0..words.len() as u64,
        })
        .collect();
    device.wait(device.submit(&[step], &downloads).unwrap()).unwrap()
}

fn numbers(number: usize, k: u8, variant: Variant, proofs_max: usize) -> Vec<u32> {
    TableNumbers::new(number, k, variant, proofs_max).words().to_vec()
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

/// Numbers without order, the same at every run.
fn scrambled(count: usize) -> impl Iterator<Item = u32> {
    let blocks = word(count.div_ceil(16));
    keystream_portable(&[42; 32], [0; 12], 0, blocks).unwrap().into_iter().take(count)
}

/// Table 1 of every size, at the edges of words, groups and the table.
fn check_first_values(device: &impl ComputeDevice) {
    let seed = Seed::new([6; 32]);
    for k in 16..=20 {
        let keystream =
            keystream_portable(seed.as_bytes(), [0; 12], 0, keystream_blocks(k)).unwrap();
        let groups = (1_usize << k) / 256;
        let words =
            [numbers(1, k, Variant::V2, 1), keystream, vec![0; groups * 288 * 4], vec![0; groups]];
        let results = run(device, &kernel::FIRST_VALUES, &words, [word(groups), 1, 1]);
        assert_eq!(results[3], vec![256; groups]);
        let last = (1_u32 << k) - 1;
        for x in [0, 1, 2, 3, 15, 16, 255, 256, 257, 1000, last / 2, last - 255, last - 1, last] {
            let place = (x as usize / 256 * 288 + x as usize % 256) * 4;
            let expected = [first_value(&seed, k, x), x << (32 - k), 0, 0];
            assert_eq!(results[2][place..place + 4], expected, "k {k}, x {x}");
        }
    }
}

/// Buckets with none, one, as many and more entries than a list has room for.
fn check_scatter(device: &impl ComputeDevice) {
    let sizes = [0, 1, 256, 512, 513];
    let group_sizes = [0, 1, 255, 256, 257, 511];
    let mut values: Vec<u32> = Vec::new();
    for (bucket, size) in (0_u32..).zip(sizes) {
        values.extend((0..size).map(|index| bucket * BUCKET_VALUES + index * 29));
    }
    assert_eq!(values.len(), group_sizes.iter().sum::<usize>() + 2);
    for expected_flag in [0, FLAG_OVERFLOW] {
        // Without the last two, the fullest bucket has 511.
        let spare = if expected_flag == 0 { 2 } else { 0 };
        let mut group_counts = group_sizes.to_vec();
        group_counts.push(2 - spare);
        let mut entries = vec![0; group_counts.len() * 512 * 4];
        let mut rest = values.iter();
        for (group, &count) in group_counts.iter().enumerate() {
            for rank in 0..count {
                entries[(group * 512 + rank) * 4] = *rest.next().unwrap();
            }
        }
        let group_counts: Vec<_> = group_counts.into_iter().map(word).collect();
        let groups = word(group_counts.len());
        let table = numbers(2, 16, Variant::V1, 1);
        let words =
            [table, entries, group_counts, vec![0; sizes.len()], vec![0; 5 * 512], vec![0; 2]];
        let results = run(device, &kernel::SCATTER, &words, [groups, 1, 1]);
        assert_eq!(results[5], [expected_flag, 0]);
        for (bucket, size) in sizes.iter().enumerate() {
            let expected = if bucket == 4 { size - word(spare) } else { *size };
            assert_eq!(results[3][bucket], expected);
            let mut list = results[4][bucket * 512..][..expected.min(512) as usize].to_vec();
            list.sort_unstable();
            list.dedup();
            assert_eq!(word(list.len()), expected.min(512), "no position twice");
            let in_bucket = |&position: &u32| {
                (words[1][position as usize * 4] / BUCKET_VALUES) as usize == bucket
            };
            assert!(list.iter().all(in_bucket));
        }
    }
}

/// Lists of every size around the powers of two and the cap.
fn check_sort_buckets(device: &impl ComputeDevice) {
    let sizes = [0, 1, 2, 255, 256, 257, 271, 272, 273, 511, 512];
    let lists: Vec<u32> = scrambled(sizes.len() * 512).collect();
    let table = numbers(2, 20, Variant::V2, 1);
    let words = [table, sizes.map(word).to_vec(), lists.clone()];
    let results = run(device, &kernel::SORT_BUCKETS, &words, [word(sizes.len()), 1, 1]);
    for (bucket, &size) in sizes.iter().enumerate() {
        let mut expected = lists[bucket * 512..][..size].to_vec();
        expected.sort_unstable();
        assert_eq!(results[2][bucket * 512..][..size], expected, "{size} entries");
        assert_eq!(results[1][bucket], word(size.min(272)));
    }
}

/// A pair of buckets: places of the entries, in the order of the lists.
struct Pair {
    parity: u32,
    left: Vec<u32>,
    right: Vec<u32>,
}

/// Pairs of matches as the definition orders them, before any is cut.
fn expected_matches(pair: &Pair, duplicates_max: usize) -> Vec<[usize; 2]> {
    let mut matches = Vec::new();
    for (left, &place) in pair.left.iter().enumerate() {
        for m in 0..TARGETS {
            let there = left_target(pair.parity, place, m);
            let rights = pair.right.iter().enumerate().filter(|(_, right)| **right == there);
            matches.extend(rights.take(duplicates_max).map(|(right, _)| [left, right]));
        }
    }
    matches
}

fn pairs() -> Vec<Pair> {
    let random = |skip: usize, count: usize| -> Vec<u32> {
        scrambled(skip + count).skip(skip).map(|word| word % BUCKET_VALUES).collect()
    };
    let targets = |parity| (0..64).map(move |m| left_target(parity, 15_112, m));
    let few = |count| vec![15_112; count];
    vec![
        Pair { parity: 0, left: vec![], right: random(0, 5) },
        Pair { parity: 1, left: random(0, 5), right: vec![] },
        Pair { parity: 0, left: random(0, 236), right: random(300, 236) },
        Pair { parity: 1, left: random(600, 272), right: random(900, 272) },
        // All 64 targets, some of them more often than variant 2 takes.
        Pair { parity: 1, left: few(1), right: targets(1).chain(targets(1)).rev().collect() },
        Pair { parity: 0, left: few(1), right: (0..4).flat_map(|_| targets(0)).collect() },
        // Exactly as many matches as variant 2 keeps, and more than any keeps.
        Pair { parity: 0, left: few(2), right: targets(0).chain(targets(0)).collect() },
        Pair { parity: 0, left: few(9), right: targets(0).take(32).collect() },
        Pair { parity: 1, left: few(8), right: targets(1).collect() },
        Pair { parity: 1, left: few(9), right: targets(1).collect() },
    ]
}

/// Entries with these places in two neighbouring buckets, with metadata, and how the kernel takes them.
struct Matching {
    entries: Vec<(u32, u128)>,
    words: Vec<Vec<u32>>,
}

impl Matching {
    fn new(pair: &Pair, number: usize, k: u8, variant: Variant) -> Self {
        let bits = metadata_bits(number - 1, k);
        let first_bucket = pair.parity;
        let left = pair.left.iter().map(|place| first_bucket * BUCKET_VALUES + place);
        let right = pair.right.iter().map(|place| (first_bucket + 1) * BUCKET_VALUES + place);
        let count = pair.left.len() + pair.right.len();
        let noise: Vec<u32> = scrambled(count * 4).collect();
        let metadata = noise.chunks(4).map(|four| {
            let wide = four.iter().fold(0_u128, |wide, &word| wide << 32 | u128::from(word));
            wide >> (128 - bits)
        });
        let entries: Vec<_> = left.chain(right).zip(metadata).collect();
        let mut device_entries = Vec::new();
        for &(y, metadata) in &entries {
            let shifted = metadata << (128 - bits);
            device_entries.push(y);
            device_entries.extend(
                [96, 64, 32].map(|down| u32::try_from(shifted >> down & 0xffff_ffff).unwrap()),
            );
        }
        device_entries.resize(device_entries.len().max(4), 0);
        let mut lists = vec![0; 3 * 512];
        let first_list = first_bucket as usize * 512;
        for position in 0..pair.left.len() {
            lists[first_list + position] = word(position);
        }
        for place in 0..pair.right.len() {
            lists[first_list + 512 + place] = word(pair.left.len() + place);
        }
        let mut bucket_counts = vec![0; 3];
        bucket_counts[first_bucket as usize] = word(pair.left.len());
        bucket_counts[first_bucket as usize + 1] = word(pair.right.len());
        let stride = table::stride(variant) as usize;
        let mut table = numbers(number, k, variant, 1);
        // The parents of one table only.
        table[10] = 0;
        let words = vec![
            table,
            bucket_counts,
            lists,
            device_entries,
            vec![0; 2 * stride * 4],
            vec![0; 2 * stride * 2],
            vec![0; 2],
            vec![0; 2],
        ];
        Self { entries, words }
    }
}

/// Metadata of an entry of the device as one number.
fn metadata(entry: &[u32], bits: u32) -> u128 {
    let wide = entry[1..].iter().fold(0_u128, |wide, &word| wide << 32 | u128::from(word)) << 32;
    if bits == 0 { 0 } else { wide >> (128 - bits) }
}

fn check_match_of(device: &impl ComputeDevice, pair: &Pair, number: usize, variant: Variant) {
    let k = if number.is_multiple_of(2) { 20 } else { 17 };
    let matching = Matching::new(pair, number, k, variant);
    let results = run(device, &kernel::MATCH, &matching.words, [2, 1, 1]);
    let group = pair.parity as usize;
    let mut expected = expected_matches(pair, variant.duplicates_max());
    let what = format!("table {number}, {variant}, {} matches", expected.len());
    let is_cut = expected.len() > variant.matches_max();
    let expected_flag = if is_cut && variant == Variant::V1 { FLAG_OVERFLOW } else { 0 };
    assert_eq!(results[7], [expected_flag, 0], "{what}");
    if expected_flag != 0 {
        return;
    }
    expected.truncate(variant.matches_max());
    assert_eq!(results[6][group], word(expected.len()), "{what}");
    let stride = table::stride(variant) as usize;
    for (rank, [left, right]) in expected.into_iter().enumerate() {
        let position = group * stride + rank;
        let parents = [word(left), word(pair.left.len() + right)];
        assert_eq!(results[5][position * 2..][..2], parents, "{what}, rank {rank}");
        let [left, right] = parents.map(|parent| matching.entries[parent as usize]);
        let entry = &results[4][position * 4..][..4];
        let made = (entry[0], metadata(entry, metadata_bits(number, k)));
        assert_eq!(made, combine(number, k, left.0, left.1, right.1), "{what}, rank {rank}");
    }
}

/// Candidates of three s-buckets: one alone, two that differ in the last bit of their keys, two that do not.
fn check_choice(device: &impl ComputeDevice) {
    let y = |s_bucket: u16, low: u32| SBucket::new(s_bucket).challenge_index(20) << 6 | low;
    let none = 1 << 6;
    let values = [y(0, 63), none, y(0x1234, 7), y(0x1234, 7), y(0xffff, 0), y(0xffff, 0)];
    let lefts = [5, 0, 3, 2, 1, 4];
    let before: [u32; 6] = [0, 9, 10, 11, 9, u32::MAX >> 6];
    let wide = |values: &[u32]| -> Vec<u32> {
        values.iter().flat_map(|&value| [value, 0, 0, 0]).collect()
    };
    for (variant, winners) in [
        // The key of s-bucket 0 is the largest that there is.
        (Variant::V1, [(0, 1, Some(0)), (0x1234, 1, Some(3)), (0xffff, 2, None)]),
        (Variant::V2, [(0, 1, Some(0)), (0x1234, 1, Some(2)), (0xffff, 1, Some(4))]),
    ] {
        let mut table = numbers(TABLES, 20, variant, 1);
        table[10] = 0;
        let parents = lefts.iter().flat_map(|&left| [left, 0]).collect();
        let mut words =
            vec![table, vec![6], wide(&values), wide(&before), parents, vec![0; SBUCKETS]];
        words[5] = run(device, &kernel::CHOOSE, &words, [1, 1, 1]).swap_remove(5);
        words.push(vec![0; 2 * SBUCKETS]);
        let results = run(device, &kernel::WINNERS, &words, [1, 1, 1]);
        assert_eq!(results[6].iter().step_by(2).filter(|count| **count != 0).count(), 3);
        for (s_bucket, count, position) in winners {
            assert_eq!(results[6][2 * s_bucket], count, "{variant} {s_bucket}");
            if let Some(position) = position {
                assert_eq!(results[6][2 * s_bucket + 1], position, "{variant} {s_bucket}");
            }
        }
    }
}

/// None, some and all s-buckets with a proof, under limits around their number.
fn check_rank(device: &impl ComputeDevice) {
    let sets: [Vec<usize>; 4] =
        [vec![], vec![0, 31, 32, 255, 256, 65_535], vec![65_535], (0..SBUCKETS).collect()];
    for set in &sets {
        for limit in [1, 5, 6, 7, 32_768, SBUCKETS] {
            check_rank_of(device, set, limit, 0);
            check_rank_of(device, set, limit, 5);
        }
    }
}

/// S-buckets with one winner each, but two where the set has its element `tie`.
fn check_rank_of(device: &impl ComputeDevice, set: &[usize], limit: usize, tie: usize) {
    let mut winners = vec![0; 2 * SBUCKETS];
    for (rank, &s_bucket) in set.iter().enumerate() {
        winners[2 * s_bucket] = if rank == tie { 2 } else { 1 };
    }
    let table = numbers(TABLES, 20, Variant::V1, limit);
    let words = [table, winners, vec![0; 2048], vec![0; SBUCKETS], vec![0; 2]];
    let results = run(device, &kernel::RANK, &words, [1, 1, 1]);
    let count = set.len().min(limit);
    // A tie beyond the limit decides nothing.
    let flag = if tie < count { FLAG_TIE } else { 0 };
    assert_eq!(results[4], [flag, word(count)]);
    let chosen: Vec<_> = set[..count].iter().map(|&s_bucket| word(s_bucket)).collect();
    assert_eq!(results[3][..count], chosen);
    let mut found = vec![0; 2048];
    for s_bucket in &set[..count] {
        found[s_bucket / 32] |= 1 << (s_bucket % 32);
    }
    assert_eq!(results[2], found);
}

/// A tree whose 64 leaves are all over table 1, packed with every k.
fn check_trace(device: &impl ComputeDevice) {
    for k in 16..=20 {
        let room = bucket_count(k) * 512;
        let mut parents = vec![0; 6 * room * 2];
        let values: Vec<u32> = scrambled(64).map(|noise| noise >> (32 - k)).collect();
        // Entry e of a table with 64 >> level entries lies at position 3 e + 1; those of table 1 where x is.
        for level in 1_usize..=6 {
            for entry in 0..64 >> level {
                let pair = [2 * entry, 2 * entry + 1].map(|child| match level {
                    1 => values[child] / 256 * 512 + values[child] % 256,
                    _ => word(3 * child + 1),
                });
                let place = ((level - 1) * room + 3 * entry + 1) * 2;
                parents[place..place + 2].copy_from_slice(&pair);
            }
        }
        let mut winners = vec![0; 2 * SBUCKETS];
        winners[2 * 77..2 * 78].copy_from_slice(&[1, 1]);
        let mut chosen = vec![0; 4];
        chosen[0] = 77;
        let table = numbers(TABLES, k, Variant::V1, 4);
        let proof_words = 2 * usize::from(k);
        let words = [table, winners, chosen, parents, vec![0, 1], vec![7; 4 * proof_words]];
        let results = run(device, &kernel::TRACE, &words, [4, 1, 1]);
        let proof = bytes_of(&results[5][..proof_words]);
        let packed: Vec<u32> = (0..64).map(|index| value_at(&proof, index, k)).collect();
        assert_eq!(packed, values, "k {k}");
        assert_eq!(results[5][proof_words..], vec![7; 3 * proof_words], "only proofs are written");
    }
}

#[test]
fn wgpu_first_values_are_those_of_the_definition() {
    check_first_values(&gpu());
}

#[test]
fn wgpu_scatter_puts_every_entry_into_its_bucket() {
    check_scatter(&gpu());
}

#[test]
fn wgpu_sort_orders_lists_of_every_size() {
    check_sort_buckets(&gpu());
}

#[test]
fn wgpu_match_finds_and_hashes_the_pairs_of_the_definition() {
    let gpu = gpu();
    for variant in [Variant::V1, Variant::V2] {
        for pair in &pairs() {
            check_match_of(&gpu, pair, 2, variant);
        }
        for number in 3..=TABLES {
            check_match_of(&gpu, &pairs()[2], number, variant);
        }
    }
}

#[test]
fn wgpu_choice_takes_the_best_key_and_counts_ties() {
    check_choice(&gpu());
}

#[test]
fn wgpu_rank_numbers_s_buckets_up_to_the_limit() {
    check_rank(&gpu());
}

#[test]
fn wgpu_trace_packs_the_values_of_every_size() {
    check_trace(&gpu());
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_kernels_of_tables_do_what_the_definition_says() {
    let device = crate::cuda::emulation::EmulatedDevice::new();
    check_first_values(&device);
    check_scatter(&device);
    check_sort_buckets(&device);
    for variant in [Variant::V1, Variant::V2] {
        for pair in &pairs() {
            check_match_of(&device, pair, 2, variant);
        }
        for number in 3..=TABLES {
            check_match_of(&device, &pairs()[2], number, variant);
        }
    }
    check_choice(&device);
    check_rank(&device);
    check_trace(&device);
}
