//! Finding, losing and finding again.

use std::net::TcpListener;
use std::time::Duration;

use super::node::{Node, configuration};
use crate::network::{
    IdentitySeed, Multiaddr, Network, NetworkConfiguration, NetworkError, NetworkEvent,
    NetworkLimits, PeerId, PublishOutcome, UnreachableReason,
};

#[expect(clippy::needless_pass_by_value, reason = "a test that waits gives its events away")]
fn connected(event: NetworkEvent) -> Option<PeerId> {
    match event {
        NetworkEvent::PeerConnected { peer } => Some(peer),
        _ => None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a test that waits gives its events away")]
fn disconnected(event: NetworkEvent) -> Option<PeerId> {
    match event {
        NetworkEvent::PeerDisconnected { peer } => Some(peer),
        _ => None,
    }
}

fn unreachable(event: NetworkEvent) -> Option<(Multiaddr, UnreachableReason, Option<Duration>)> {
    match event {
        NetworkEvent::Unreachable { address, reason, retry_in } => {
            Some((address, reason, retry_in))
        }
        _ => None,
    }
}

/// A port of loopback at which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn two_nodes_meet_over_tcp() {
    let mut first = Node::start(1, &[]).await;
    let mut second = Node::start(2, &first.addresses()).await;
    assert_eq!(first.wait(connected).await, second.peer());
    assert_eq!(second.wait(connected).await, first.peer());
    assert_eq!(second.network.peers(), [first.peer()]);
}

#[tokio::test]
async fn two_nodes_meet_over_quic() {
    let first = Node::start_with(quic(1, &[])).await;
    let mut second = Node::start_with(quic(2, &first.addresses())).await;
    assert_eq!(second.wait(connected).await, first.peer());
}

#[tokio::test]
async fn an_address_without_a_name_will_do() {
    let first = Node::start(1, &[]).await;
    let mut second = Node::start(2, &first.network.listen_addresses()).await;
    assert_eq!(second.wait(connected).await, first.peer());
}

#[tokio::test]
async fn all_nodes_that_know_one_find_each_other() {
    let hub = Node::start(1, &[]).await;
    let mut others = Vec::new();
    for seed in 2..6 {
        others.push(Node::start(seed, &hub.addresses()).await);
    }
    hub.wait_for_peers(4).await;
    for node in &others {
        node.wait_for_peers(4).await;
    }
}

#[tokio::test]
async fn a_node_that_leaves_is_missed_at_once() {
    let mut first = Node::start(1, &[]).await;
    let second = Node::start(2, &first.addresses()).await;
    first.wait(connected).await;
    second.network.shutdown().await;
    assert_eq!(first.wait(disconnected).await, second.peer());
    assert_eq!(first.network.peers(), []);
}

#[tokio::test]
async fn a_handle_of_a_stopped_network_says_so() {
    let node = Node::start(1, &[]).await;
    node.network.shutdown().await;
    node.network.shutdown().await;
    assert!(node.network.publish(vec![1]).await.is_err());
    assert!(node.network.wait_for_peers(1).await.is_err());
}

#[tokio::test]
async fn a_foreign_network_is_no_neighbor() {
    let first = Node::start(1, &[]).await;
    let mut foreign = configuration(2, &first.addresses());
    foreign.network_id = "other".parse().unwrap();
    let mut second = Node::start_with(foreign).await;
    let (_, reason, retry_in) = second.wait(unreachable).await;
    let UnreachableReason::ForeignNetwork { theirs, ours } = reason else {
        panic!("{reason}");
    };
    assert_eq!((theirs.as_str(), ours.as_str()), ("/test/node/1", "/other/node/1"));
    assert!(retry_in.is_some());
    assert_eq!((first.network.peers(), second.network.peers()), (Vec::new(), Vec::new()));
    let outcome = second.network.publish(vec![1]).await.unwrap();
    assert_eq!(outcome, PublishOutcome::NoPeers);
}

#[tokio::test]
async fn an_unreachable_peer_is_named_and_found_when_it_comes() {
    let port = closed_port();
    let name = IdentitySeed::new([1; 32]).peer_id().unwrap();
    let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{name}").parse().unwrap();
    let mut second = Node::start(2, std::slice::from_ref(&address)).await;
    let (at, reason, first_pause) = second.wait(unreachable).await;
    assert_eq!(at, address);
    assert!(matches!(reason, UnreachableReason::Dial { .. }), "{reason}");
    let (_, _, second_pause) = second.wait(unreachable).await;
    assert_eq!(second_pause, first_pause.map(|pause| pause * 2));

    let mut late = configuration(1, &[]);
    late.listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()];
    let _first = Node::start_with(late).await;
    assert_eq!(second.wait(connected).await, name);
}

#[tokio::test]
async fn a_restarted_peer_is_found_again() {
    let first = Node::start(1, &[]).await;
    let mut second = Node::start(2, &first.addresses()).await;
    second.wait(connected).await;
    let listen = first.network.listen_addresses();
    first.network.shutdown().await;
    second.wait(disconnected).await;

    let mut again = configuration(1, &[]);
    again.listen = listen;
    let first = Node::start_with(again).await;
    assert_eq!(second.wait(connected).await, first.peer());
}

/// The configuration of a node that listens on QUIC only, where nobody learns at once that a
/// process has died.
fn quic(seed: u8, bootstrap: &[Multiaddr]) -> NetworkConfiguration {
    let mut configuration = configuration(seed, bootstrap);
    configuration.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    configuration
}

/// Kills a node without a word, starts it again at once, and checks that it is heard. With
/// `is_known` the other node has learned who it is before; otherwise that is left to chance.
async fn kill_and_restart(is_known: bool) {
    let mut first = Node::start_with(quic(1, &[])).await;
    let doomed = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let start = Node::start_with(quic(2, &first.addresses()));
    let mut second = doomed.spawn(start).await.unwrap();
    second.wait_for_listeners(1).await;
    first.wait_for_listeners(1).await;
    if is_known {
        first.wait_for_peers(1).await;
    }
    doomed.shutdown_background();

    let mut second = Node::start_with(quic(2, &first.addresses())).await;
    second.wait_for_listeners(1).await;
    second.publish(b"back").await;
    assert_eq!(first.wait_for_gossip().await.0, b"back");
}

#[tokio::test]
async fn a_known_node_killed_and_started_again_at_once_is_heard() {
    kill_and_restart(true).await;
}

#[tokio::test]
async fn a_node_killed_at_first_sight_and_started_again_at_once_is_heard() {
    kill_and_restart(false).await;
}

#[tokio::test]
async fn a_node_does_not_dial_itself() {
    let port = closed_port();
    let itself: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    let other = Node::start(2, &[]).await;
    let mut configuration = configuration(1, &[vec![itself.clone()], other.addresses()].concat());
    configuration.listen = vec![itself];
    let mut node = Node::start_with(configuration).await;
    let mut complaints = Vec::new();
    let peer = node
        .wait(|event| match event {
            NetworkEvent::Unreachable { address, .. } => {
                complaints.push(address);
                None
            }
            other => connected(other),
        })
        .await;
    assert_eq!((peer, complaints), (other.peer(), Vec::new()));
}

#[tokio::test]
async fn a_taken_port_is_an_error_with_its_address() {
    let first = Node::start(1, &[]).await;
    let mut second = configuration(2, &[]);
    second.listen = first.network.listen_addresses();
    let refused = Network::start(second, first.store.clone()).await;
    assert!(matches!(refused, Err(NetworkError::Listen { .. })), "{refused:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let mut small = configuration(1, &[]);
    small.limits = NetworkLimits { connections_max: 1, ..NetworkLimits::default() };
    let first = Node::start_with(small).await;
    let second = Node::start(2, &first.addresses()).await;
    first.wait_for_peers(1).await;
    let mut third = Node::start(3, &first.addresses()).await;
    // Either side may be the one that notices; in any case the third is no peer.
    third.wait(unreachable_or_lost).await;
    assert_eq!(first.network.peers(), [second.peer()]);
}

#[expect(clippy::needless_pass_by_value, reason = "a test that waits gives its events away")]
fn unreachable_or_lost(event: NetworkEvent) -> Option<()> {
    let is_so =
        matches!(event, NetworkEvent::Unreachable { .. } | NetworkEvent::PeerDisconnected { .. });
    is_so.then_some(())
}
