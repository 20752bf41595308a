//! The desk is bounded in every direction and gives back what it takes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::network::IdentitySeed;

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

fn id(number: u32) -> GossipId {
    GossipId::of(&number.to_le_bytes())
}

fn desk() -> GossipDesk {
    GossipDesk::new(&NetworkLimits {
        gossip_waiting_max: 8,
        gossip_waiting_bytes_max: 800,
        gossip_bytes_max: 150,
        ..NetworkLimits::default()
    })
}

#[test]
fn a_message_waits_until_it_is_settled_once() {
    let (mut desk, now) = (desk(), Instant::now());
    assert!(desk.admit(id(1), peer(1), 10, now));
    assert_eq!(desk.settle(id(1)), Some(peer(1)));
    assert_eq!(desk.settle(id(1)), None);
    assert_eq!((desk.total, desk.by_peer.len(), desk.deadlines.len()), (Load::default(), 0, 0));
}

#[test]
fn one_peer_cannot_fill_the_desk() {
    let (mut desk, now) = (desk(), Instant::now());
    assert!(desk.admit(id(1), peer(1), 10, now));
    assert!(desk.admit(id(2), peer(1), 10, now));
    assert!(!desk.admit(id(3), peer(1), 10, now));
    assert!(desk.admit(id(3), peer(2), 10, now));
}

#[test]
fn one_peer_cannot_take_all_bytes() {
    let (mut desk, now) = (desk(), Instant::now());
    assert!(desk.admit(id(1), peer(1), 150, now));
    assert!(!desk.admit(id(2), peer(1), 150, now));
    assert!(desk.admit(id(2), peer(2), 150, now));
}

#[test]
fn the_same_message_is_taken_once() {
    let (mut desk, now) = (desk(), Instant::now());
    assert!(desk.admit(id(1), peer(1), 10, now));
    assert!(!desk.admit(id(1), peer(2), 10, now));
}

#[test]
fn a_message_without_a_verdict_expires() {
    let (mut desk, now) = (desk(), Instant::now());
    let later = now + Duration::from_secs(1);
    assert!(desk.admit(id(1), peer(1), 10, now));
    assert!(desk.admit(id(2), peer(2), 10, later));
    let patience = NetworkLimits::default().verdict_timeout;
    let almost = patience.checked_sub(Duration::from_millis(1)).unwrap();
    assert_eq!(desk.expire(now + almost), []);
    assert_eq!(desk.expire(now + patience), [(id(1), peer(1))]);
    assert_eq!(desk.settle(id(2)), Some(peer(2)));
}

proptest! {
    #[test]
    fn the_desk_stays_within_its_bounds_and_empties(
        arrivals in vec((0_u32..40, 0_u8..6, 0_usize..151, any::<bool>()), 0..100),
    ) {
        let (mut desk, now) = (desk(), Instant::now());
        for (number, source, bytes, is_settled) in arrivals {
            let _admitted = desk.admit(id(number), peer(source), bytes, now);
            if is_settled {
                desk.settle(id(number / 2));
            }
            prop_assert!(desk.total.is_within(desk.limit));
            prop_assert!(desk.by_peer.values().all(|load| load.is_within(desk.peer_limit)));
            prop_assert_eq!(desk.waiting.len(), desk.total.messages);
            prop_assert_eq!(desk.deadlines.len(), desk.total.messages);
        }
        desk.expire(now + desk.patience);
        prop_assert_eq!((desk.total, desk.by_peer.len()), (Load::default(), 0));
    }
}
