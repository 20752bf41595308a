//! What the network tells the application.

use std::fmt;
use std::time::Duration;

use libp2p::gossipsub::{MessageAcceptance, MessageId};
use libp2p::swarm::DialError;
use libp2p::{Multiaddr, PeerId};

/// The BLAKE3 hash of a gossip message's payload, whoever sent it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GossipId(pub [u8; 32]);

impl GossipId {
    /// The id of a message with this payload.
    pub fn of(payload: &[u8]) -> Self {
        Self(*blake3::hash(payload).as_bytes())
    }

    pub(super) fn to_message_id(self) -> MessageId {
        MessageId::new(&self.0)
    }

    /// `None` when the id was not made by [`GossipId::of`].
    pub(super) fn from_message_id(id: &MessageId) -> Option<Self> {
        <[u8; 32]>::try_from(id.0.as_slice()).ok().map(Self)
    }
}

impl fmt::Display for GossipId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for GossipId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "GossipId({self})")
    }
}

/// What the application thinks of a gossip message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GossipVerdict {
    /// Valid and new: pass it on.
    Accept,
    /// Not to be passed on, but nobody's fault: known already, or not decidable here and now.
    Ignore,
    /// No honest peer would have passed this on: the one who did is penalized.
    Reject,
}

impl From<GossipVerdict> for MessageAcceptance {
    fn from(verdict: GossipVerdict) -> Self {
        match verdict {
            GossipVerdict::Accept => Self::Accept,
            GossipVerdict::Ignore => Self::Ignore,
            GossipVerdict::Reject => Self::Reject,
        }
    }
}

/// Why a peer could not be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnreachableReason {
    /// No connection came about.
    #[error("cannot connect: {source}")]
    Dial {
        /// What went wrong, for each address tried.
        source: DialError,
    },
    /// The peer belongs to another network.
    #[error("peer speaks {theirs:?}, this node speaks {ours:?}")]
    ForeignNetwork {
        /// What the peer says it speaks, shortened.
        theirs: String,
        /// What this node speaks.
        ours: String,
    },
    /// The peer closed the connection without a word, for instance because it has enough of them.
    #[error("peer closed the connection before it identified itself")]
    Closed,
    /// The peer did not say in time which network it belongs to.
    #[error("peer did not identify itself within {timeout_ms} ms")]
    Silent {
        /// How long this node waited.
        timeout_ms: u128,
    },
}

/// Something that happened in the network.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetworkEvent {
    /// A message came in. Answer it with [`Network::verdict`](super::Network::verdict); until then
    /// it is not passed on.
    Gossip {
        /// The bytes that were published.
        payload: Vec<u8>,
        /// The peer that passed it on, not necessarily its author.
        source: PeerId,
        /// What to name in the verdict.
        id: GossipId,
    },
    /// A peer of the same network is connected.
    PeerConnected {
        /// The peer.
        peer: PeerId,
    },
    /// A peer listens to gossip from now on: what met [`PublishOutcome::NoPeers`] can be published.
    ///
    /// [`PublishOutcome::NoPeers`]: super::PublishOutcome::NoPeers
    PeerSubscribed {
        /// The peer.
        peer: PeerId,
    },
    /// The last connection to a peer is gone. If the loss was no one's wish the peer is dialed
    /// again.
    PeerDisconnected {
        /// The peer.
        peer: PeerId,
    },
    /// The node listens on one more address.
    Listening {
        /// The address, with the port that was really taken.
        address: Multiaddr,
    },
    /// A peer could not be reached; it is tried again.
    Unreachable {
        /// The first of the addresses that were tried.
        address: Multiaddr,
        /// Why not.
        reason: UnreachableReason,
        /// The pause before the next attempt, `None` when this peer is given up.
        retry_in: Option<Duration>,
    },
}
