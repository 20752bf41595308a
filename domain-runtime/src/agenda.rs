//! What falls due at which block, so that no step waits for somebody's call.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::primitives::{BlockNumber, OrderId};
use crate::state::{Fault, Record, State};
use crate::window::Phase;

/// Most items that one block works off; more are moved to the next block.
pub const ITEMS_PER_BLOCK_MAX: usize = 256;
/// Blocks searched for a free place; 16 million items under way fit.
const SEARCH_BLOCKS_MAX: u32 = 65_536;

/// Something that falls due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Item {
    /// A phase of an order begins.
    #[codec(index = 0)]
    Phase {
        /// Which order.
        order: OrderId,
        /// Which phase.
        phase: Phase,
    },
    /// The next move of a game must have been made.
    #[codec(index = 1)]
    MoveDeadline {
        /// Which order.
        order: OrderId,
        /// Which of its challenges.
        challenge: u32,
    },
}

/// Everything that falls due at one block.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct Agenda(pub BoundedVec<Item, ITEMS_PER_BLOCK_MAX>);

impl Record for Agenda {
    const TABLE: u8 = 11;
    type Key = BlockNumber;
}

/// Puts `item` on the agenda of `block`, or of the first later block with room.
///
/// # Errors
/// [`Fault`] when the state cannot be read, or no block has room.
pub fn schedule(state: &mut State<'_>, block: BlockNumber, item: Item) -> Result<(), Fault> {
    for delay in 0..SEARCH_BLOCKS_MAX {
        let block = block.after(delay);
        let mut agenda = state.get::<Agenda>(&block)?.unwrap_or_default();
        if agenda.0.push(item).is_ok() {
            state.put(&block, &agenda);
            return Ok(());
        }
    }
    Err(Fault::Overflow { quantity: "agenda items" })
}

/// Takes everything that falls due at `block`.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn take(state: &mut State<'_>, block: BlockNumber) -> Result<Agenda, Fault> {
    let agenda = state.get::<Agenda>(&block)?.unwrap_or_default();
    if !agenda.0.is_empty() {
        state.remove::<Agenda>(&block);
    }
    Ok(agenda)
}

#[cfg(test)]
mod tests;
