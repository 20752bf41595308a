//! Offences add up, fade, and bans end.

use super::*;
use crate::network::IdentitySeed;

const BAN: Duration = Duration::from_mins(1);

fn peer(seed: usize) -> PeerId {
    let seed = blake3::hash(&seed.to_le_bytes());
    IdentitySeed::new(*seed.as_bytes()).peer_id().unwrap()
}

fn banned() -> Judgement {
    Judgement::Banned { released: None }
}

#[test]
fn a_false_range_bans_at_once_and_is_said_once() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    assert_eq!(reputation.offend(peer(1), Offence::FalseRange, now), banned());
    assert_eq!(reputation.offend(peer(1), Offence::FalseRange, now), Judgement::Tolerated);
    assert!(reputation.is_banned(&peer(1)) && !reputation.is_banned(&peer(2)));
}

#[test]
fn ten_rejected_messages_in_a_row_ban() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    for _ in 0..9 {
        let judgement = reputation.offend(peer(1), Offence::RejectedGossip, now);
        assert_eq!(judgement, Judgement::Tolerated);
    }
    assert_eq!(reputation.offend(peer(1), Offence::RejectedGossip, now), banned());
}

#[test]
fn rare_mistakes_are_forgiven() {
    let (mut reputation, start) = (Reputation::new(BAN), Instant::now());
    for minute in 0..1000 {
        let now = start + Duration::from_mins(minute);
        let judgement = reputation.offend(peer(1), Offence::Garbage, now);
        assert_eq!(judgement, Judgement::Tolerated, "minute {minute}");
    }
}

#[test]
fn a_ban_ends() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    reputation.offend(peer(1), Offence::FalseRange, now);
    let almost = BAN.checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(reputation.release(now + almost), []);
    assert_eq!(reputation.release(now + BAN), [peer(1)]);
    assert!(!reputation.is_banned(&peer(1)));
}

#[test]
fn what_has_faded_is_forgotten() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    reputation.offend(peer(1), Offence::Garbage, now);
    reputation.release(now + Duration::from_secs(1000));
    assert!(reputation.records.is_empty());
}

#[test]
fn many_names_take_bounded_memory_and_push_out_the_harmless_first() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    reputation.offend(peer(0), Offence::FalseRange, now);
    for name in 1..PEERS_MAX + 10 {
        reputation.offend(peer(name), Offence::RejectedGossip, now);
    }
    assert_eq!(reputation.records.len(), PEERS_MAX);
    assert!(reputation.is_banned(&peer(0)));
}

#[test]
fn whoever_is_pushed_out_of_a_ban_is_named() {
    let (mut reputation, now) = (Reputation::new(BAN), Instant::now());
    for name in 0..PEERS_MAX {
        let at = now + Duration::from_millis(u64::try_from(name).unwrap());
        reputation.offend(peer(name), Offence::FalseRange, at);
    }
    let judgement = reputation.offend(peer(PEERS_MAX), Offence::FalseRange, now);
    assert_eq!(judgement, Judgement::Banned { released: Some(peer(0)) });
}
