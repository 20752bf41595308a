//! Contradictions and gaps are noticed, everything else is followed.

use super::*;

fn hash(text: &str) -> BlockHash {
    BlockHash::from(blake3::hash(text.as_bytes()))
}

/// Block 10 final, 11 and 12 above it.
fn tip() -> Tip {
    let mut tip = Tip::new((10, hash("10")));
    tip.extend(11, hash("11"), hash("10")).unwrap();
    tip.extend(12, hash("12"), hash("11")).unwrap();
    tip
}

#[test]
fn best_and_hashes_follow_the_blocks_told() {
    let tip = tip();
    assert_eq!(tip.best(), (12, hash("12")));
    assert_eq!(tip.unfinalized_count(), 2);
    let hashes: Vec<_> = (9..14).map(|number| tip.hash(number)).collect();
    assert_eq!(hashes, [None, Some(hash("10")), Some(hash("11")), Some(hash("12")), None]);
}

#[test]
fn block_that_skips_a_number_is_a_gap() {
    let gap = tip().extend(14, hash("14"), hash("13"));
    assert!(matches!(gap, Err(ChainError::Gap { expected: 13, found: 14 })));
}

#[test]
fn block_on_another_parent_is_a_contradiction() {
    let contradiction = tip().extend(13, hash("13"), hash("11"));
    assert!(matches!(contradiction, Err(ChainError::Contradiction { number: 12, .. })));
}

#[test]
fn revert_takes_back_blocks_down_to_the_final_one_only() {
    let mut tip = tip();
    tip.revert(10, hash("10")).unwrap();
    assert_eq!(tip.best(), (10, hash("10")));
    let below = tip.revert(9, hash("9"));
    assert!(matches!(below, Err(ChainError::Contradiction { number: 10, .. })));
    let above = tip.revert(11, hash("11"));
    assert!(matches!(above, Err(ChainError::Gap { expected: 11, found: 11 })));
}

#[test]
fn only_the_block_told_of_becomes_final() {
    let mut tip = tip();
    assert!(tip.finalize(11, hash("another 11")).is_err());
    tip.finalize(11, hash("11")).unwrap();
    assert_eq!(tip.finalized(), (11, hash("11")));
    assert_eq!(tip.best(), (12, hash("12")));
    tip.finalize(11, hash("11")).unwrap();
    assert!(tip.finalize(13, hash("13")).is_err());
}
