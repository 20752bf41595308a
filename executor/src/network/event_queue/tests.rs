//! The queue never waits, keeps order, and loses only what nobody reads for very long.

use super::*;
use crate::network::IdentitySeed;
use crate::network::event::GossipId;

fn peer_event(seed: usize) -> NetworkEvent {
    let seed = u8::try_from(seed % 251).unwrap();
    NetworkEvent::PeerConnected { peer: IdentitySeed::new([seed; 32]).peer_id().unwrap() }
}

fn gossip_event(seed: u8) -> NetworkEvent {
    let source = IdentitySeed::new([seed; 32]).peer_id().unwrap();
    NetworkEvent::Gossip { payload: vec![seed], source, id: GossipId::of(&[seed]) }
}

#[test]
fn events_come_out_in_the_order_they_went_in() {
    let (mut queue, mut inbox) = EventQueue::new(2);
    queue.push(peer_event(1));
    assert!(queue.offer(gossip_event(2)));
    queue.push(peer_event(3));
    assert!(matches!(inbox.try_recv(), Ok(NetworkEvent::PeerConnected { .. })));
    assert!(matches!(inbox.try_recv(), Ok(NetworkEvent::Gossip { .. })));
    assert!(matches!(inbox.try_recv(), Ok(NetworkEvent::PeerConnected { .. })));
}

#[test]
fn gossip_is_refused_when_there_is_no_room() {
    let (mut queue, mut inbox) = EventQueue::new(1);
    let room = inbox.max_capacity();
    (0..room).for_each(|seed| queue.push(peer_event(seed)));
    assert!(!queue.offer(gossip_event(1)));
    inbox.try_recv().unwrap();
    assert!(queue.offer(gossip_event(1)));
}

#[test]
fn other_events_overflow_and_follow_later() {
    let (mut queue, mut inbox) = EventQueue::new(1);
    let room = inbox.max_capacity();
    (0..room + 3).for_each(|seed| queue.push(peer_event(seed)));
    let mut arrived = 0;
    while inbox.try_recv().is_ok() {
        arrived += 1;
    }
    queue.flush();
    while inbox.try_recv().is_ok() {
        arrived += 1;
    }
    assert_eq!((arrived, queue.lost_count), (room + 3, 0));
}

#[test]
fn unread_events_are_lost_in_the_end_and_counted() {
    let (mut queue, inbox) = EventQueue::new(1);
    let room = inbox.max_capacity() + OTHER_EVENTS_MAX;
    (0..room + 2).for_each(|seed| queue.push(peer_event(seed)));
    assert_eq!((queue.lost_count, queue.overflow.len()), (2, OTHER_EVENTS_MAX));
}

#[test]
fn a_closed_queue_keeps_nothing() {
    let (mut queue, inbox) = EventQueue::new(1);
    drop(inbox);
    queue.push(peer_event(1));
    assert!(!queue.offer(gossip_event(1)));
    assert!(queue.overflow.is_empty());
}
