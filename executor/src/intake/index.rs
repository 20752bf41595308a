//! What can be looked up without the state: the events of an order, the orders of a network, and what
//! became of a call.
//!
//! Everything here is derived from the records of blocks and made again from them after a crash.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, OrderId};
use parity_scale_codec::{Decode, DecodeAll, Encode};
use redb::{TableDefinition, WriteTransaction};

use super::BlockRecord;
use crate::pool::CallHash;
use crate::store::{DatabaseError, NodeDatabase};

/// Encoded events by order, block and place in the block.
const ORDER_EVENTS: TableDefinition<'_, ([u8; 32], u32, u32), &[u8]> =
    TableDefinition::new("index order events");

/// Orders by the block that included them.
const ORDERS: TableDefinition<'_, (u32, [u8; 32]), ()> = TableDefinition::new("index orders");

/// Encoded [`CallFate`]s by signer and nonce.
const CALLS: TableDefinition<'_, ([u8; 32], u64), &[u8]> = TableDefinition::new("index calls");

/// The first block that is not indexed, under the only key there is.
const NEXT_BLOCK: TableDefinition<'_, (), u32> = TableDefinition::new("index next block");

/// Events of an order that are given at once. An order whose every provider replaces its claim in every
/// block of a long training has fewer.
pub const EVENTS_MAX: usize = 1 << 20;

/// An event with its block and its place among the events of that block.
pub type PlacedEvent = ((BlockNumber, u32), Event);

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CallFate {
    /// The block that applied it.
    pub block: u32,
    /// Its bytes.
    pub hash: CallHash,
    /// Why it had no effect, `None` when it had.
    pub refusal: Option<String>,
}

/// The index of a node's database.
pub struct Index {
    database: Arc<NodeDatabase>,
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Index {
    /// The index in a database that is shared with others.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn on(database: Arc<NodeDatabase>) -> Result<Self, DatabaseError> {
        database.write(|transaction| {
            transaction.open_table(ORDER_EVENTS)?;
            transaction.open_table(ORDERS)?;
            transaction.open_table(CALLS)?;
            transaction.open_table(NEXT_BLOCK)?;
            Ok(())
        })?;
        Ok(Self { database })
    }

    /// The first block that may not be indexed yet.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn next_block(&self) -> Result<u32, DatabaseError> {
        self.database.read(|transaction| {
            Ok(transaction.open_table(NEXT_BLOCK)?.get(())?.map_or(0, |next| next.value()))
        })
    }

    /// Adds a block; adding it again changes nothing.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn add(&self, number: u32, record: &BlockRecord) -> Result<(), DatabaseError> {
        if record.events.is_empty() && record.calls.is_empty() {
            // Looked at again after a crash, which is cheaper than a write for each quiet block.
            return Ok(());
        }
        self.database.write(|transaction| {
            add_events(transaction, number, &record.events)?;
            add_calls(transaction, number, record)?;
            transaction.open_table(NEXT_BLOCK)?.insert((), number.saturating_add(1))?;
            Ok(())
        })
    }

    /// What happened to an order, in order: at most `count_max` events after the place `after`.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn events(
        &self,
        order: &OrderId,
        after: Option<(u32, u32)>,
        count_max: usize,
    ) -> Result<Vec<PlacedEvent>, DatabaseError> {
        let start = match after {
            Some((block, place)) => Bound::Excluded((order.0, block, place)),
            None => Bound::Included((order.0, 0, 0)),
        };
        let end = Bound::Included((order.0, u32::MAX, u32::MAX));
        self.database.read(|transaction| {
            let table = transaction.open_table(ORDER_EVENTS)?;
            let mut events = Vec::new();
            for entry in table.range((start, end))?.take(count_max) {
                let (key, bytes) = entry?;
                let (_, block, place) = key.value();
                events.push(((BlockNumber(block), place), decode(bytes.value())?));
            }
            Ok(events)
        })
    }

    /// Orders in the sequence of their inclusion: at most `count_max` of those after `after`.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn orders(
        &self,
        after: Option<(BlockNumber, OrderId)>,
        count_max: usize,
    ) -> Result<Vec<(BlockNumber, OrderId)>, DatabaseError> {
        let start = match after {
            Some((block, order)) => Bound::Excluded((block.0, order.0)),
            None => Bound::Unbounded,
        };
        self.database.read(|transaction| {
            let table = transaction.open_table(ORDERS)?;
            let mut orders = Vec::new();
            for entry in table.range((start, Bound::Unbounded))?.take(count_max) {
                let (block, order) = entry?.0.value();
                orders.push((BlockNumber(block), OrderId(order)));
            }
            Ok(orders)
        })
    }

    /// What became of the call of `signer` with this nonce, `None` when none was applied.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn call(&self, signer: &AccountId, nonce: u64) -> Result<Option<CallFate>, DatabaseError> {
        self.database.read(|transaction| {
            let found = transaction.open_table(CALLS)?.get((signer.0, nonce))?;
            found.map(|bytes| decode(bytes.value())).transpose()
        })
    }
}

fn add_events(
    transaction: &WriteTransaction,
    number: u32,
    events: &[Event],
) -> Result<(), redb::Error> {
    let mut by_order = transaction.open_table(ORDER_EVENTS)?;
    let mut orders = transaction.open_table(ORDERS)?;
    for (place, event) in (0_u32..).zip(events) {
        let Some(order) = event.order() else { continue };
        by_order.insert((order.0, number, place), event.encode().as_slice())?;
        if matches!(event, Event::OrderSubmitted { .. }) {
            orders.insert((number, order.0), ())?;
        }
    }
    Ok(())
}

fn add_calls(
    transaction: &WriteTransaction,
    number: u32,
    record: &BlockRecord,
) -> Result<(), redb::Error> {
    let mut calls = transaction.open_table(CALLS)?;
    for call in &record.calls {
        let refusal = (!call.is_accepted).then(|| refusal_of(record, call.signer, call.nonce));
        let fate = CallFate { block: number, hash: call.hash, refusal };
        calls.insert((call.signer.0, call.nonce), fate.encode().as_slice())?;
    }
    Ok(())
}

fn refusal_of(record: &BlockRecord, of: AccountId, call: u64) -> String {
    let reason = record.events.iter().find_map(|event| match event {
        Event::CallRefused { signer, nonce, reason } if *signer == of && *nonce == call => {
            Some(String::from_utf8_lossy(reason).into_owned())
        }
        _ => None,
    });
    reason.unwrap_or_default()
}

fn decode<T: Decode>(mut bytes: &[u8]) -> Result<T, redb::Error> {
    T::decode_all(&mut bytes).map_err(|error| redb::Error::Corrupted(format!("index: {error}")))
}
