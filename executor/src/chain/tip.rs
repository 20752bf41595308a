//! The blocks that someone was told of, from the last final one to the best: a chain of hashes on
//! which blocks are put, reverted and finalized, and which notices contradictions.

use std::collections::VecDeque;

use super::{BlockHash, ChainError};

/// The last final block told of and the unfinalized ones above it.
#[derive(Clone, Debug)]
pub(super) struct Tip {
    finalized: (u32, BlockHash),
    unfinalized: VecDeque<BlockHash>,
}

impl Tip {
    pub(super) fn new(finalized: (u32, BlockHash)) -> Self {
        Self { finalized, unfinalized: VecDeque::new() }
    }

    /// The last final block told of.
    pub(super) fn finalized(&self) -> (u32, BlockHash) {
        self.finalized
    }

    /// The last block told of.
    pub(super) fn best(&self) -> (u32, BlockHash) {
        let number = self.finalized.0.saturating_add(self.unfinalized_count());
        (number, self.unfinalized.back().copied().unwrap_or(self.finalized.1))
    }

    /// How many blocks above the last final one were told of.
    pub(super) fn unfinalized_count(&self) -> u32 {
        u32::try_from(self.unfinalized.len()).unwrap_or(u32::MAX)
    }

    /// The hash told for block `number`, if it is among the last final one and those above.
    pub(super) fn hash(&self, number: u32) -> Option<BlockHash> {
        match number.checked_sub(self.finalized.0)? {
            0 => Some(self.finalized.1),
            above => self.unfinalized.get(usize::try_from(above).ok()? - 1).copied(),
        }
    }

    /// Puts a block on top.
    pub(super) fn extend(
        &mut self,
        number: u32,
        hash: BlockHash,
        parent: BlockHash,
    ) -> Result<(), ChainError> {
        let (best_number, best_hash) = self.best();
        let due = best_number.saturating_add(1);
        if number != due {
            return Err(ChainError::Gap { expected: due, found: number });
        }
        if parent != best_hash {
            let number = best_number;
            return Err(ChainError::Contradiction { number, expected: best_hash, found: parent });
        }
        self.unfinalized.push_back(hash);
        Ok(())
    }

    /// Takes back all blocks above `to_number`, which must be a block told of.
    pub(super) fn revert(&mut self, to_number: u32, to_hash: BlockHash) -> Result<(), ChainError> {
        self.check(to_number, to_hash)?;
        let kept = to_number.saturating_sub(self.finalized.0);
        self.unfinalized.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        Ok(())
    }

    /// Makes blocks up to `number`, which must be a block told of, final.
    pub(super) fn finalize(&mut self, number: u32, hash: BlockHash) -> Result<(), ChainError> {
        self.check(number, hash)?;
        let count = number.saturating_sub(self.finalized.0);
        drop(self.unfinalized.drain(..usize::try_from(count).unwrap_or(usize::MAX)));
        self.finalized = (number, hash);
        Ok(())
    }

    /// That block `number` was told of with this hash.
    fn check(&self, number: u32, found: BlockHash) -> Result<(), ChainError> {
        let due = self.best().0.saturating_add(1);
        match self.hash(number) {
            Some(expected) if expected == found => Ok(()),
            Some(expected) => Err(ChainError::Contradiction { number, expected, found }),
            None if number < self.finalized.0 => {
                let (number, expected) = self.finalized;
                Err(ChainError::Contradiction { number, expected, found })
            }
            None => Err(ChainError::Gap { expected: due, found: number }),
        }
    }
}

#[cfg(test)]
mod tests;
