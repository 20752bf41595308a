//! Gossip: who gets what, and who is penalized.

use super::node::{Node, configuration};
use crate::network::{
    GossipId, GossipVerdict, NetworkEvent, NetworkLimits, PublishError, PublishOutcome,
};

/// A hub that two others know; all listen to each other's gossip.
async fn three() -> [Node; 3] {
    let mut hub = Node::start(1, &[]).await;
    let mut left = Node::start(2, &hub.addresses()).await;
    left.wait_for_listeners(1).await;
    hub.wait_for_listeners(1).await;
    let mut right = Node::start(3, &hub.addresses()).await;
    right.wait_for_listeners(1).await;
    hub.wait_for_listeners(1).await;
    [hub, left, right]
}

/// A pair that listens to each other's gossip.
async fn two(limits: NetworkLimits) -> [Node; 2] {
    let mut first = configuration(1, &[]);
    first.limits = limits.clone();
    let mut first = Node::start_with(first).await;
    let mut second = configuration(2, &first.addresses());
    second.limits = limits;
    let mut second = Node::start_with(second).await;
    second.wait_for_listeners(1).await;
    first.wait_for_listeners(1).await;
    [first, second]
}

#[tokio::test]
async fn a_message_reaches_all() {
    let [mut hub, left, mut right] = three().await;
    left.publish(b"hello").await;
    let (payload, _, id) = hub.wait_for_gossip().await;
    assert_eq!((payload.as_slice(), id), (&b"hello"[..], GossipId::of(b"hello")));
    assert!(hub.network.verdict(id, GossipVerdict::Accept).await.unwrap());
    assert_eq!(right.wait_for_gossip().await.0, b"hello");
}

#[tokio::test]
async fn messages_arrive_whole_and_each_once() {
    let [mut first, second] = two(NetworkLimits::default()).await;
    let payloads: Vec<Vec<u8>> =
        (0..50_u8).map(|at| vec![at; 1 + usize::from(at) * 1000]).collect();
    for payload in &payloads {
        second.publish(payload).await;
    }
    let mut arrived = Vec::new();
    for _ in &payloads {
        let (payload, source, id) = first.wait_for_gossip().await;
        assert_eq!(source, second.peer());
        assert!(first.network.verdict(id, GossipVerdict::Accept).await.unwrap());
        arrived.push(payload);
    }
    arrived.sort();
    assert_eq!(arrived, payloads);
}

#[tokio::test]
async fn the_longest_message_passes_and_a_longer_one_is_refused() {
    let [mut first, second] = two(NetworkLimits::default()).await;
    let bytes_max = NetworkLimits::default().gossip_bytes_max;
    second.publish(&vec![1; bytes_max]).await;
    assert_eq!(first.wait_for_gossip().await.0.len(), bytes_max);
    let refused = second.network.publish(vec![1; bytes_max + 1]).await;
    assert!(matches!(refused, Err(PublishError::TooLong { .. })), "{refused:?}");
}

#[tokio::test]
async fn publishing_to_nobody_says_so_and_can_be_repeated() {
    let mut first = Node::start(1, &[]).await;
    let nobody = first.network.publish(b"early".to_vec()).await.unwrap();
    assert_eq!(nobody, PublishOutcome::NoPeers);
    let mut second = Node::start(2, &first.addresses()).await;
    first.wait_for_listeners(1).await;
    first.publish(b"early").await;
    assert_eq!(second.wait_for_gossip().await.0, b"early");
}

#[tokio::test]
async fn the_same_message_again_is_a_duplicate() {
    let [_first, second] = two(NetworkLimits::default()).await;
    second.publish(b"once").await;
    let again = second.network.publish(b"once".to_vec()).await.unwrap();
    assert_eq!(again, PublishOutcome::Duplicate { id: GossipId::of(b"once") });
}

#[tokio::test]
async fn a_verdict_counts_once() {
    let [mut first, second] = two(NetworkLimits::default()).await;
    second.publish(b"once").await;
    let (_, _, id) = first.wait_for_gossip().await;
    assert!(first.network.verdict(id, GossipVerdict::Ignore).await.unwrap());
    assert!(!first.network.verdict(id, GossipVerdict::Accept).await.unwrap());
}

#[tokio::test]
async fn a_peer_whose_messages_are_rejected_is_cut_off() {
    let [mut first, second] = two(NetworkLimits::default()).await;
    for at in 0..10 {
        second.network.publish(vec![at]).await.unwrap();
    }
    // All are taken in before the first verdict: after the third rejection gossip no longer listens.
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(first.wait_for_gossip().await.2);
    }
    for id in ids {
        assert!(first.network.verdict(id, GossipVerdict::Reject).await.unwrap());
    }
    let gone = first
        .wait(|event| match event {
            NetworkEvent::PeerDisconnected { peer } => Some(peer),
            _ => None,
        })
        .await;
    assert_eq!((gone, first.network.peers()), (second.peer(), Vec::new()));
}

#[tokio::test]
async fn a_flood_is_shed_and_the_node_lives_on() {
    let limits = NetworkLimits { gossip_waiting_max: 16, ..NetworkLimits::default() };
    let [mut first, second] = two(limits).await;
    for at in 0..200_u8 {
        second.network.publish(vec![at]).await.unwrap();
    }
    // Without verdicts only a quarter of the desk goes to one peer.
    for _ in 0..4 {
        first.wait_for_gossip().await;
    }
    assert_eq!(first.network.peers(), [second.peer()]);
}
