//! What to tell someone who was told part of the chain: one event at a time, pulled by the reader,
//! so that nothing is buffered however slow the reader is.

use super::tip::Tip;
use super::{BlockHash, ChainEvent, ConsensusBlock};

/// A consistent view of a chain, read while it does not change.
pub(super) trait ChainView {
    /// What reading can fail with.
    type Error;

    /// Number of the last block.
    fn best_number(&self) -> Result<u32, Self::Error>;

    /// Number of the last final block.
    fn finalized_number(&self) -> Result<u32, Self::Error>;

    /// Hash of a block of the best chain, block 0 included.
    fn hash(&self, number: u32) -> Result<Option<BlockHash>, Self::Error>;

    /// A block of the best chain.
    fn block(&self, number: u32) -> Result<Option<ConsensusBlock>, Self::Error>;
}

/// The next event that brings someone who knows `told` closer to `view`, `None` when nothing is
/// left to tell. `told` is updated as if the event had been told.
pub(super) fn next_event<V: ChainView>(
    view: &V,
    told: &mut Tip,
) -> Result<Option<ChainEvent>, V::Error> {
    let (told_number, told_hash) = told.best();
    if view.hash(told_number)? != Some(told_hash) {
        return revert_to_shared(view, told).map(Some);
    }
    let finalized = view.finalized_number()?.min(told_number);
    if finalized > told.finalized().0
        && let Some(hash) = told.hash(finalized)
        && told.finalize(finalized, hash).is_ok()
    {
        return Ok(Some(ChainEvent::Finalized { number: finalized, hash }));
    }
    if told_number >= view.best_number()? {
        return Ok(None);
    }
    let next = view.block(told_number.saturating_add(1))?;
    Ok(next
        .filter(|block| told.extend(block.number, block.hash, block.parent).is_ok())
        .map(ChainEvent::Block))
}

/// Reverts to the highest block told of that is still on the best chain.
fn revert_to_shared<V: ChainView>(view: &V, told: &mut Tip) -> Result<ChainEvent, V::Error> {
    let (mut to_number, mut to_hash) = told.finalized();
    for number in (to_number..told.best().0).rev() {
        let told_hash = told.hash(number);
        if told_hash.is_some() && view.hash(number)? == told_hash {
            to_number = number;
            to_hash = told_hash.unwrap_or(to_hash);
            break;
        }
    }
    // Only a block told of is reverted to, so this cannot be refused.
    drop(told.revert(to_number, to_hash));
    Ok(ChainEvent::Reverted { to_number, to_hash })
}
