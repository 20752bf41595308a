//! Questions about artefacts, in both directions, and the search for those who announced one.

use std::collections::HashSet;
use std::sync::Arc;

use libp2p::PeerId;
use libp2p::kad::{self, GetProvidersOk, QueryResult, RecordKey};
use libp2p::request_response::{self, InboundRequestId, Message, ResponseChannel};
use parity_scale_codec::Encode;
use tokio::sync::oneshot;
use tokio::task::JoinError;

use super::{Driver, answer};
use crate::network::command::{AnnounceError, AskError};
use crate::network::reputation::Offence;
use crate::network::serving;
use crate::network::wire::{ArtefactResponse, decode_request};
use crate::store::artefacts::ContentHash;

/// Searches under way at once; each keeps a list of peers. More than transfers can ask for.
const LOOKUPS_MAX: usize = 64;

/// Peers found in one search: more help no transfer.
const FOUND_PEERS_MAX: usize = 20;

/// A question this node asked.
#[derive(Debug)]
pub(super) struct Ask {
    peer: PeerId,
    reply: oneshot::Sender<Result<Vec<u8>, AskError>>,
}

/// An answer that is ready to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    channel: ResponseChannel<Vec<u8>>,
    bytes: Vec<u8>,
}

/// A search in the routing table.
#[derive(Debug)]
pub(super) struct Lookup {
    found: HashSet<PeerId>,
    reply: oneshot::Sender<Vec<PeerId>>,
}

impl Driver {
    pub(super) fn ask(
        &mut self,
        peer: PeerId,
        request: Vec<u8>,
        reply: oneshot::Sender<Result<Vec<u8>, AskError>>,
    ) {
        let requests_max = self.limits.requests_per_peer_max;
        let under_way = self.asks_by_peer.get(&peer).copied().unwrap_or(0);
        if self.reputation.is_banned(&peer) {
            answer(reply, Err(AskError::Banned { peer }));
        } else if under_way >= requests_max {
            answer(reply, Err(AskError::Crowded { peer, requests_max }));
        } else {
            let id = self.swarm.behaviour_mut().artefacts.send_request(&peer, request);
            self.asks_by_peer.insert(peer, under_way + 1);
            self.asks.insert(id, Ask { peer, reply });
        }
    }

    pub(super) fn on_exchange(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    self.serve(peer, request_id, &request, channel);
                }
                Message::Response { request_id, response } => {
                    if let Some(ask) = self.take_ask(request_id) {
                        answer(ask.reply, Ok(response));
                    }
                }
            },
            request_response::Event::OutboundFailure { peer, request_id, error, .. } => {
                if let Some(ask) = self.take_ask(request_id) {
                    answer(ask.reply, Err(AskError::Failed { peer, source: error }));
                }
            }
            request_response::Event::InboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "an answer did not reach its asker");
                self.serving.release(&request_id);
            }
            request_response::Event::ResponseSent { request_id, .. } => {
                self.serving.release(&request_id);
            }
        }
    }

    /// An answer was looked up. If that panicked the asker is told nothing and asks another.
    pub(super) fn on_answer(&mut self, looked_up: Result<Answer, JoinError>) {
        match looked_up {
            Ok(Answer { channel, bytes }) => self.respond(channel, bytes),
            Err(error) => tracing::error!(%error, "looking up an artefact failed"),
        }
    }

    pub(super) fn announce(&mut self, hash: ContentHash) -> Result<(), AnnounceError> {
        let key = RecordKey::new(&hash.0);
        match self.swarm.behaviour_mut().routing.start_providing(key) {
            Ok(_) => Ok(()),
            Err(source) => Err(AnnounceError::Full { hash, source }),
        }
    }

    pub(super) fn look_up(&mut self, hash: ContentHash, reply: oneshot::Sender<Vec<PeerId>>) {
        if self.lookups.len() >= LOOKUPS_MAX {
            answer(reply, Vec::new());
            return;
        }
        let id = self.swarm.behaviour_mut().routing.get_providers(RecordKey::new(&hash.0));
        self.lookups.insert(id, Lookup { found: HashSet::new(), reply });
    }

    pub(super) fn on_routing(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed { id, result, step, .. } = event else {
            return;
        };
        if let QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) =
            result
            && let Some(lookup) = self.lookups.get_mut(&id)
        {
            let room = FOUND_PEERS_MAX.saturating_sub(lookup.found.len());
            lookup.found.extend(providers.into_iter().take(room));
        }
        if step.last
            && let Some(lookup) = self.lookups.remove(&id)
        {
            let local = *self.swarm.local_peer_id();
            answer(lookup.reply, lookup.found.into_iter().filter(|peer| *peer != local).collect());
        }
    }

    fn serve(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        request: &[u8],
        channel: ResponseChannel<Vec<u8>>,
    ) {
        let request = match decode_request(request) {
            Ok(request) => request,
            Err(error) => {
                tracing::debug!(%peer, %error, "a peer asked in garbage");
                self.punish(peer, Offence::Garbage);
                return;
            }
        };
        if !self.serving.admit(id, peer) {
            self.respond(channel, ArtefactResponse::Busy.encode());
            return;
        }
        let source = Arc::clone(&self.source);
        self.answers
            .spawn_blocking(move || Answer { channel, bytes: serving::answer(&source, request) });
    }

    fn respond(&mut self, channel: ResponseChannel<Vec<u8>>, bytes: Vec<u8>) {
        if self.swarm.behaviour_mut().artefacts.send_response(channel, bytes).is_err() {
            tracing::debug!("an asker was gone before its answer was ready");
        }
    }

    fn take_ask(&mut self, id: request_response::OutboundRequestId) -> Option<Ask> {
        let ask = self.asks.remove(&id)?;
        let under_way = self.asks_by_peer.get(&ask.peer).copied().unwrap_or(0).saturating_sub(1);
        if under_way == 0 {
            self.asks_by_peer.remove(&ask.peer);
        } else {
            self.asks_by_peer.insert(ask.peer, under_way);
        }
        Some(ask)
    }
}
