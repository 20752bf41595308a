//! The protocols of a node, and how each is set up.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{
    self, IdentTopic, IdentityTransform, MessageAuthenticity, PeerScoreParams, PeerScoreThresholds,
    TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{PeerId, StreamProtocol, identify, kad, ping};

use super::artefact_protocol::ArtefactCodec;
use super::configuration::{NetworkConfiguration, NetworkId, NetworkLimits};
use super::event::GossipId;

/// What each protocol is called, after the network's name. The number is the version.
const IDENTIFY: &str = "node/1";
const GOSSIP_PROTOCOL: &str = "mesh/1";
const GOSSIP_TOPIC: &str = "gossip/1";
const ROUTING: &str = "routing/1";
const ARTEFACT: &str = "artefact/1";

/// How often peers say anew who they are; each time proves that the connection is of use.
const IDENTIFY_INTERVAL: Duration = Duration::from_mins(1);

/// How often a connection is tried, and how long it may take: a dead peer is noticed in seconds.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The gossip mesh is mended this often. A first mesh must stand well within a second.
const HEARTBEAT: Duration = Duration::from_millis(500);
const HEARTBEAT_FIRST: Duration = Duration::from_millis(100);

/// What a signed message weighs beside its payload: author, number, signature, topic, framing.
const GOSSIP_ENVELOPE_BYTES: usize = 1024;

/// Streams of one connection, artefact requests in both directions.
const ARTEFACT_STREAMS_MAX: usize = 64;

/// Artefacts whose providers are remembered for others, as asked by anyone: 20 peers each.
const PROVIDED_KEYS_MAX: usize = 4096;

/// How long a provider is believed, and how often this node repeats that it is one.
const PROVIDER_TIME: Duration = Duration::from_hours(1);
const PROVIDER_REPEAT: Duration = Duration::from_mins(10);

/// A lookup that takes longer finds nobody useful any more.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A rejected message weighs this much, squared by number: the third within seconds is beyond the
/// default threshold (-80) at which gossip of a peer is no longer listened to.
const REJECTED_MESSAGE_WEIGHT: f64 = -10.0;

/// What is left of the count of rejected messages after each second.
const REJECTED_MESSAGE_DECAY: f64 = 0.97;

/// How long gossip remembers the score of a peer that left; names cost nothing.
const SCORE_MEMORY: Duration = Duration::from_mins(1);

/// All protocols of a node. The first two refuse connections before the others see them.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) banned: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) gossip: Gossip,
    pub(super) routing: kad::Behaviour<MemoryStore>,
    pub(super) artefacts: request_response::Behaviour<ArtefactCodec>,
}

/// Gossip that listens to one topic only.
pub(super) type Gossip = gossipsub::Behaviour<IdentityTransform, WhitelistSubscriptionFilter>;

/// Why the protocols cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BehaviourError {
    /// Gossip refused its settings.
    #[error("gossip cannot be set up: {source}")]
    GossipSettings {
        /// Which ones.
        source: gossipsub::ConfigBuilderError,
    },
    /// Gossip could not be made.
    #[error("gossip cannot be set up: {reason}")]
    Gossip {
        /// What it said.
        reason: String,
    },
    /// Gossip refused the topic.
    #[error("the gossip topic is refused: {source}")]
    Topic {
        /// What it said.
        source: gossipsub::SubscriptionError,
    },
    /// A protocol name is none.
    #[error("a protocol name is refused: {source}")]
    ProtocolName {
        /// What is wrong with it.
        source: libp2p::swarm::InvalidProtocol,
    },
}

/// The topic on which this network gossips.
pub(super) fn topic(network_id: &NetworkId) -> IdentTopic {
    IdentTopic::new(network_id.name(GOSSIP_TOPIC))
}

/// What a node of this network says it speaks.
pub(super) fn spoken(network_id: &NetworkId) -> String {
    network_id.name(IDENTIFY)
}

impl Behaviour {
    pub(super) fn new(
        configuration: &NetworkConfiguration,
        keypair: &Keypair,
    ) -> Result<Self, BehaviourError> {
        let NetworkConfiguration { network_id, limits, .. } = configuration;
        let local = keypair.public().to_peer_id();
        let protocol = |name| {
            network_id.protocol(name).map_err(|source| BehaviourError::ProtocolName { source })
        };
        Ok(Self {
            limits: connection_limits(limits),
            banned: allow_block_list::Behaviour::default(),
            identify: identify_behaviour(network_id, keypair),
            ping: ping::Behaviour::new(
                ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
            ),
            gossip: gossip(network_id, limits, keypair)?,
            routing: routing(local, protocol(ROUTING)?),
            artefacts: artefacts(protocol(ARTEFACT)?, limits),
        })
    }
}

fn connection_limits(limits: &NetworkLimits) -> connection_limits::Behaviour {
    connection_limits::Behaviour::new(
        ConnectionLimits::default()
            .with_max_established(Some(limits.connections_max))
            .with_max_established_incoming(Some(limits.connections_incoming_max))
            .with_max_established_per_peer(Some(limits.connections_per_peer_max))
            .with_max_pending_incoming(Some(limits.connections_pending_max))
            .with_max_pending_outgoing(Some(limits.connections_pending_max)),
    )
}

fn identify_behaviour(network_id: &NetworkId, keypair: &Keypair) -> identify::Behaviour {
    identify::Behaviour::new(
        identify::Config::new(spoken(network_id), keypair.public())
            .with_agent_version(instance())
            .with_interval(IDENTIFY_INTERVAL)
            .with_push_listen_addr_updates(true),
    )
}

/// Program, version and start of this process: a peer that sees another start under the same name
/// knows that what it holds for a connection is a dead one, see the driver.
fn instance() -> String {
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("aipot/{} {:x}", env!("CARGO_PKG_VERSION"), start.as_nanos())
}

fn gossip(
    network_id: &NetworkId,
    limits: &NetworkLimits,
    keypair: &Keypair,
) -> Result<Gossip, BehaviourError> {
    let topic = topic(network_id);
    // Messages must be at hand until their verdict comes.
    let heartbeats = limits.verdict_timeout.as_millis() / HEARTBEAT.as_millis() + 2;
    let history_length = usize::try_from(heartbeats).unwrap_or(usize::MAX);
    let settings = gossipsub::ConfigBuilder::default()
        .protocol_id_prefix(network_id.name(GOSSIP_PROTOCOL))
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_initial_delay(HEARTBEAT_FIRST)
        .history_length(history_length)
        .duplicate_cache_time(limits.gossip_memory)
        .max_transmit_size(limits.gossip_bytes_max.saturating_add(GOSSIP_ENVELOPE_BYTES))
        .connection_handler_queue_len(limits.gossip_waiting_max)
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(|message| GossipId::of(&message.data).to_message_id())
        .flood_publish(true)
        .build()
        .map_err(|source| BehaviourError::GossipSettings { source })?;
    let refused = |reason: &str| BehaviourError::Gossip { reason: reason.to_owned() };
    let mut gossip = Gossip::new_with_subscription_filter(
        MessageAuthenticity::Signed(keypair.clone()),
        settings,
        WhitelistSubscriptionFilter(HashSet::from([topic.hash()])),
    )
    .map_err(refused)?;
    gossip
        .with_peer_score(score(&topic), PeerScoreThresholds::default())
        .map_err(|reason| BehaviourError::Gossip { reason })?;
    gossip.subscribe(&topic).map_err(|source| BehaviourError::Topic { source })?;
    Ok(gossip)
}

/// Only misbehaviour counts. A quiet network is healthy, so nothing is expected of a peer, and many
/// nodes of one machine share an address, so that is no offence either.
fn score(topic: &IdentTopic) -> PeerScoreParams {
    let on_topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: REJECTED_MESSAGE_WEIGHT,
        invalid_message_deliveries_decay: REJECTED_MESSAGE_DECAY,
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: [(topic.hash(), on_topic)].into(),
        ip_colocation_factor_weight: 0.0,
        retain_score: SCORE_MEMORY,
        ..PeerScoreParams::default()
    }
}

fn routing(local: PeerId, protocol: StreamProtocol) -> kad::Behaviour<MemoryStore> {
    // Values are never stored for others, only who provides what.
    let store = MemoryStoreConfig {
        max_records: 0,
        max_value_bytes: 0,
        max_provided_keys: PROVIDED_KEYS_MAX,
        ..MemoryStoreConfig::default()
    };
    let mut settings = kad::Config::new(protocol);
    settings
        .set_query_timeout(LOOKUP_TIMEOUT)
        .set_provider_record_ttl(Some(PROVIDER_TIME))
        .set_provider_publication_interval(Some(PROVIDER_REPEAT))
        // Only peers that identified themselves as of this network, see the driver.
        .set_kbucket_inserts(kad::BucketInserts::Manual);
    let store = MemoryStore::with_config(local, store);
    let mut routing = kad::Behaviour::with_config(local, store, settings);
    routing.set_mode(Some(kad::Mode::Server));
    routing
}

fn artefacts(
    protocol: StreamProtocol,
    limits: &NetworkLimits,
) -> request_response::Behaviour<ArtefactCodec> {
    let settings = request_response::Config::default()
        .with_request_timeout(limits.request_timeout)
        .with_max_concurrent_streams(ARTEFACT_STREAMS_MAX);
    request_response::Behaviour::new([(protocol, ProtocolSupport::Full)], settings)
}
