//! Only what is final: keeps blocks back until the chain says that they will stay.

use std::collections::VecDeque;

use futures::stream::{self, BoxStream, StreamExt};

use super::tip::Tip;
use super::{ChainError, ChainEvent, ConsensusBlock};

/// Blocks kept back at most. On a chain with blocks of 5 MiB this is 320 MiB; proof-of-stake
/// chains that finalize at all do so within some ten blocks.
pub const UNFINALIZED_BLOCKS_MAX: usize = 64;

/// Blocks that are announced but not final yet.
#[derive(Debug, Default)]
struct Unfinalized {
    /// What was announced; unknown until the first block names its parent.
    tip: Option<Tip>,
    blocks: VecDeque<ConsensusBlock>,
    blocks_max: usize,
}

impl Unfinalized {
    /// Takes an event and returns the blocks that became final with it, in order.
    fn accept(&mut self, event: ChainEvent) -> Result<Vec<ConsensusBlock>, ChainError> {
        match event {
            ChainEvent::Block(block) => self.keep_back(block).map(|()| Vec::new()),
            ChainEvent::Reverted { to_number, to_hash } => {
                if let Some(tip) = &mut self.tip {
                    tip.revert(to_number, to_hash)?;
                }
                self.blocks.retain(|block| block.number <= to_number);
                Ok(Vec::new())
            }
            ChainEvent::Finalized { number, hash } => {
                if let Some(tip) = &mut self.tip {
                    tip.finalize(number, hash)?;
                }
                let count = self.blocks.partition_point(|block| block.number <= number);
                Ok(self.blocks.drain(..count).collect())
            }
        }
    }

    fn keep_back(&mut self, block: ConsensusBlock) -> Result<(), ChainError> {
        let before = (block.number.saturating_sub(1), block.parent);
        let tip = self.tip.get_or_insert_with(|| Tip::new(before));
        tip.extend(block.number, block.hash, block.parent)?;
        self.blocks.push_back(block);
        if self.blocks.len() > self.blocks_max {
            let (block_count, blocks_max) = (self.blocks.len(), self.blocks_max);
            return Err(ChainError::FinalityLags { block_count, blocks_max });
        }
        Ok(())
    }
}

/// Turns what happens on a chain into its final blocks, each once and in order.
///
/// At most `blocks_max` blocks (see [`UNFINALIZED_BLOCKS_MAX`]) are kept back. An error of the
/// chain is passed on; a contradiction, a gap or too many blocks kept back end the stream, since
/// nothing after them can be trusted to be complete.
pub fn finalized_blocks(
    events: BoxStream<'static, Result<ChainEvent, ChainError>>,
    blocks_max: usize,
) -> BoxStream<'static, Result<ConsensusBlock, ChainError>> {
    let unfinalized = Unfinalized { blocks_max, ..Unfinalized::default() };
    let steps = stream::unfold(Some((events, unfinalized)), |state| async move {
        let (mut events, mut unfinalized) = state?;
        let event = match events.next().await? {
            Ok(event) => event,
            Err(error) => return Some((vec![Err(error)], Some((events, unfinalized)))),
        };
        match unfinalized.accept(event) {
            Ok(blocks) => {
                let blocks = blocks.into_iter().map(Ok).collect();
                Some((blocks, Some((events, unfinalized))))
            }
            Err(error) => Some((vec![Err(error)], None)),
        }
    });
    steps.flat_map(stream::iter).boxed()
}

#[cfg(test)]
mod tests;
