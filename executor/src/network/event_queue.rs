//! The bounded way from the network to the application. It never waits: a slow application slows
//! down itself, not the peers.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::event::NetworkEvent;

/// Room for other events beside the gossip that may wait: each connection makes two in its life.
const OTHER_EVENTS_MAX: usize = 1024;

/// Events under way to the application.
#[derive(Debug)]
pub(super) struct EventQueue {
    sender: mpsc::Sender<NetworkEvent>,
    overflow: VecDeque<NetworkEvent>,
    lost_count: u64,
}

impl EventQueue {
    /// A queue with room for `gossip_waiting_max` messages and some other events.
    pub(super) fn new(gossip_waiting_max: usize) -> (Self, mpsc::Receiver<NetworkEvent>) {
        let (sender, receiver) = mpsc::channel(gossip_waiting_max + OTHER_EVENTS_MAX);
        (Self { sender, overflow: VecDeque::new(), lost_count: 0 }, receiver)
    }

    /// Offers an event for which there may be no room; `false` when it was not taken.
    pub(super) fn offer(&mut self, event: NetworkEvent) -> bool {
        self.flush();
        self.overflow.is_empty() && self.sender.try_send(event).is_ok()
    }

    /// Queues an event. When the application has not looked for very long the oldest are lost,
    /// which is counted in the log; the list of peers of the handle stays right all the same.
    pub(super) fn push(&mut self, event: NetworkEvent) {
        self.overflow.push_back(event);
        self.flush();
        if self.overflow.len() > OTHER_EVENTS_MAX {
            self.overflow.pop_front();
            self.lost_count += 1;
            tracing::warn!(lost_count = self.lost_count, "network events are not being read");
        }
    }

    /// Moves on what there is room for now.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.overflow.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.overflow.push_front(event);
                    return;
                }
                // Nobody listens any more, which is a way to run a node.
                Err(TrySendError::Closed(_)) => self.overflow.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests;
