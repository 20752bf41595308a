//! What a network is started with: identity, addresses, the network's name and every bound.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use libp2p::identity::{DecodingError, Keypair};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Separates the key of the network identity from every other use of the same seed.
const IDENTITY_CONTEXT: &str = "aipot network identity v1";

/// Longest name of a network: protocol names travel in every stream negotiation.
const NETWORK_ID_BYTES_MAX: usize = 64;

/// The secret from which a node's network identity is derived.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct IdentitySeed([u8; 32]);

impl IdentitySeed {
    /// Takes 32 secret bytes; the identity key is derived from them, so that the same seed may
    /// serve other purposes too.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// The name under which peers know the node with this seed.
    ///
    /// # Errors
    /// When the derived bytes are no ed25519 secret, which no 32 bytes are known to be.
    pub fn peer_id(&self) -> Result<PeerId, DecodingError> {
        Ok(self.keypair()?.public().to_peer_id())
    }

    pub(super) fn keypair(&self) -> Result<Keypair, DecodingError> {
        Keypair::ed25519_from_bytes(blake3::derive_key(IDENTITY_CONTEXT, &self.0))
    }
}

impl fmt::Debug for IdentitySeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentitySeed(secret)")
    }
}

/// The name of a network. It is part of every protocol name, so foreign networks never mix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkId(String);

/// A text that is no [`NetworkId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("network id {found:?} is not 1 to {bytes_max} of the characters a-z, 0-9 and -")]
pub struct NetworkIdError {
    /// The text that was refused.
    pub found: String,
    /// The longest name allowed.
    pub bytes_max: usize,
}

impl FromStr for NetworkId {
    type Err = NetworkIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_sized = (1..=NETWORK_ID_BYTES_MAX).contains(&text.len());
        if !is_sized || !text.bytes().all(is_allowed) {
            let found = text.chars().take(NETWORK_ID_BYTES_MAX).collect();
            return Err(NetworkIdError { found, bytes_max: NETWORK_ID_BYTES_MAX });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl NetworkId {
    /// The full name of one of this network's protocols or topics.
    pub(super) fn name(&self, protocol: &str) -> String {
        format!("/{}/{protocol}", self.0)
    }

    pub(super) fn protocol(
        &self,
        protocol: &str,
    ) -> Result<StreamProtocol, libp2p::swarm::InvalidProtocol> {
        StreamProtocol::try_from_owned(self.name(protocol))
    }
}

/// What [`Network::start`](super::Network::start) needs to know.
#[derive(Clone, Debug)]
pub struct NetworkConfiguration {
    /// The secret of this node's identity.
    pub identity: IdentitySeed,
    /// Addresses to listen on, for instance `/ip4/127.0.0.1/tcp/0` and
    /// `/ip4/127.0.0.1/udp/0/quic-v1`.
    pub listen: Vec<Multiaddr>,
    /// Addresses of peers to begin with; they are dialed again for ever. An address of this node
    /// itself is passed over.
    pub bootstrap: Vec<Multiaddr>,
    /// The network this node belongs to.
    pub network_id: NetworkId,
    /// Every bound on what others may make this node do.
    pub limits: NetworkLimits,
}

/// Bounds on memory, connections and patience. The defaults suit a node with up to some hundred
/// peers and a gigabyte to spare in the worst case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkLimits {
    /// Established connections, all together.
    pub connections_max: u32,
    /// Established connections that others opened; fewer than all, so that strangers alone cannot
    /// fill the table.
    pub connections_incoming_max: u32,
    /// Connections to one peer: one for each transport and direction.
    pub connections_per_peer_max: u32,
    /// Connections being set up, in each direction.
    pub connections_pending_max: u32,
    /// Longest gossip message.
    pub gossip_bytes_max: usize,
    /// Gossip messages that wait for a verdict; a quarter of them may come from one peer.
    pub gossip_waiting_max: usize,
    /// Bytes of gossip messages that wait for a verdict, likewise.
    pub gossip_waiting_bytes_max: usize,
    /// How long a gossip message waits for its verdict before it is ignored.
    pub verdict_timeout: Duration,
    /// How long a message is remembered; publishing the same bytes earlier is a duplicate.
    pub gossip_memory: Duration,
    /// How long one artefact request may take.
    pub request_timeout: Duration,
    /// Artefact requests under way to one peer.
    pub requests_per_peer_max: usize,
    /// Artefact requests of one peer answered at once; more are told that this node is busy.
    pub serving_per_peer_max: usize,
    /// Artefact requests answered at once, all together.
    pub serving_max: usize,
    /// Artefacts fetched at once; more wait their turn.
    pub transfers_max: usize,
    /// How long a new connection may take to say which network it belongs to.
    pub identify_timeout: Duration,
    /// First pause before an unreachable peer is dialed again; each later one is twice as long.
    pub redial_delay_min: Duration,
    /// Longest pause before an unreachable peer is dialed again.
    pub redial_delay_max: Duration,
    /// How long a peer that lied is refused.
    pub ban: Duration,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self {
            connections_max: 128,
            connections_incoming_max: 96,
            connections_per_peer_max: 4,
            connections_pending_max: 32,
            gossip_bytes_max: 256 << 10,
            gossip_waiting_max: 1024,
            gossip_waiting_bytes_max: 16 << 20,
            verdict_timeout: Duration::from_secs(20),
            gossip_memory: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            requests_per_peer_max: 8,
            serving_per_peer_max: 16,
            serving_max: 128,
            transfers_max: 8,
            identify_timeout: Duration::from_secs(10),
            redial_delay_min: Duration::from_millis(200),
            redial_delay_max: Duration::from_secs(30),
            ban: Duration::from_mins(5),
        }
    }
}
