//! Connections: who is here, who is of this network, and who is to be dialed again.

use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, ping};

use super::Driver;
use crate::network::addresses::{ADDRESSES_PER_PEER_MAX, worth_dialing};
use crate::network::behaviour::BehaviourEvent;
use crate::network::event::{NetworkEvent, UnreachableReason};
use crate::network::redial::Due;
use crate::network::runs::Runs;

/// What is repeated of a foreign peer's claim about itself.
const FOREIGN_NAME_CHARS_MAX: usize = 128;

/// A peer with at least one connection.
#[derive(Debug)]
pub(super) struct Peer {
    since: Instant,
    seen_at: Multiaddr,
    was_dialed: bool,
    is_admitted: bool,
    runs: Runs,
    addresses: Vec<Multiaddr>,
    refusal: Option<UnreachableReason>,
}

impl Driver {
    pub(super) fn on_connection_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.listeners_pending.remove(&listener_id);
                tracing::info!(%address, "listening");
                self.snapshot.send_modify(|snapshot| snapshot.listening.push(address.clone()));
                self.events.push(NetworkEvent::Listening { address });
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.no_longer_listening(&[address]),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::error!(?addresses, ?reason, "a listener closed");
                self.no_longer_listening(&addresses);
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener failed"),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.on_disconnected(peer_id, Instant::now());
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                let peer = self.peers.get_mut(&peer_id);
                if peer.is_some_and(|peer| peer.runs.close(connection_id)) {
                    self.begin_anew(peer_id);
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_failed(connection_id, error, Instant::now());
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                tracing::debug!(%error, address = %send_back_addr, "a connection was refused");
            }
            _ => {}
        }
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        match event {
            identify::Event::Received { peer_id, connection_id, info } => {
                let peer = self.peers.get_mut(&peer_id);
                let run = &info.agent_version;
                if peer.is_some_and(|peer| peer.runs.identify(connection_id, run)) {
                    self.begin_anew(peer_id);
                } else if info.protocol_version == self.spoken {
                    self.admit(peer_id, info.listen_addrs);
                } else {
                    self.on_foreign(peer_id, &info.protocol_version);
                }
            }
            identify::Event::Error { peer_id, error, .. } => {
                tracing::debug!(peer = %peer_id, %error, "a peer did not identify itself");
            }
            _ => {}
        }
    }

    pub(super) fn on_ping(&mut self, event: &ping::Event) {
        if let Err(ping::Failure::Timeout) = event.result {
            tracing::debug!(peer = %event.peer, "a connection is dead");
            self.swarm.close_connection(event.connection);
        }
    }

    pub(super) fn dial_due(&mut self, now: Instant) {
        for due in self.redial.due(now) {
            let Some(options) = dial_options(&due) else {
                continue;
            };
            let connection = options.connection_id();
            self.redial.dialing(&due, connection);
            match self.swarm.dial(options) {
                Ok(()) => {}
                Err(DialError::DialPeerConditionFalse(_)) => self.redial.refused(&due, now),
                Err(error) => self.on_dial_failed(connection, error, now),
            }
        }
    }

    /// Cuts connections to peers that do not say in time which network they belong to.
    pub(super) fn drop_silent(&mut self, now: Instant) {
        let timeout = self.limits.identify_timeout;
        let is_silent =
            |peer: &Peer| !peer.is_admitted && now.duration_since(peer.since) >= timeout;
        let silent = self.peers.iter().filter(|(_, peer)| is_silent(peer));
        let silent: Vec<PeerId> = silent.map(|(name, _)| *name).collect();
        for peer in silent {
            let timeout_ms = timeout.as_millis();
            self.refuse(peer, UnreachableReason::Silent { timeout_ms });
        }
    }

    pub(super) fn disconnect(&mut self, peer: PeerId) {
        if self.swarm.disconnect_peer_id(peer).is_err() {
            tracing::debug!(%peer, "was disconnected already");
        }
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        self.redial.connected(connection, peer);
        self.peers.entry(peer).or_insert_with(|| Peer {
            since: Instant::now(),
            seen_at: endpoint.get_remote_address().clone(),
            was_dialed: endpoint.is_dialer(),
            is_admitted: false,
            runs: Runs::new(connection),
            addresses: Vec::new(),
            refusal: None,
        });
    }

    /// The one who dialed hangs up. Were both to do so at once, the dialer might not learn why; a
    /// foreigner who stays is cut off like one who never says who it is.
    fn on_foreign(&mut self, name: PeerId, spoken: &str) {
        if self.peers.get(&name).is_some_and(|peer| peer.was_dialed) {
            let theirs = spoken.chars().take(FOREIGN_NAME_CHARS_MAX).collect();
            let ours = self.spoken.clone();
            self.refuse(name, UnreachableReason::ForeignNetwork { theirs, ours });
        }
    }

    /// Cuts all connections to a peer that was restarted; one of both sides dials again.
    fn begin_anew(&mut self, name: PeerId) {
        tracing::debug!(peer = %name, "a peer was restarted, its connections are cut");
        self.disconnect(name);
    }

    fn admit(&mut self, name: PeerId, claimed: Vec<Multiaddr>) {
        let Some(peer) = self.peers.get_mut(&name) else {
            return;
        };
        let routing = &mut self.swarm.behaviour_mut().routing;
        if !peer.is_admitted {
            // What was known of it from an earlier connection may be out of date.
            routing.remove_peer(&name);
        }
        for address in worth_dialing(claimed, name, &peer.seen_at) {
            let has_room = peer.addresses.len() < ADDRESSES_PER_PEER_MAX;
            if has_room && !peer.addresses.contains(&address) {
                routing.add_address(&name, address.clone());
                peer.addresses.push(address);
            }
        }
        if !peer.is_admitted {
            peer.is_admitted = true;
            self.redial.admitted(name);
            tracing::debug!(peer = %name, "connected");
            self.snapshot.send_modify(|snapshot| snapshot.peers.extend([name]));
            self.events.push(NetworkEvent::PeerConnected { peer: name });
        }
    }

    fn refuse(&mut self, name: PeerId, reason: UnreachableReason) {
        if let Some(peer) = self.peers.get_mut(&name)
            && !peer.is_admitted
            && peer.refusal.is_none()
        {
            tracing::debug!(peer = %name, %reason, "a connection is cut");
            peer.refusal = Some(reason);
            self.disconnect(name);
        }
    }

    fn on_disconnected(&mut self, name: PeerId, now: Instant) {
        let Some(peer) = self.peers.remove(&name) else {
            return;
        };
        let is_wanted = peer.is_admitted && !self.reputation.is_banned(&name);
        let addresses = if is_wanted { peer.addresses } else { Vec::new() };
        let retry = self.redial.disconnected(name, addresses, now);
        if peer.is_admitted {
            tracing::debug!(peer = %name, "disconnected");
            self.snapshot.send_modify(|snapshot| snapshot.peers.retain(|peer| *peer != name));
            self.events.push(NetworkEvent::PeerDisconnected { peer: name });
        }
        let is_unreachable = peer.was_dialed && !peer.is_admitted;
        if is_unreachable {
            let reason = peer.refusal.unwrap_or(UnreachableReason::Closed);
            self.unreachable(peer.seen_at, reason, retry.and_then(|retry| retry.retry_in));
        }
    }

    fn on_dial_failed(&mut self, connection: ConnectionId, error: DialError, now: Instant) {
        // Without addresses left after this node's own were taken away, it is this node.
        if matches!(error, DialError::LocalPeerId { .. } | DialError::NoAddresses) {
            self.redial.forget(connection);
        } else if let Some(failure) = self.redial.failed(connection, now) {
            let reason = UnreachableReason::Dial { source: error };
            self.unreachable(failure.address, reason, failure.retry_in);
        } else {
            tracing::debug!(%error, "a dial failed");
        }
    }

    fn unreachable(
        &mut self,
        address: Multiaddr,
        reason: UnreachableReason,
        retry_in: Option<Duration>,
    ) {
        tracing::warn!(%address, %reason, ?retry_in, "a peer cannot be reached");
        self.events.push(NetworkEvent::Unreachable { address, reason, retry_in });
    }

    fn no_longer_listening(&mut self, addresses: &[Multiaddr]) {
        self.snapshot.send_modify(|snapshot| {
            snapshot.listening.retain(|address| !addresses.contains(address));
        });
    }
}

/// How to dial; `None` when there is nowhere to dial.
fn dial_options(due: &Due) -> Option<DialOpts> {
    match due.peer {
        Some(peer) => Some(
            DialOpts::peer_id(peer)
                .addresses(due.addresses.clone())
                .extend_addresses_through_behaviour()
                .build(),
        ),
        None => due
            .addresses
            .first()
            .map(|address| DialOpts::unknown_peer_id().address(address.clone()).build()),
    }
}
