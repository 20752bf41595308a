//! Answering what others ask: who may ask how much at once, and what they are told.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use libp2p::PeerId;
use parity_scale_codec::Encode;

use super::artefacts::ArtefactSource;
use super::configuration::NetworkLimits;
use super::wire::{ArtefactRequest, ArtefactResponse};
use crate::store::artefacts::ArtefactError;

/// The requests being answered, until their answers have left.
#[derive(Debug)]
pub(super) struct ServingLedger<Id> {
    per_peer_max: usize,
    total_max: usize,
    requests: HashMap<Id, PeerId>,
    by_peer: HashMap<PeerId, usize>,
}

impl<Id: Eq + Hash> ServingLedger<Id> {
    pub(super) fn new(limits: &NetworkLimits) -> Self {
        Self {
            per_peer_max: limits.serving_per_peer_max,
            total_max: limits.serving_max,
            requests: HashMap::new(),
            by_peer: HashMap::new(),
        }
    }

    /// Whether one more request of this peer is answered; if so it counts until it is released.
    pub(super) fn admit(&mut self, request: Id, peer: PeerId) -> bool {
        let of_peer = self.by_peer.get(&peer).copied().unwrap_or(0);
        if of_peer >= self.per_peer_max || self.requests.len() >= self.total_max {
            return false;
        }
        self.by_peer.insert(peer, of_peer + 1);
        self.requests.insert(request, peer);
        true
    }

    /// The answer has left, or never will.
    pub(super) fn release(&mut self, request: &Id) {
        let Some(peer) = self.requests.remove(request) else {
            return;
        };
        let of_peer = self.by_peer.get(&peer).copied().unwrap_or(0).saturating_sub(1);
        if of_peer == 0 {
            self.by_peer.remove(&peer);
        } else {
            self.by_peer.insert(peer, of_peer);
        }
    }
}

/// Looks up the answer to a request. May block.
pub(super) fn answer(source: &Arc<dyn ArtefactSource>, request: ArtefactRequest) -> Vec<u8> {
    let response = match request {
        ArtefactRequest::Have { hash } => source.total_bytes(hash).map(|total_bytes| {
            total_bytes.map_or(ArtefactResponse::NotFound, |total_bytes| ArtefactResponse::Have {
                total_bytes,
            })
        }),
        ArtefactRequest::Range { hash, start, length } => {
            source.encode(hash, start, length).map(|range| ArtefactResponse::Range {
                total_bytes: range.total_bytes,
                encoded: range.encoded,
            })
        }
    };
    response.unwrap_or_else(|error| not_served(&request, &error)).encode()
}

/// Our own trouble is logged; the asker only learns that it must ask somebody else.
fn not_served(request: &ArtefactRequest, error: &ArtefactError) -> ArtefactResponse {
    match error {
        ArtefactError::NotFound { .. } | ArtefactError::Range(_) => {
            tracing::debug!(?request, %error, "a peer asked for what is not here");
        }
        _ => tracing::error!(?request, %error, "cannot serve an artefact"),
    }
    ArtefactResponse::NotFound
}

#[cfg(test)]
mod tests;
