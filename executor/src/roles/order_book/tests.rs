//! Orders are found in the index and dropped once the state says that they are settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::outcome::Outcome;
use aipot_domain_runtime::primitives::{AccountId, Amount, Beacon};
use aipot_domain_runtime::state::State;

use super::super::tests::small_specification;
use super::*;
use crate::intake::BlockRecord;
use crate::store::NodeDatabase;

fn submitted(orders: &[OrderId]) -> BlockRecord {
    let event = |order: &OrderId| Event::OrderSubmitted {
        order: *order,
        client: AccountId([1; 32]),
        reward: Amount(1),
    };
    let events = orders.iter().map(event).collect();
    BlockRecord { beacon: Beacon::default(), events, calls: Vec::new() }
}

fn state(settled: &[OrderId]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    let outcome = Outcome {
        standings: Vec::new().try_into().unwrap(),
        test_source: None,
        payouts: Vec::new().try_into().unwrap(),
    };
    for order in settled {
        let specification = small_specification();
        let (client, outcome) = (AccountId([1; 32]), Some(outcome.clone()));
        state.put(order, &OrderRecord { specification, client, outcome });
    }
    state.keep();
    let changes = state.finish().0;
    changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

#[test]
fn orders_are_found_as_blocks_come_and_dropped_when_they_are_settled() {
    let index = Index::on(Arc::new(NodeDatabase::in_memory().unwrap())).unwrap();
    let [first, second, third] = [1, 2, 3].map(|byte| OrderId([byte; 32]));
    let mut book = OrderBook::default();
    book.refresh(&index, &state(&[])).unwrap();
    assert!(book.running().is_empty());

    index.add(1, &submitted(&[second])).unwrap();
    book.refresh(&index, &state(&[])).unwrap();
    assert_eq!(*book.running(), BTreeSet::from([second]));

    index.add(2, &submitted(&[first, third])).unwrap();
    book.refresh(&index, &state(&[second, third])).unwrap();
    assert_eq!(*book.running(), BTreeSet::from([first]));
    book.refresh(&index, &state(&[second, third])).unwrap();
    assert_eq!(*book.running(), BTreeSet::from([first]));
}

#[test]
fn more_orders_than_a_page_are_all_found() {
    let index = Index::on(Arc::new(NodeDatabase::in_memory().unwrap())).unwrap();
    let orders: Vec<OrderId> = (0..600_u32)
        .map(|number| OrderId(*blake3::hash(&number.to_le_bytes()).as_bytes()))
        .collect();
    index.add(1, &submitted(&orders)).unwrap();
    let mut book = OrderBook::default();
    book.refresh(&index, &state(&[])).unwrap();
    assert_eq!(book.running().len(), orders.len());
}
