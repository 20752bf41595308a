//! Tests of roots, paths and chunk spans.

use std::vec::Vec;

use super::*;

fn leaves(count: u8) -> Vec<[u8; 32]> {
    (1..=count).map(|byte| [byte; 32]).collect()
}

#[test]
fn every_path_leads_to_the_root() {
    for count in 1..40_u8 {
        let leaves = leaves(count);
        let root = list_root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = list_path(&leaves, index).unwrap();
            assert_eq!(path.len(), depth(leaves.len()));
            assert_eq!(root_of_path(*leaf, index, &path), root);
            assert_ne!(root_of_path([0xee; 32], index, &path), root);
        }
        assert!(list_path(&leaves, leaves.len()).is_none());
    }
}

#[test]
fn unset_leaves_have_the_root_of_their_list() {
    for count in 0..70 {
        assert_eq!(unset_root(count), list_root(&alloc::vec![UNSET; count]));
    }
}

#[test]
fn children_of_a_span_merge_to_the_hash_of_its_bytes() {
    for words in [1_usize, 255, 256, 257, 1_000, 256 * 128, 256 * 129 + 3, 256 * 300] {
        let bytes: Vec<u8> = (0..words * 4).map(|index| (index % 251) as u8).collect();
        let whole = ChunkSpan::whole(u32::try_from(words).unwrap());
        let root = *blake3::hash(&bytes).as_bytes();
        assert_eq!(descend(whole, whole, &bytes), root);
    }
}

/// Merges a node from its children, each of them from its own, down to chunks.
fn descend(span: ChunkSpan, whole: ChunkSpan, bytes: &[u8]) -> [u8; 32] {
    let children = span.children();
    assert!(children.len() <= CHILDREN_MAX);
    let part = |span: ChunkSpan| {
        let first = span.first as usize * CHUNK_BYTES;
        let end = (first + span.count as usize * CHUNK_BYTES).min(bytes.len());
        &bytes[first..end]
    };
    if children == [span] {
        return span.value(part(span), whole);
    }
    let values: Vec<[u8; 32]> = children
        .into_iter()
        .map(|child| {
            let merged = descend(child, whole, bytes);
            assert_eq!(merged, child.value(part(child), whole));
            merged
        })
        .collect();
    assert!(span.merge(&values[1..], span == whole).is_none());
    span.merge(&values, span == whole).unwrap()
}

#[test]
fn two_descents_reach_a_chunk_of_the_largest_slot() {
    let whole = ChunkSpan::whole(crate::program::ELEMENTS_MAX);
    let deepest =
        whole.children().into_iter().flat_map(ChunkSpan::children).map(|span| span.count).max();
    assert_eq!(deepest, Some(1));
}
