//! Which ranges are still to be had, and who was asked for them.
//!
//! A range that takes long is asked of another peer too, so that one silent peer does not hold up
//! a transfer; whichever comes first counts.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use libp2p::PeerId;

/// Peers asked for the same range at once: two may be silent.
const COPIES_MAX: usize = 3;

#[derive(Debug)]
struct Outstanding {
    range: Range<u64>,
    peers: Vec<PeerId>,
}

/// The ranges of one artefact that have not come yet.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    todo: VecDeque<Range<u64>>,
    outstanding: BTreeMap<u64, Outstanding>,
}

impl Schedule {
    pub(super) fn new(todo: impl IntoIterator<Item = Range<u64>>) -> Self {
        Self { todo: todo.into_iter().collect(), outstanding: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.todo.is_empty() && self.outstanding.is_empty()
    }

    /// The next range to ask for, and the peer that `pick` chose for it; `pick` is told which peers
    /// are asked for it already.
    pub(super) fn next(
        &mut self,
        mut pick: impl FnMut(&[PeerId]) -> Option<PeerId>,
    ) -> Option<(PeerId, Range<u64>)> {
        for index in 0..self.todo.len() {
            let start = self.todo.get(index)?.start;
            let asked = self.outstanding.get(&start);
            let asked = asked.map_or(&[][..], |outstanding| &outstanding.peers);
            match pick(asked) {
                Some(peer) => {
                    let range = self.todo.remove(index)?;
                    let fresh = Outstanding { range: range.clone(), peers: Vec::new() };
                    self.outstanding.entry(start).or_insert(fresh).peers.push(peer);
                    return Some((peer, range));
                }
                None if asked.is_empty() => return None,
                // Who could send a further copy is busy; others may be asked for what follows.
                None => {}
            }
        }
        None
    }

    /// A range came; `false` when it had come before.
    pub(super) fn delivered(&mut self, start: u64) -> bool {
        let was_waiting = self.is_waiting(start);
        self.todo.retain(|range| range.start != start);
        self.outstanding.remove(&start).is_some() || was_waiting
    }

    /// A range did not come from this peer.
    pub(super) fn failed(&mut self, start: u64, peer: PeerId) {
        let Some(outstanding) = self.outstanding.get_mut(&start) else {
            return;
        };
        if let Some(index) = outstanding.peers.iter().position(|asked| *asked == peer) {
            outstanding.peers.swap_remove(index);
        }
        if outstanding.peers.is_empty()
            && let Some(Outstanding { range, .. }) = self.outstanding.remove(&start)
            && !self.is_waiting(start)
        {
            self.todo.push_front(range);
        }
    }

    /// The time within which a range should come from this peer is over: if it has not come,
    /// somebody else is asked too. Says whether the peer is to blame.
    pub(super) fn overdue(&mut self, start: u64, peer: PeerId) -> bool {
        let Some(outstanding) = self.outstanding.get(&start) else {
            return false;
        };
        let is_awaited = outstanding.peers.contains(&peer);
        if is_awaited && outstanding.peers.len() < COPIES_MAX && !self.is_waiting(start) {
            self.todo.push_back(outstanding.range.clone());
        }
        is_awaited
    }

    fn is_waiting(&self, start: u64) -> bool {
        self.todo.iter().any(|range| range.start == start)
    }
}

#[cfg(test)]
mod tests;
