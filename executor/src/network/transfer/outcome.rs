//! What a transfer is asked for, and how it can end.

use libp2p::PeerId;

use crate::network::command::Stopped;
use crate::store::artefacts::{ArtefactError, ContentHash};

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// The artefact's name.
    pub hash: ContentHash,
    /// Longest artefact the caller takes.
    pub bytes_max: u64,
    /// Peers that may have it; all connected peers are asked as well.
    pub providers: Vec<PeerId>,
}

/// A transfer that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The artefact's name.
    pub hash: ContentHash,
    /// Its length; 0 also when it `was_stored` before.
    pub total_bytes: u64,
    /// Whether nothing had to be fetched.
    pub was_stored: bool,
    /// The peers that sent ranges which verified, in ascending order.
    pub sources: Vec<PeerId>,
}

/// Why an artefact was not fetched. What has been received is kept by the sink.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Everybody was asked and nobody has it.
    #[error("none of {asked_count} peers has artefact {hash}")]
    NotFound {
        /// The artefact.
        hash: ContentHash,
        /// How many peers were asked.
        asked_count: usize,
    },
    /// There was nobody to ask.
    #[error("nobody to ask for artefact {hash}")]
    NoPeers {
        /// The artefact.
        hash: ContentHash,
    },
    /// It is longer than the caller takes; the length is proven.
    #[error("artefact {hash} has {total_bytes} bytes, at most {bytes_max} are taken")]
    TooLarge {
        /// The artefact.
        hash: ContentHash,
        /// Its length.
        total_bytes: u64,
        /// The caller's limit.
        bytes_max: u64,
    },
    /// Somebody may have it, but it could not be had in several rounds: try again later.
    #[error(
        "artefact {hash} cannot be had: of {asked_count} peers {failed_count} failed and \
         {false_count} sent false data"
    )]
    Unavailable {
        /// The artefact.
        hash: ContentHash,
        /// How many peers were asked.
        asked_count: usize,
        /// How many of them failed or were busy.
        failed_count: usize,
        /// How many of them lied.
        false_count: usize,
    },
    /// The sink refused it, for instance because the disk is full.
    #[error("artefact {hash} cannot be kept: {source}")]
    Sink {
        /// The artefact.
        hash: ContentHash,
        /// What the sink said.
        source: ArtefactError,
    },
    /// The sink ended without a word: it panicked, or did not follow its contract.
    #[error("the sink of artefact {hash} ended before the transfer did")]
    SinkEnded {
        /// The artefact.
        hash: ContentHash,
    },
    /// The network has been shut down.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
