//! When whom is dialed, told without a clock.

use super::*;
use crate::network::IdentitySeed;

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

fn at(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

fn at_named(port: u16, seed: u8) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", peer(seed)).parse().unwrap()
}

fn limits() -> NetworkLimits {
    NetworkLimits {
        redial_delay_min: Duration::from_millis(100),
        redial_delay_max: Duration::from_millis(1500),
        ..NetworkLimits::default()
    }
}

fn redial(bootstrap: &[Multiaddr], now: Instant) -> Redial {
    Redial::new(bootstrap, peer(0), &limits(), now)
}

fn connection(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// Dials what is due and lets it fail; returns the pause before the next attempt.
fn fail_once(redial: &mut Redial, number: usize, now: Instant) -> Option<Duration> {
    let due = redial.due(now).remove(0);
    redial.dialing(&due, connection(number));
    redial.failed(connection(number), now).unwrap().retry_in
}

#[test]
fn bootstrap_addresses_of_one_peer_are_dialed_together() {
    let now = Instant::now();
    let redial = redial(&[at_named(1, 1), at_named(2, 1), at(3)], now);
    let together = Due { peer: Some(peer(1)), addresses: vec![at_named(1, 1), at_named(2, 1)] };
    assert_eq!(redial.due(now), [together, Due { peer: None, addresses: vec![at(3)] }]);
}

#[test]
fn this_node_itself_is_not_dialed() {
    let now = Instant::now();
    assert_eq!(redial(&[at_named(1, 0)], now).due(now), []);
}

#[test]
fn pauses_double_up_to_the_longest_and_bootstrap_peers_are_never_given_up() {
    let mut now = Instant::now();
    let mut redial = redial(&[at_named(1, 1)], now);
    let mut pauses = Vec::new();
    for number in 0..50 {
        let pause = fail_once(&mut redial, number, now).unwrap();
        pauses.push(pause.as_millis());
        let almost = pause.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(redial.due(now + almost), []);
        now += pause;
    }
    assert_eq!(pauses[..6], [100, 200, 400, 800, 1500, 1500]);
    assert_eq!(pauses[49], 1500);
}

#[test]
fn nothing_is_dialed_twice_at_once() {
    let now = Instant::now();
    let mut redial = redial(&[at_named(1, 1)], now);
    let due = redial.due(now).remove(0);
    redial.dialing(&due, connection(1));
    assert_eq!(redial.due(now + Duration::from_secs(9)), []);
}

#[test]
fn a_connected_peer_is_not_dialed_until_it_is_lost() {
    let now = Instant::now();
    let mut redial = redial(&[at_named(1, 1)], now);
    redial.connected(connection(9), peer(1));
    assert_eq!(redial.due(now), []);
    redial.admitted(peer(1));
    let failure = redial.disconnected(peer(1), Vec::new(), now).unwrap();
    assert_eq!(failure.retry_in, Some(Duration::from_millis(100)));
    assert_eq!(redial.due(now + Duration::from_millis(100)).len(), 1);
}

#[test]
fn an_address_learns_the_name_of_its_peer() {
    let now = Instant::now();
    let mut redial = redial(&[at(1)], now);
    let due = redial.due(now).remove(0);
    redial.dialing(&due, connection(1));
    redial.connected(connection(1), peer(1));
    redial.disconnected(peer(1), Vec::new(), now);
    let due = redial.due(now + Duration::from_secs(1)).remove(0);
    assert_eq!(due, Due { peer: Some(peer(1)), addresses: vec![at(1)] });
}

#[test]
fn a_peer_that_connects_but_is_not_admitted_is_dialed_ever_more_rarely() {
    let now = Instant::now();
    let mut redial = redial(&[at_named(1, 1)], now);
    let pauses: Vec<_> = (0..3)
        .map(|number| {
            redial.connected(connection(number), peer(1));
            redial.disconnected(peer(1), Vec::new(), now).unwrap().retry_in.unwrap().as_millis()
        })
        .collect();
    assert_eq!(pauses, [100, 200, 400]);
}

#[test]
fn a_lost_peer_is_dialed_some_times_and_then_given_up() {
    let mut now = Instant::now();
    let mut redial = redial(&[], now);
    let mut retry = redial.disconnected(peer(1), vec![at(1)], now).unwrap().retry_in;
    let mut attempts = 0;
    while let Some(pause) = retry {
        now += pause;
        retry = fail_once(&mut redial, attempts, now);
        attempts += 1;
    }
    assert_eq!(attempts, usize::try_from(LOST_ATTEMPTS_MAX).unwrap());
    assert!(redial.entries.is_empty());
}

#[test]
fn a_lost_peer_without_addresses_is_not_remembered() {
    let now = Instant::now();
    let mut redial = redial(&[], now);
    assert_eq!(redial.disconnected(peer(1), Vec::new(), now), None);
    assert!(redial.entries.is_empty());
}

#[test]
fn lost_peers_take_bounded_memory() {
    let now = Instant::now();
    let mut redial = redial(&[at(1)], now);
    for seed in 1..=200 {
        redial.disconnected(peer(seed), vec![at(u16::from(seed))], now);
    }
    assert_eq!(redial.entries.len(), LOST_PEERS_MAX + 1);
}

#[test]
fn what_turns_out_to_be_this_node_is_forgotten() {
    let now = Instant::now();
    let mut redial = redial(&[at(1)], now);
    let due = redial.due(now).remove(0);
    redial.dialing(&due, connection(1));
    redial.forget(connection(1));
    assert!(redial.entries.is_empty());
}

#[test]
fn a_dial_of_somebody_else_is_not_taken_for_one_of_this_list() {
    let now = Instant::now();
    assert_eq!(redial(&[at(1)], now).failed(connection(5), now), None);
}
