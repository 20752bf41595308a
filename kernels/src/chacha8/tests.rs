//! Every backend gives the keystream of the definition, which gives the published one.

use super::*;
use crate::gpu::Gpu;

/// Published keystreams; the origin stands in the file.
const PUBLISHED: &str = include_str!("../../tests/vectors/chacha8.txt");

/// What proof of space makes of the keystream; the origin stands in the file.
const PROOF_OF_SPACE: &str = include_str!("../../tests/vectors/proof_of_space_f1.txt");

/// Bits of an x in proof of space, and of what its keystream gives it.
const K: usize = 20;

/// First blocks and block counts around the edges of a 256-invocation workgroup, of the counter and
/// of no work at all.
const CASES: &[([u8; 32], [u8; 12], u32, u32)] = &[
    ([0; 32], [0; 12], 0, 0),
    ([0; 32], [0; 12], 0, 1),
    ([7; 32], [1; 12], 0, 255),
    ([7; 32], [2; 12], 5, 256),
    ([255; 32], [255; 12], 0x7fff_ffff, 257),
    ([9; 32], [3; 12], u32::MAX - 511, 512),
    ([9; 32], [3; 12], u32::MAX, 1),
];

/// Checks any implementation against the portable one, on every case.
fn check(keystream: impl Fn(&[u8; 32], [u8; 12], u32, u32) -> Result<Vec<u32>, KeystreamError>) {
    for &(seed, nonce, first_block, block_count) in CASES {
        let expected = keystream_portable(&seed, nonce, first_block, block_count).unwrap();
        let actual = keystream(&seed, nonce, first_block, block_count).unwrap();
        let first_difference = expected.iter().zip(&actual).position(|(left, right)| left != right);
        assert_eq!((first_difference, expected.len()), (None, actual.len()), "block {first_block}");
    }
    let error = keystream(&[0; 32], [0; 12], u32::MAX, 2).unwrap_err();
    assert!(matches!(
        error,
        KeystreamError::CounterOverflow { first_block: u32::MAX, block_count: 2 }
    ));
}

/// The lines of a vector file that are not comments, word by word.
fn lines(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

fn array<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn the_portable_keystream_is_the_published_one() {
    let mut count = 0;
    for line in lines(PUBLISHED) {
        let words = keystream_portable(&array(line[0]), array(line[1]), 0, 2).unwrap();
        assert_eq!(hex::encode(bytes(&words)), line[2]);
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn the_portable_keystream_makes_the_first_table_of_proof_of_space() {
    let mut count = 0;
    for line in lines(PROOF_OF_SPACE) {
        let block_count = u32::try_from((K << K) / 512).unwrap();
        let words = keystream_portable(&array(line[0]), [0; 12], 0, block_count).unwrap();
        let keystream = bytes(&words);
        let y = |x: usize| -> u32 {
            // 20 bits lie in at most 4 bytes.
            let first_bit = x * K;
            let start = (first_bit / 8).min(keystream.len() - 4);
            let window = u32::from_be_bytes(keystream[start..start + 4].try_into().unwrap());
            let bits = window << (first_bit - start * 8) >> (32 - K);
            bits << 6 | u32::try_from(x >> 14).unwrap()
        };
        let expected: Vec<u32> = line[1..].iter().map(|word| word.parse().unwrap()).collect();
        let actual: Vec<u32> = (0..16).chain([(1 << K) - 1]).map(y).collect();
        assert_eq!(actual, expected, "seed {}", line[0]);
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn the_portable_keystream_is_the_same_from_any_block_on() {
    check(keystream_portable);
    let whole = keystream_portable(&[5; 32], [6; 12], 10, 20).unwrap();
    let tail = keystream_portable(&[5; 32], [6; 12], 17, 13).unwrap();
    assert_eq!(whole[7 * BLOCK_WORDS..], tail);
}

#[test]
fn wgpu_keystream_equals_the_definition_on_every_edge() {
    let gpu = Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    check(|seed, nonce, first_block, block_count| {
        keystream_on(&gpu, seed, nonce, first_block, block_count)
    });
}

#[test]
fn wgpu_keystream_continues_over_the_edge_of_a_dispatch() {
    let gpu = Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    let block_count = (1 << 20) + 1;
    let all = keystream_on(&gpu, &[8; 32], [9; 12], 3, block_count).unwrap();
    let last = keystream_portable(&[8; 32], [9; 12], 3 + block_count - 2, 2).unwrap();
    assert_eq!(all[all.len() - 2 * BLOCK_WORDS..], last);
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_keystream_equals_the_definition_on_every_edge() {
    let device = crate::cuda::emulation::EmulatedDevice::new();
    check(|seed, nonce, first_block, block_count| {
        keystream_on(&device, seed, nonce, first_block, block_count)
    });
}
