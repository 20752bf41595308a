//! The bounds of a game: its moves and what their calls weigh.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::bounded::BoundedBytes;
use crate::call::{Call, SignedCall};
use crate::chunk::CHUNK_BYTES;
use crate::dispute::{LEAF_BYTES_MAX, Move, POSTS_MAX};
use crate::primitives::Signature;
use crate::trace::{CHILDREN_MAX, SLOT_PATH_MAX};

/// Bytes of the signed call that makes this move.
fn call_bytes(action: Move) -> usize {
    let order = OrderId([1; 32]);
    let call = Call::Move { order, challenge: u32::MAX, move_index: u32::MAX, action };
    let signature = Signature([3; 64]);
    SignedCall { signer: AccountId([2; 32]), nonce: u64::MAX, call, signature }.encoded_size()
}

fn full<const MAX: usize>() -> BoundedVec<[u8; 32], MAX> {
    BoundedVec::try_from(vec![[4; 32]; MAX]).unwrap()
}

#[test]
fn the_longest_game_of_a_responder_weighs_what_the_bond_pays() {
    let roots = full::<POSTS_MAX>();
    let bisections = (0..7).map(|_| Move::Bisect { roots: roots.clone() });
    let children = (0..2).map(|_| Move::Children { values: full::<CHILDREN_MAX>() });
    let chunk = BoundedBytes::try_from(vec![5; CHUNK_BYTES]).unwrap();
    let moves: Vec<Move> = bisections
        .chain(children)
        .chain([
            Move::EnterStep { scratch_root: [6; 32], roots: roots.clone() },
            Move::Output { old: [7; 32], new: [8; 32], path: full::<SLOT_PATH_MAX>() },
            Move::Chunk { bytes: chunk },
        ])
        .collect();
    assert_eq!(u32::try_from(moves.len()).unwrap(), SIDE_CALLS_MAX);
    let bytes: usize = moves.into_iter().map(call_bytes).sum();
    assert!(bytes <= SIDE_BYTES_MAX, "{bytes}");
}

#[test]
fn the_longest_game_of_a_challenger_weighs_less() {
    let picks = usize::try_from(ROUNDS_MAX).unwrap() * call_bytes(Move::Pick { part: 127 });
    // The challenge is about as large as a pick with a subject.
    let challenge = call_bytes(Move::Pick { part: 0 }) + Subject::max_encoded_len();
    let leaf = call_bytes(Move::Pick { part: 0 }) + LEAF_BYTES_MAX;
    assert_eq!(ROUNDS_MAX + 2, SIDE_CALLS_MAX);
    assert!(picks + challenge + leaf <= SIDE_BYTES_MAX);
}
