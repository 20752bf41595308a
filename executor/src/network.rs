//! The peer-to-peer network of a node: gossip of opaque messages and verified artefact transfer.
//!
//! A [`Network`] listens, finds peers, spreads small messages (gossipsub) and moves artefacts
//! (request-response, every range checked against the artefact's hash before it is written). It
//! knows nothing of what the messages mean: the application gives a [`GossipVerdict`] on each.
//!
//! Data goes one way: `configuration` -> `behaviour` (the protocols) -> `driver` (the one task that
//! owns them) -> [`NetworkEvent`]s; the [`Network`] handle sends commands to the driver. What can
//! be decided without a socket (`redial`, `reputation`, `gossip_desk`, `wire`) is a plain value
//! that is told the time.

mod addresses;
mod artefact_protocol;
mod artefacts;
mod behaviour;
mod command;
mod configuration;
mod driver;
mod event;
mod event_queue;
mod gossip_desk;
mod handle;
mod redial;
mod reputation;
mod runs;
mod serving;
mod transfer;
pub mod wire;

pub use artefacts::{ArtefactSink, ArtefactSource, EncodedRange, RangeFeed, ReceivedRange};
pub use behaviour::BehaviourError;
pub use command::{AnnounceError, AskError, PublishError, PublishOutcome, Stopped};
pub use configuration::{
    IdentitySeed, NetworkConfiguration, NetworkId, NetworkIdError, NetworkLimits,
};
pub use event::{GossipId, GossipVerdict, NetworkEvent, UnreachableReason};
pub use handle::{Network, NetworkError};
pub use libp2p::{Multiaddr, PeerId};
pub use transfer::{FetchError, FetchRequest, Fetched};

#[cfg(test)]
mod tests;
