//! Which orders are running: every one has its next phase on the agenda of some later block.

use std::collections::BTreeSet;

use aipot_domain_runtime::agenda::{Agenda, Item};
use aipot_domain_runtime::genesis::Parameters;
use aipot_domain_runtime::primitives::{BlockNumber, OrderId};
use aipot_domain_runtime::state::{Fault, ReadState, State};

/// Windows that lie between two items of an order: training and revelation.
const WINDOWS_BETWEEN_ITEMS: u32 = 2;

/// Blocks by which a crowded agenda may move an item.
const CROWD_BLOCKS: u32 = 64;

/// All orders that have something on the agenda after `head`.
pub(super) fn running_orders(
    store: &dyn ReadState,
    head: BlockNumber,
) -> Result<BTreeSet<OrderId>, Fault> {
    let state = State::new(store);
    let window_max = state.require::<Parameters>(&())?.order_limits.window_max_blocks;
    let horizon = window_max.saturating_mul(WINDOWS_BETWEEN_ITEMS).saturating_add(CROWD_BLOCKS);
    let mut orders = BTreeSet::new();
    for blocks in 1..=horizon {
        let agenda = state.get::<Agenda>(&head.after(blocks))?.unwrap_or_default();
        orders.extend(agenda.0.iter().map(|item| match item {
            Item::Phase { order, .. } | Item::DrawJudges { order, .. } => *order,
        }));
    }
    Ok(orders)
}
