//! Gossip: out by [`publish`](Driver::publish), in through the desk where messages wait for their
//! verdict.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId};

use super::Driver;
use crate::network::command::{PublishError, PublishOutcome};
use crate::network::event::{GossipId, GossipVerdict, NetworkEvent};
use crate::network::reputation::Offence;

impl Driver {
    pub(super) fn publish(&mut self, payload: Vec<u8>) -> Result<PublishOutcome, PublishError> {
        let (bytes, bytes_max) = (payload.len(), self.limits.gossip_bytes_max);
        if bytes > bytes_max {
            return Err(PublishError::TooLong { bytes, bytes_max });
        }
        let id = GossipId::of(&payload);
        match self.swarm.behaviour_mut().gossip.publish(self.topic.hash(), payload) {
            Ok(_) => Ok(PublishOutcome::Published { id }),
            Err(gossipsub::PublishError::Duplicate) => Ok(PublishOutcome::Duplicate { id }),
            Err(gossipsub::PublishError::NoPeersSubscribedToTopic) => Ok(PublishOutcome::NoPeers),
            Err(gossipsub::PublishError::AllQueuesFull(peer_count)) => {
                Ok(PublishOutcome::QueuesFull { peer_count })
            }
            Err(source) => Err(PublishError::Prepare { source }),
        }
    }

    /// Passes a verdict on; `false` when the message does not wait (any more).
    pub(super) fn judge(&mut self, id: GossipId, verdict: GossipVerdict) -> bool {
        let Some(source) = self.desk.settle(id) else {
            return false;
        };
        self.report(&id.to_message_id(), source, verdict.into());
        if verdict == GossipVerdict::Reject {
            self.punish(source, Offence::RejectedGossip);
        }
        true
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                self.take_message(propagation_source, &message_id, message.data);
            }
            gossipsub::Event::Subscribed { peer_id, .. } => {
                self.events.push(NetworkEvent::PeerSubscribed { peer: peer_id });
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                tracing::debug!(peer = %peer_id, "a peer is too slow for gossip");
            }
            _ => {}
        }
    }

    pub(super) fn expire_gossip(&mut self, now: Instant) {
        for (id, source) in self.desk.expire(now) {
            tracing::warn!(%id, "no verdict on a gossip message came in time, it is ignored");
            self.report(&id.to_message_id(), source, MessageAcceptance::Ignore);
        }
    }

    fn take_message(&mut self, source: PeerId, message_id: &MessageId, payload: Vec<u8>) {
        let Some(id) = GossipId::from_message_id(message_id) else {
            return;
        };
        if payload.len() > self.limits.gossip_bytes_max {
            self.report(message_id, source, MessageAcceptance::Reject);
            self.punish(source, Offence::RejectedGossip);
            return;
        }
        let has_room = self.desk.admit(id, source, payload.len(), Instant::now());
        if has_room && self.events.offer(NetworkEvent::Gossip { payload, source, id }) {
            return;
        }
        if has_room {
            self.desk.settle(id);
        }
        // Not forwarded and nobody's fault; others may offer it again.
        self.report(message_id, source, MessageAcceptance::Ignore);
        self.shed_count += 1;
        tracing::warn!(%id, %source, shed_count = self.shed_count, "too much gossip, one message shed");
    }

    fn report(&mut self, id: &MessageId, source: PeerId, acceptance: MessageAcceptance) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if !gossip.report_message_validation_result(id, &source, acceptance) {
            tracing::debug!(%id, "a verdict came after the message was forgotten");
        }
    }
}
