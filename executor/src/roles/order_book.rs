//! Which orders are running: the index says which there are, the state which of them are settled.

use std::collections::BTreeSet;

use aipot_domain_runtime::primitives::{BlockNumber, OrderId};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::state::{Fault, ReadState, read_record};

use crate::intake::index::Index;
use crate::store::DatabaseError;

/// Orders read from the index at a time.
const PAGE_ORDERS: usize = 256;

/// Why it cannot be said which orders are running.
#[derive(Debug, thiserror::Error)]
pub(super) enum BookError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The running orders, as far as the index was read.
#[derive(Default, Debug)]
pub(super) struct OrderBook {
    running: BTreeSet<OrderId>,
    last: Option<(BlockNumber, OrderId)>,
}

impl OrderBook {
    /// The running orders.
    pub(super) fn running(&self) -> &BTreeSet<OrderId> {
        &self.running
    }

    /// Reads on in the index, and drops what is settled.
    pub(super) fn refresh(
        &mut self,
        index: &Index,
        state: &dyn ReadState,
    ) -> Result<(), BookError> {
        loop {
            let page = index.orders(self.last, PAGE_ORDERS)?;
            let Some(last) = page.last().copied() else { break };
            self.running.extend(page.into_iter().map(|(_, order)| order));
            self.last = Some(last);
            self.drop_settled(state)?;
        }
        self.drop_settled(state)
    }

    fn drop_settled(&mut self, state: &dyn ReadState) -> Result<(), BookError> {
        let mut settled = BTreeSet::new();
        for order in &self.running {
            let record = read_record::<OrderRecord>(state, order)?;
            if record.is_some_and(|record| record.outcome.is_some()) {
                settled.insert(*order);
            }
        }
        self.running.retain(|order| !settled.contains(order));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
