//! Which claimed addresses are kept.

use super::*;
use crate::network::IdentitySeed;

fn address(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

#[test]
fn a_peer_elsewhere_cannot_make_this_node_dial_itself() {
    let claimed = [address("/ip4/127.0.0.1/tcp/22"), address("/ip4/10.0.0.2/tcp/7")];
    let kept = worth_dialing(claimed, peer(1), &address("/ip4/10.0.0.2/tcp/9"));
    assert_eq!(kept, [address("/ip4/10.0.0.2/tcp/7")]);
}

#[test]
fn a_peer_on_this_machine_may_be_dialed_here() {
    let claimed = [address("/ip4/127.0.0.1/tcp/7"), address("/ip6/::1/udp/7/quic-v1")];
    let kept = worth_dialing(claimed.clone(), peer(1), &address("/ip4/127.0.0.1/tcp/9"));
    assert_eq!(kept, claimed);
}

#[test]
fn unspecified_addresses_and_addresses_of_others_are_dropped() {
    let of_other = format!("/ip4/127.0.0.1/tcp/7/p2p/{}", peer(2));
    let claimed = [address("/ip4/0.0.0.0/tcp/7"), address(&of_other), Multiaddr::empty()];
    assert_eq!(worth_dialing(claimed, peer(1), &address("/ip4/127.0.0.1/tcp/9")), []);
}

#[test]
fn only_some_addresses_of_a_peer_are_kept() {
    let claimed = (1..100).map(|port| address(&format!("/ip4/127.0.0.1/tcp/{port}")));
    let kept = worth_dialing(claimed, peer(1), &address("/ip4/127.0.0.1/tcp/9"));
    assert_eq!(kept.len(), ADDRESSES_PER_PEER_MAX);
}

#[test]
fn the_peer_in_an_address_is_found() {
    let named = format!("/ip4/127.0.0.1/tcp/7/p2p/{}", peer(2));
    assert_eq!(peer_in(&address(&named)), Some(peer(2)));
    assert_eq!(peer_in(&address("/ip4/127.0.0.1/tcp/7")), None);
}
