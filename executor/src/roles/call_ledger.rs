//! Which try of a call is due, so that a refusal is tried again but not for ever.

use std::collections::BTreeMap;

use aipot_domain_runtime::primitives::{BlockNumber, OrderId};

use crate::node::CallOutcome;

/// Refusals of one call in a row after which it is given up; each costs its fee.
const REFUSALS_MAX: u32 = 3;

/// Blocks between the end of a try and the next one, for what stood in its way to pass.
const RETRY_BLOCKS: u32 = 2;

/// The calls of this process; those of an earlier process end again at once with the same outcome.
#[derive(Default, Debug)]
pub(super) struct CallLedger {
    calls: BTreeMap<(OrderId, String), Tries>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Tries {
    ended: u32,
    refused_in_a_row: u32,
    last_end: BlockNumber,
}

impl CallLedger {
    /// The number of the try that is due at `head`, from 1; `None` when none is.
    ///
    /// A call that the plan still wants after it was accepted is wanted for something that happened
    /// since, so it is made again.
    pub(super) fn due(&self, order: &OrderId, name: &str, head: BlockNumber) -> Option<u32> {
        let Some(tries) = self.calls.get(&(*order, name.to_owned())) else { return Some(1) };
        let is_given_up = tries.refused_in_a_row >= REFUSALS_MAX;
        let is_early = head < tries.last_end.after(RETRY_BLOCKS);
        (!is_given_up && !is_early).then(|| tries.ended.saturating_add(1))
    }

    /// Notes the outcome of a try that ended while `head` was the last block.
    pub(super) fn ended(
        &mut self,
        order: &OrderId,
        name: &str,
        outcome: &CallOutcome,
        head: BlockNumber,
    ) {
        let tries = self.calls.entry((*order, name.to_owned())).or_default();
        let (refused_in_a_row, block) = match outcome {
            CallOutcome::Accepted { block } => (0, *block),
            CallOutcome::Refused { block, .. } => (tries.refused_in_a_row + 1, *block),
            // It was never sent and cost nothing, so the same try is made when things may have changed.
            CallOutcome::Dropped { .. } => {
                tries.last_end = head;
                return;
            }
        };
        *tries = Tries { ended: tries.ended.saturating_add(1), refused_in_a_row, last_end: block };
    }

    /// Forgets a settled order.
    pub(super) fn forget(&mut self, order: &OrderId) {
        self.calls.retain(|(of, _), _| of != order);
    }
}

#[cfg(test)]
mod tests;
