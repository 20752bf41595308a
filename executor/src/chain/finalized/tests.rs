//! Final blocks come once and in order; what cannot be trusted ends the stream.

use super::*;
use crate::chain::BlockHash;

fn hash(text: &str) -> BlockHash {
    BlockHash::from(blake3::hash(text.as_bytes()))
}

fn block(number: u32, name: &str, parent: &str) -> ChainEvent {
    let (hash, parent) = (hash(name), hash(parent));
    ChainEvent::Block(ConsensusBlock { number, hash, parent, beacon: [0; 32], bundles: vec![] })
}

fn finalized(number: u32, name: &str) -> ChainEvent {
    ChainEvent::Finalized { number, hash: hash(name) }
}

fn reverted(to_number: u32, name: &str) -> ChainEvent {
    ChainEvent::Reverted { to_number, to_hash: hash(name) }
}

/// Numbers and hashes of the final blocks, and the error that ended the stream.
fn run(events: Vec<ChainEvent>, blocks_max: usize) -> (Vec<(u32, BlockHash)>, Vec<ChainError>) {
    let events = stream::iter(events.into_iter().map(Ok)).boxed();
    let items: Vec<_> = futures::executor::block_on(finalized_blocks(events, blocks_max).collect());
    let mut blocks = Vec::new();
    let mut errors = Vec::new();
    for item in items {
        match item {
            Ok(block) => blocks.push((block.number, block.hash)),
            Err(error) => errors.push(error),
        }
    }
    (blocks, errors)
}

#[test]
fn blocks_come_when_they_are_final_and_not_before() {
    let events = vec![block(1, "1", "0"), block(2, "2", "1"), block(3, "3", "2")];
    assert_eq!(run(events.clone(), 9).0, []);
    let events = [events, vec![finalized(2, "2")]].concat();
    assert_eq!(run(events, 9).0, [(1, hash("1")), (2, hash("2"))]);
}

#[test]
fn abandoned_blocks_never_come() {
    let (blocks, errors) = run(
        vec![
            block(1, "1", "0"),
            block(2, "2", "1"),
            block(3, "3", "2"),
            finalized(1, "1"),
            reverted(1, "1"),
            block(2, "2b", "1"),
            finalized(2, "2b"),
        ],
        9,
    );
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(blocks, [(1, hash("1")), (2, hash("2b"))]);
}

#[test]
fn chain_that_never_finalizes_is_given_up_at_the_bound() {
    let events = vec![block(1, "1", "0"), block(2, "2", "1"), block(3, "3", "2")];
    let (blocks, errors) = run(events, 2);
    assert_eq!(blocks, []);
    assert!(matches!(errors[..], [ChainError::FinalityLags { block_count: 3, blocks_max: 2 }]));
}

#[test]
fn finality_of_a_block_never_announced_ends_the_stream() {
    let events = vec![block(1, "1", "0"), finalized(1, "1b"), finalized(1, "1")];
    let (blocks, errors) = run(events, 9);
    assert_eq!(blocks, []);
    assert!(matches!(errors[..], [ChainError::Contradiction { number: 1, .. }]));
}

#[test]
fn passing_error_of_the_chain_is_passed_on_and_survived() {
    let events = vec![Ok(block(1, "1", "0")), Err(ChainError::Interrupted), Ok(finalized(1, "1"))];
    let items: Vec<_> =
        futures::executor::block_on(finalized_blocks(stream::iter(events).boxed(), 9).collect());
    assert!(matches!(items[..], [Err(ChainError::Interrupted), Ok(_)]));
}
