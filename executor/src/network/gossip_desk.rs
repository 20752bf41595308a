//! Gossip messages that wait for the application's verdict, bounded in number, bytes and time.
//!
//! No peer may hold more than a share of the desk, so that one flood does not silence the others.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::configuration::NetworkLimits;
use super::event::GossipId;

/// One peer may hold this part of the desk: four floods are needed to fill it.
const PEER_SHARE: usize = 4;

/// How much waits, of one peer or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    messages: usize,
    bytes: usize,
}

impl Load {
    fn plus(self, bytes: usize) -> Self {
        Self { messages: self.messages + 1, bytes: self.bytes.saturating_add(bytes) }
    }

    fn minus(self, bytes: usize) -> Self {
        let messages = self.messages.saturating_sub(1);
        Self { messages, bytes: self.bytes.saturating_sub(bytes) }
    }

    fn is_within(self, limit: Load) -> bool {
        self.messages <= limit.messages && self.bytes <= limit.bytes
    }
}

#[derive(Debug)]
struct Waiting {
    source: PeerId,
    bytes: usize,
}

/// The messages that wait.
#[derive(Debug)]
pub(super) struct GossipDesk {
    limit: Load,
    peer_limit: Load,
    patience: Duration,
    total: Load,
    by_peer: HashMap<PeerId, Load>,
    waiting: HashMap<GossipId, Waiting>,
    /// Deadlines in the order of arrival, which is also their order in time.
    deadlines: VecDeque<(Instant, GossipId)>,
}

impl GossipDesk {
    pub(super) fn new(limits: &NetworkLimits) -> Self {
        let limit =
            Load { messages: limits.gossip_waiting_max, bytes: limits.gossip_waiting_bytes_max };
        // Even the smallest share lets one message of the longest kind through.
        let peer_limit = Load {
            messages: (limit.messages / PEER_SHARE).max(1),
            bytes: (limit.bytes / PEER_SHARE).max(limits.gossip_bytes_max),
        };
        Self {
            limit,
            peer_limit,
            patience: limits.verdict_timeout,
            total: Load::default(),
            by_peer: HashMap::new(),
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
        }
    }

    /// Takes a message in, or says `false` when there is no room for it.
    pub(super) fn admit(
        &mut self,
        id: GossipId,
        source: PeerId,
        bytes: usize,
        now: Instant,
    ) -> bool {
        let total = self.total.plus(bytes);
        let of_peer = self.by_peer.get(&source).copied().unwrap_or_default().plus(bytes);
        let has_room = total.is_within(self.limit) && of_peer.is_within(self.peer_limit);
        if !has_room || self.waiting.contains_key(&id) {
            return false;
        }
        self.total = total;
        self.by_peer.insert(source, of_peer);
        self.waiting.insert(id, Waiting { source, bytes });
        self.deadlines.push_back((now + self.patience, id));
        true
    }

    /// Takes a message out and names the peer that passed it on; `None` when it does not wait.
    pub(super) fn settle(&mut self, id: GossipId) -> Option<PeerId> {
        let Waiting { source, bytes } = self.waiting.remove(&id)?;
        self.deadlines.retain(|(_, waiting)| *waiting != id);
        self.total = self.total.minus(bytes);
        let of_peer = self.by_peer.get(&source).copied().unwrap_or_default().minus(bytes);
        if of_peer == Load::default() {
            self.by_peer.remove(&source);
        } else {
            self.by_peer.insert(source, of_peer);
        }
        Some(source)
    }

    /// Takes out every message that has waited too long.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(GossipId, PeerId)> {
        let mut expired = Vec::new();
        while let Some((_, id)) = self.deadlines.front().filter(|(at, _)| *at <= now).copied() {
            match self.settle(id) {
                Some(source) => expired.push((id, source)),
                None => drop(self.deadlines.pop_front()),
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests;
