//! Every chunk of every file proves itself, and nothing else does.

use alloc::vec;

use proptest::prelude::*;

use super::*;

/// A file of `length` bytes without repetition.
fn file(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).take(length).collect()
}

fn root(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

/// Lengths from nothing to ten chunks: all around the edges of chunks, some between.
fn lengths() -> impl Iterator<Item = usize> {
    let edges = (0..=10_usize).flat_map(|chunk| {
        let edge = chunk * CHUNK_BYTES;
        edge.saturating_sub(2)..=edge + 2
    });
    edges.chain((0..10_240).step_by(97))
}

#[test]
fn every_chunk_of_every_file_proves_itself() {
    for bytes in lengths().map(file) {
        let root = root(&bytes);
        for chunk_index in 0..chunk_count(length(&bytes)) {
            let proof = prove_chunk(&bytes, chunk_index).unwrap();
            let start = usize::try_from(chunk_index).unwrap() * CHUNK_BYTES;
            let end = (start + CHUNK_BYTES).min(bytes.len());
            assert_eq!(&*proof.bytes, &bytes[start..end]);
            assert!(verify_chunk(&root, length(&bytes), &proof), "{} {chunk_index}", bytes.len());
        }
    }
}

#[test]
fn a_file_has_no_chunks_behind_its_end() {
    for (bytes, count) in [(0, 1), (1, 1), (1_024, 1), (1_025, 2), (10_240, 10)] {
        assert_eq!(chunk_count(bytes), count);
        let bytes = file(usize::try_from(bytes).unwrap());
        assert!(prove_chunk(&bytes, count - 1).is_some());
        assert_eq!(prove_chunk(&bytes, count), None);
        assert_eq!(prove_chunk(&bytes, u64::MAX), None);
    }
    assert_eq!(chunk_count(u64::MAX), 1 << 54);
}

#[test]
fn any_flipped_bit_of_a_proof_fails() {
    // Five chunks: the last one is short and its path is shorter than that of the others.
    let bytes = file(4 * CHUNK_BYTES + 7);
    for chunk_index in 0..5 {
        let proof = prove_chunk(&bytes, chunk_index).unwrap();
        for bit in 0..8 * proof.bytes.len() {
            let mut flipped = proof.clone();
            flipped.bytes.as_mut_slice()[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_chunk(&root(&bytes), length(&bytes), &flipped));
        }
        for bit in 0..256 * proof.path.len() {
            let mut flipped = proof.clone();
            flipped.path.as_mut_slice()[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            assert!(!verify_chunk(&root(&bytes), length(&bytes), &flipped));
        }
        for bit in 0..256 {
            let mut other = root(&bytes);
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_chunk(&other, length(&bytes), &proof));
        }
    }
}

#[test]
fn a_chunk_proves_itself_at_its_place_only() {
    let bytes = vec![7; 5 * CHUNK_BYTES];
    let proof = prove_chunk(&bytes, 1).unwrap();
    for chunk_index in (0..6).filter(|index| *index != 1) {
        let moved = ChunkProof { chunk_index, ..proof.clone() };
        assert!(!verify_chunk(&root(&bytes), length(&bytes), &moved), "{chunk_index}");
    }
    let moved = ChunkProof { chunk_index: u64::MAX, ..proof };
    assert!(!verify_chunk(&root(&bytes), length(&bytes), &moved));
}

#[test]
fn a_path_that_is_longer_or_shorter_fails() {
    let bytes = file(4 * CHUNK_BYTES);
    let proof = prove_chunk(&bytes, 2).unwrap();
    let mut longer = proof.clone();
    longer.path.push([0; 32]).unwrap();
    let shorter = BoundedVec::try_from(proof.path[..1].to_vec()).unwrap();
    for path in [longer.path, shorter, BoundedVec::new()] {
        let wrong = ChunkProof { path, ..proof.clone() };
        assert!(!verify_chunk(&root(&bytes), length(&bytes), &wrong));
    }
}

#[test]
fn an_inner_node_is_no_chunk() {
    // The two halves of the root, given as the bytes of a file of one chunk.
    let bytes = file(2 * CHUNK_BYTES);
    let left = chunk_value(&bytes[..CHUNK_BYTES], 0);
    let right = chunk_value(&bytes[CHUNK_BYTES..], length(&bytes[..CHUNK_BYTES]));
    let node = BoundedBytes::try_from([left, right].concat()).unwrap();
    let proof = ChunkProof { chunk_index: 0, bytes: node, path: BoundedVec::new() };
    assert!(!verify_chunk(&root(&bytes), 64, &proof));
}

#[test]
fn the_longest_path_fits_its_bound() {
    for chunk_index in [0, 1, (1 << 54) - 1] {
        assert_eq!(turns(u64::MAX, chunk_index).map(|turns| turns.len()), Some(PATH_MAX));
    }
}

/// A length of `u64::MAX` made the arithmetic of the path overflow: a panic in one build, an endless path
/// in another. A client could commit to a test file of that length.
#[test]
fn a_chunk_of_the_largest_file_is_judged() {
    for chunk_index in [0, 1, 5, (1 << 54) - 1] {
        let bytes = BoundedBytes::try_from(vec![0; CHUNK_BYTES]).unwrap();
        let path = BoundedVec::try_from(vec![[0; 32]; PATH_MAX]).unwrap();
        assert!(!verify_chunk(&[0; 32], u64::MAX, &ChunkProof { chunk_index, bytes, path }));
    }
}

#[test]
fn files_are_cut_as_the_hash_function_cuts_them() {
    let lengths = (1_025..9_000).chain([1 << 20, (1 << 40) + 1, (1 << 63) + 1, u64::MAX - 1]);
    for length in lengths {
        assert_eq!(left_length(length), blake3::hazmat::left_subtree_len(length), "{length}");
    }
}

#[test]
fn everybody_who_may_ask_finds_room() {
    use crate::order::VALIDATORS_MAX;
    assert_eq!(REQUESTS_MAX, (VALIDATORS_MAX + 1) * REQUESTS_PER_ACCOUNT_MAX);
}

proptest! {
    #[test]
    fn a_claimed_length_that_moves_the_last_chunk_fails(claimed in 0_u64..20_000) {
        let bytes = file(3 * CHUNK_BYTES + 100);
        let proof = prove_chunk(&bytes, 3).unwrap();
        prop_assert_eq!(
            verify_chunk(&root(&bytes), claimed, &proof),
            claimed == length(&bytes)
        );
    }

    #[test]
    fn any_proof_is_judged_without_panic(
        byte_count: u64,
        chunk_index: u64,
        bytes in prop::collection::vec(any::<u8>(), 0..=CHUNK_BYTES),
        path in prop::collection::vec(any::<[u8; 32]>(), 0..=PATH_MAX),
    ) {
        let bytes = BoundedBytes::try_from(bytes).unwrap();
        let path = BoundedVec::try_from(path).unwrap();
        let proof = ChunkProof { chunk_index, bytes, path };
        prop_assert!(!verify_chunk(&[1; 32], byte_count, &proof));
    }
}
