//! What a transfer knows of each peer it asked.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::PeerId;

/// Ranges in flight to one peer, below what it serves one peer at once.
const IN_FLIGHT_PER_PEER_MAX: usize = 4;

/// Failures in a row after which a peer is left alone until the next round.
const FAILURES_MAX: u32 = 3;

/// Times in a row a peer may say that it is busy before it is left alone until the next round.
const BUSY_MAX: u32 = 16;

/// First rest after a setback; each later one is twice as long, up to the longest.
const REST_MIN: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_secs(2);

/// Doublings of the rest after which it is surely at its longest.
const DOUBLINGS_MAX: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Asked,
    Offers { total_bytes: u64 },
    Absent,
    Failed,
    False,
}

#[derive(Debug)]
struct Candidate {
    standing: Standing,
    in_flight: usize,
    is_resting: bool,
    failures: u32,
    refusals: u32,
    has_delivered: bool,
    is_slow: bool,
}

impl Candidate {
    fn is_ready(&self) -> bool {
        matches!(self.standing, Standing::Offers { .. })
            && !self.is_resting
            && self.in_flight < IN_FLIGHT_PER_PEER_MAX
    }
}

/// What kept a peer from sending a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setback {
    Busy,
    Failed,
}

/// How the peers stand, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) asked: usize,
    pub(super) absent: usize,
    pub(super) failed: usize,
    pub(super) lying: usize,
}

/// All peers asked in a transfer.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    peers: BTreeMap<PeerId, Candidate>,
    is_searching: bool,
}

impl Candidates {
    /// Notes that a peer is being asked; `false` when it was asked before.
    pub(super) fn begin_asking(&mut self, peer: PeerId) -> bool {
        let is_new = self.peers.get(&peer).is_none_or(|known| known.standing == Standing::Failed);
        if is_new {
            let has_delivered = self.peers.get(&peer).is_some_and(|known| known.has_delivered);
            let in_flight = self.peers.get(&peer).map_or(0, |known| known.in_flight);
            self.peers.insert(
                peer,
                Candidate {
                    standing: Standing::Asked,
                    in_flight,
                    is_resting: false,
                    failures: 0,
                    refusals: 0,
                    has_delivered,
                    is_slow: false,
                },
            );
        }
        is_new
    }

    pub(super) fn begin_search(&mut self) {
        self.is_searching = true;
    }

    pub(super) fn end_search(&mut self) {
        self.is_searching = false;
    }

    /// Whether an answer, a search or the end of a rest is still to come.
    pub(super) fn is_anything_pending(&self) -> bool {
        let is_pending = |peer: &Candidate| match peer.standing {
            Standing::Asked => true,
            Standing::Offers { .. } => peer.is_resting,
            Standing::Absent | Standing::Failed | Standing::False => false,
        };
        self.is_searching || self.peers.values().any(is_pending)
    }

    pub(super) fn has_offers(&self) -> bool {
        self.peers.values().any(|peer| matches!(peer.standing, Standing::Offers { .. }))
    }

    pub(super) fn offers(&mut self, peer: PeerId, total_bytes: u64) {
        self.stand(peer, Standing::Offers { total_bytes });
    }

    pub(super) fn is_absent(&mut self, peer: PeerId) {
        self.stand(peer, Standing::Absent);
    }

    pub(super) fn fails(&mut self, peer: PeerId) {
        self.stand(peer, Standing::Failed);
    }

    pub(super) fn lies(&mut self, peer: PeerId) {
        self.stand(peer, Standing::False);
    }

    pub(super) fn delivers(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.failures = 0;
            peer.refusals = 0;
            peer.has_delivered = true;
            peer.is_slow = false;
        }
    }

    /// Notes a setback and says how long the peer rests; `None` when it rests already, or is left
    /// alone from now on.
    pub(super) fn set_back(&mut self, peer: PeerId, setback: Setback) -> Option<Duration> {
        let candidate = self.peers.get_mut(&peer)?;
        if candidate.is_resting || !matches!(candidate.standing, Standing::Offers { .. }) {
            return None;
        }
        match setback {
            Setback::Busy => candidate.refusals += 1,
            Setback::Failed => candidate.failures += 1,
        }
        if candidate.failures >= FAILURES_MAX || candidate.refusals >= BUSY_MAX {
            candidate.standing = Standing::Failed;
            return None;
        }
        candidate.is_resting = true;
        let doublings = (candidate.failures + candidate.refusals - 1).min(DOUBLINGS_MAX);
        Some(REST_MIN.saturating_mul(1 << doublings).min(REST_MAX))
    }

    pub(super) fn end_rest(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.is_resting = false;
        }
    }

    /// A peer that offers the artefact and has nothing to do yet, with the length it claims.
    pub(super) fn take_unproven(&mut self) -> Option<(PeerId, u64)> {
        self.peers.iter_mut().find_map(|(name, peer)| match peer.standing {
            Standing::Offers { total_bytes } if peer.is_ready() && peer.in_flight == 0 => {
                peer.in_flight = 1;
                Some((*name, total_bytes))
            }
            _ => None,
        })
    }

    /// A range of this peer takes long; others are preferred until one of its ranges comes.
    pub(super) fn is_slow(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.is_slow = true;
        }
    }

    /// The peer with the least to do, of those that can take more and are not `excluded`; one that
    /// is slow only when there is no other.
    pub(super) fn take_idlest(&mut self, excluded: &[PeerId]) -> Option<PeerId> {
        let is_ready =
            |name: &PeerId, peer: &Candidate| peer.is_ready() && !excluded.contains(name);
        let ready = self.peers.iter_mut().filter(|(name, peer)| is_ready(name, peer));
        let (name, peer) = ready.min_by_key(|(_, peer)| (peer.is_slow, peer.in_flight))?;
        peer.in_flight += 1;
        Some(*name)
    }

    /// A range asked for came, or will not come.
    pub(super) fn give_back(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
    }

    /// Peers that claim another length than the proven one.
    pub(super) fn claiming_other_than(&self, proven: u64) -> Vec<PeerId> {
        let is_other = |peer: &Candidate| match peer.standing {
            Standing::Offers { total_bytes } => total_bytes != proven,
            _ => false,
        };
        self.peers.iter().filter(|(_, peer)| is_other(peer)).map(|(name, _)| *name).collect()
    }

    /// Peers that failed, which the next round asks again.
    pub(super) fn unanswered(&self) -> Vec<PeerId> {
        let failed = self.peers.iter().filter(|(_, peer)| peer.standing == Standing::Failed);
        failed.map(|(name, _)| *name).collect()
    }

    /// For a new round: peers that did not have it may have it by now.
    pub(super) fn forgive(&mut self) {
        for peer in self.peers.values_mut().filter(|peer| peer.standing == Standing::Absent) {
            peer.standing = Standing::Failed;
        }
    }

    /// Peers whose ranges verified.
    pub(super) fn sources(&self) -> Vec<PeerId> {
        self.peers.iter().filter(|(_, peer)| peer.has_delivered).map(|(name, _)| *name).collect()
    }

    pub(super) fn tally(&self) -> Tally {
        let count = |standing| self.peers.values().filter(|p| p.standing == standing).count();
        Tally {
            asked: self.peers.len(),
            absent: count(Standing::Absent),
            failed: count(Standing::Failed),
            lying: count(Standing::False),
        }
    }

    fn stand(&mut self, peer: PeerId, standing: Standing) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.standing = standing;
        }
    }
}
