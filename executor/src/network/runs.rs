//! Whether all connections to a peer lead to the same run of its program.
//!
//! Gossip introduces itself to a peer on its first connection only. If the peer dies unnoticed and
//! its next run connects while that connection still looks alive, gossip never speaks to the new
//! run. Then all connections must be cut, so that both sides begin anew.

use std::collections::HashMap;

use libp2p::swarm::ConnectionId;

/// The connections to one peer, and which run of its program each leads to as far as known.
#[derive(Debug)]
pub(super) struct Runs {
    greeted_on: ConnectionId,
    is_greeted: bool,
    identified: HashMap<ConnectionId, String>,
}

impl Runs {
    /// A peer whose first connection this is.
    pub(super) fn new(first: ConnectionId) -> Self {
        Self { greeted_on: first, is_greeted: false, identified: HashMap::new() }
    }

    /// A peer said on a connection which run it is; `true` when another connection leads elsewhere.
    pub(super) fn identify(&mut self, connection: ConnectionId, run: &str) -> bool {
        self.is_greeted |= connection == self.greeted_on;
        self.identified.insert(connection, run.to_owned());
        self.identified.values().any(|other| other != run)
    }

    /// A connection closed and others remain; `true` when it was the one gossip introduced itself
    /// on, and nothing tells that the run at its end is the one at the end of the others.
    pub(super) fn close(&mut self, connection: ConnectionId) -> bool {
        self.identified.remove(&connection);
        connection == self.greeted_on && !self.is_greeted
    }
}

#[cfg(test)]
mod tests;
