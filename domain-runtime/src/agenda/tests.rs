//! What falls due is worked off once, and a full block passes its rest on.

use alloc::collections::BTreeMap;

use super::*;

fn item(challenge: u32) -> Item {
    Item::MoveDeadline { order: OrderId([1; 32]), challenge }
}

fn due(state: &mut State<'_>, block: u32) -> alloc::vec::Vec<Item> {
    take(state, BlockNumber(block)).unwrap().0.to_vec()
}

#[test]
fn items_are_taken_once_in_their_order() {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    for challenge in 0..3 {
        schedule(&mut state, BlockNumber(7), item(challenge)).unwrap();
    }
    assert_eq!(due(&mut state, 6), []);
    assert_eq!(due(&mut state, 7), [item(0), item(1), item(2)]);
    assert_eq!(due(&mut state, 7), []);
}

#[test]
fn a_full_block_passes_the_rest_on() {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    let count = u32::try_from(ITEMS_PER_BLOCK_MAX).unwrap();
    for challenge in 0..=2 * count {
        schedule(&mut state, BlockNumber(7), item(challenge)).unwrap();
    }
    assert_eq!(due(&mut state, 7).len(), ITEMS_PER_BLOCK_MAX);
    assert_eq!(due(&mut state, 8).len(), ITEMS_PER_BLOCK_MAX);
    assert_eq!(due(&mut state, 9), [item(2 * count)]);
}

#[test]
fn an_emptied_agenda_leaves_no_record() {
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    schedule(&mut state, BlockNumber(7), item(0)).unwrap();
    assert_eq!(due(&mut state, 7), [item(0)]);
    assert_eq!(state.get::<Agenda>(&BlockNumber(7)), Ok(None));
}
