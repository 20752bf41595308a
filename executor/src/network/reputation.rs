//! Who misbehaved, and who is refused for it: points that fade, and bans that end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

/// Points at which a peer is banned.
const BAN_POINTS: u32 = 100;

/// Points that fade in a second: a message or two a minute that we wrongly refuse is forgiven.
const FADE_POINTS_PER_SECOND: u32 = 1;

/// Peers remembered. Names cost nothing, so remembering more would only cost us memory.
const PEERS_MAX: usize = 1024;

/// Something no honest peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offence {
    /// Sent a range that is not of the artefact asked for.
    FalseRange,
    /// Claimed another length of an artefact than the proven one.
    FalseLength,
    /// Sent bytes that are no request or no response.
    Garbage,
    /// Passed on a message that the application rejected.
    RejectedGossip,
}

impl Offence {
    fn points(self) -> u32 {
        match self {
            Self::FalseRange => BAN_POINTS,
            Self::FalseLength | Self::Garbage => BAN_POINTS / 4,
            Self::RejectedGossip => BAN_POINTS / 10,
        }
    }
}

#[derive(Debug)]
struct Record {
    points: u32,
    since: Instant,
    banned_until: Option<Instant>,
}

impl Record {
    fn points_at(&self, now: Instant) -> u32 {
        let seconds = now.saturating_duration_since(self.since).as_secs();
        let faded = seconds.saturating_mul(u64::from(FADE_POINTS_PER_SECOND));
        self.points.saturating_sub(u32::try_from(faded).unwrap_or(u32::MAX))
    }
}

/// The offenders.
#[derive(Debug)]
pub(super) struct Reputation {
    ban: Duration,
    records: HashMap<PeerId, Record>,
}

/// What follows from an offence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nothing yet.
    Tolerated,
    /// The peer is to be refused from now on; another, `released`, is forgotten to make room.
    Banned { released: Option<PeerId> },
}

impl Reputation {
    pub(super) fn new(ban: Duration) -> Self {
        Self { ban, records: HashMap::new() }
    }

    /// Notes an offence. Says `Banned` only once for each ban.
    pub(super) fn offend(&mut self, peer: PeerId, offence: Offence, now: Instant) -> Judgement {
        let released = self.make_room(peer, now);
        let fresh = Record { points: 0, since: now, banned_until: None };
        let record = self.records.entry(peer).or_insert(fresh);
        record.points = record.points_at(now).saturating_add(offence.points());
        record.since = now;
        if record.points < BAN_POINTS || record.banned_until.is_some() {
            return Judgement::Tolerated;
        }
        record.banned_until = Some(now + self.ban);
        Judgement::Banned { released }
    }

    pub(super) fn is_banned(&self, peer: &PeerId) -> bool {
        self.records.get(peer).is_some_and(|record| record.banned_until.is_some())
    }

    /// Names the peers whose ban is over and forgets all that has faded.
    pub(super) fn release(&mut self, now: Instant) -> Vec<PeerId> {
        let is_over = |record: &Record| record.banned_until.is_some_and(|until| until <= now);
        let released: Vec<PeerId> = self
            .records
            .iter()
            .filter(|(_, record)| is_over(record))
            .map(|(peer, _)| *peer)
            .collect();
        self.records.retain(|_, record| {
            !is_over(record) && (record.banned_until.is_some() || record.points_at(now) > 0)
        });
        released
    }

    /// Forgets the least remarkable peer when there is no room for another.
    fn make_room(&mut self, newcomer: PeerId, now: Instant) -> Option<PeerId> {
        if self.records.len() < PEERS_MAX || self.records.contains_key(&newcomer) {
            return None;
        }
        let weight = |record: &Record| (record.banned_until, record.points_at(now), record.since);
        let (peer, record) = self.records.iter().min_by_key(|(_, record)| weight(record))?;
        let (peer, was_banned) = (*peer, record.banned_until.is_some());
        self.records.remove(&peer);
        was_banned.then_some(peer)
    }
}

#[cfg(test)]
mod tests;
