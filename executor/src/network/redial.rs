//! Which peers are to be dialed, and when: bootstrap peers for ever, lost peers some times.
//!
//! A value that is told what happened and what time it is; it never dials itself.

use std::time::{Duration, Instant};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::addresses::peer_in;
use super::configuration::NetworkLimits;

/// Lost peers that are dialed again; more come back by themselves or are found anew.
const LOST_PEERS_MAX: usize = 64;

/// Attempts at a lost peer that is no bootstrap peer.
const LOST_ATTEMPTS_MAX: u32 = 8;

/// Doublings of the pause after which it is surely at its maximum.
const DOUBLINGS_MAX: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { due: Instant },
    Dialing { connection: ConnectionId },
    Connected,
}

#[derive(Clone, Debug)]
struct Entry {
    peer: Option<PeerId>,
    addresses: Vec<Multiaddr>,
    is_bootstrap: bool,
    failures: u32,
    state: State,
}

/// A dial that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The peer, when its name is known.
    pub(super) peer: Option<PeerId>,
    /// Where it may be found; never empty.
    pub(super) addresses: Vec<Multiaddr>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The first address that was tried.
    pub(super) address: Multiaddr,
    /// The pause before the next attempt, `None` when the peer is given up.
    pub(super) retry_in: Option<Duration>,
}

/// The peers this node wants to be connected to.
#[derive(Debug)]
pub(super) struct Redial {
    entries: Vec<Entry>,
    delay_min: Duration,
    delay_max: Duration,
}

impl Redial {
    /// Begins with the bootstrap addresses, without those of `local`; all are due at once.
    /// Addresses of the same peer are dialed together.
    pub(super) fn new(
        bootstrap: &[Multiaddr],
        local: PeerId,
        limits: &NetworkLimits,
        now: Instant,
    ) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for address in bootstrap {
            let peer = peer_in(address);
            let known = entries.iter_mut().find(|entry| peer.is_some() && entry.peer == peer);
            match known {
                _ if peer == Some(local) => {}
                Some(entry) => entry.addresses.push(address.clone()),
                None => entries.push(Entry {
                    peer,
                    addresses: vec![address.clone()],
                    is_bootstrap: true,
                    failures: 0,
                    state: State::Waiting { due: now },
                }),
            }
        }
        Self { entries, delay_min: limits.redial_delay_min, delay_max: limits.redial_delay_max }
    }

    /// The dials that are due. Answer each with [`Redial::dialing`] or [`Redial::refused`].
    pub(super) fn due(&self, now: Instant) -> Vec<Due> {
        let is_due = |entry: &&Entry| matches!(entry.state, State::Waiting { due } if due <= now);
        let due = self.entries.iter().filter(is_due);
        due.map(|entry| Due { peer: entry.peer, addresses: entry.addresses.clone() }).collect()
    }

    /// A due dial has begun.
    pub(super) fn dialing(&mut self, due: &Due, connection: ConnectionId) {
        if let Some(entry) = self.entry_of(due) {
            entry.state = State::Dialing { connection };
        }
    }

    /// A due dial could not begin, because the peer is being dialed already: look again soon.
    pub(super) fn refused(&mut self, due: &Due, now: Instant) {
        let delay = self.delay_min;
        if let Some(entry) = self.entry_of(due) {
            entry.state = State::Waiting { due: now + delay };
        }
    }

    /// A connection to `peer` is open, by whoever's doing.
    pub(super) fn connected(&mut self, connection: ConnectionId, peer: PeerId) {
        for entry in &mut self.entries {
            if entry.state == (State::Dialing { connection }) && entry.peer.is_none() {
                entry.peer = Some(peer);
            }
            if entry.peer == Some(peer) {
                entry.state = State::Connected;
            }
        }
    }

    /// The peer proved to be of this network, so past failures no longer matter.
    pub(super) fn admitted(&mut self, peer: PeerId) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            entry.failures = 0;
        }
    }

    /// An attempt failed. `None` when it was not made for this list.
    pub(super) fn failed(&mut self, connection: ConnectionId, now: Instant) -> Option<Failure> {
        let index =
            self.entries.iter().position(|entry| entry.state == State::Dialing { connection })?;
        self.retry_later(index, now)
    }

    /// The last connection to a peer is gone. It is dialed again; a peer that is no bootstrap peer
    /// only when `addresses` of it are given.
    pub(super) fn disconnected(
        &mut self,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        now: Instant,
    ) -> Option<Failure> {
        let known = self.entries.iter().position(|entry| entry.peer == Some(peer));
        if let Some(index) = known {
            return self.retry_later(index, now);
        }
        let is_wanted = !addresses.is_empty() && self.lost_count() < LOST_PEERS_MAX;
        if is_wanted {
            let (peer, state) = (Some(peer), State::Connected);
            let entry = Entry { peer, addresses, is_bootstrap: false, failures: 0, state };
            self.entries.push(entry);
            return self.retry_later(self.entries.len() - 1, now);
        }
        None
    }

    /// Stops dialing what turned out to be this node itself.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.entries.retain(|entry| entry.state != State::Dialing { connection });
    }

    fn lost_count(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.is_bootstrap).count()
    }

    fn entry_of(&mut self, due: &Due) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.peer == due.peer && entry.addresses == due.addresses)
    }

    fn retry_later(&mut self, index: usize, now: Instant) -> Option<Failure> {
        let (delay_min, delay_max) = (self.delay_min, self.delay_max);
        let entry = self.entries.get_mut(index)?;
        entry.failures = entry.failures.saturating_add(1);
        let address = entry.addresses.first()?.clone();
        if !entry.is_bootstrap && entry.failures > LOST_ATTEMPTS_MAX {
            self.entries.remove(index);
            return Some(Failure { address, retry_in: None });
        }
        let doublings = entry.failures.saturating_sub(1).min(DOUBLINGS_MAX);
        let delay = delay_min.saturating_mul(1 << doublings).min(delay_max);
        entry.state = State::Waiting { due: now + delay };
        Some(Failure { address, retry_in: Some(delay) })
    }
}

#[cfg(test)]
mod tests;
