//! What the handle asks of the driver, and what comes back.

use libp2p::PeerId;
use libp2p::kad::store::Error as ProviderStoreError;
use libp2p::request_response::OutboundFailure;
use tokio::sync::oneshot;

use super::event::{GossipId, GossipVerdict};
use super::reputation::Offence;
use super::wire::WireError;
use crate::store::artefacts::ContentHash;

/// The network has been shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network has been shut down")]
pub struct Stopped;

/// What became of a message given to gossip. None of these is an error: the caller decides whether
/// to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// At least one peer has it in its queue.
    Published {
        /// The message.
        id: GossipId,
    },
    /// These bytes went through the network a short while ago
    /// ([`NetworkLimits::gossip_memory`](super::NetworkLimits::gossip_memory)).
    Duplicate {
        /// The message.
        id: GossipId,
    },
    /// Nobody is there to hear it yet. Nothing was sent or kept: publish it again later.
    NoPeers,
    /// All peers are slow just now. The message is still offered to them for some seconds; publish
    /// it again after the time for which duplicates are remembered.
    QueuesFull {
        /// How many peers could not take it.
        peer_count: usize,
    },
}

/// Why a message cannot be published at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Longer than the network carries.
    #[error("message has {bytes} bytes, at most {bytes_max} are carried")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It could not be signed or encoded.
    #[error("message cannot be prepared: {source}")]
    Prepare {
        /// What gossip said.
        source: libp2p::gossipsub::PublishError,
    },
    /// The network has been shut down.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why an artefact could not be announced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The table of announcements is full. Connected peers find the artefact nevertheless.
    #[error("artefact {hash} cannot be announced: {source}")]
    Full {
        /// The artefact.
        hash: ContentHash,
        /// What the table said.
        source: ProviderStoreError,
    },
    /// The network has been shut down.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a question to a peer brought no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Enough questions to this peer are under way.
    #[error("{requests_max} requests to {peer} are under way already")]
    Crowded {
        /// The peer.
        peer: PeerId,
        /// The limit.
        requests_max: usize,
    },
    /// The peer is refused because it misbehaved.
    #[error("{peer} is banned")]
    Banned {
        /// The peer.
        peer: PeerId,
    },
    /// The peer could not be reached or did not answer in time.
    #[error("{peer} did not answer: {source}")]
    Failed {
        /// The peer.
        peer: PeerId,
        /// What went wrong.
        source: OutboundFailure,
    },
    /// The peer answered with something that is no response.
    #[error("{peer} answered with garbage: {source}")]
    Garbage {
        /// The peer.
        peer: PeerId,
        /// What is wrong with it.
        source: WireError,
    },
    /// The network has been shut down.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What the handle asks of the driver.
#[derive(Debug)]
pub(super) enum Command {
    Publish { payload: Vec<u8>, reply: oneshot::Sender<Result<PublishOutcome, PublishError>> },
    Verdict { id: GossipId, verdict: GossipVerdict, reply: oneshot::Sender<bool> },
    Announce { hash: ContentHash, reply: oneshot::Sender<Result<(), AnnounceError>> },
    Providers { hash: ContentHash, reply: oneshot::Sender<Vec<PeerId>> },
    Ask { peer: PeerId, request: Vec<u8>, reply: oneshot::Sender<Result<Vec<u8>, AskError>> },
    Offence { peer: PeerId, offence: Offence },
    Shutdown { reply: oneshot::Sender<()> },
}
