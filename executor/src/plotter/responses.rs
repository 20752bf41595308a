//! The stream of responses to one request: numbered, acknowledged, never more than two under way.

use std::time::Duration;

use async_nats::{Client, Subject, Subscriber};
use futures::StreamExt;
use parity_scale_codec::Encode;
use tokio::time::{Instant, timeout_at};

use super::connection::PayloadLimit;
use super::wire::{StreamMessage, acknowledgement_inbox, decode_acknowledgement};

/// Why nothing more can be said to whoever asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// It did not acknowledge in time, so it is gone, or its acknowledgement was lost.
    #[error("message {index} was not acknowledged within {seconds} s")]
    NotAcknowledged {
        /// The message.
        index: u32,
        /// How long it could be.
        seconds: u64,
    },
    /// A message is too large for the server.
    #[error("message {index} has {bytes} bytes, the server allows {bytes_max}")]
    TooLarge {
        /// The message.
        index: u32,
        /// Its bytes.
        bytes: usize,
        /// What the server allows.
        bytes_max: usize,
    },
    /// The message could not be handed over.
    #[error("message {index} could not be sent")]
    Publish {
        /// The message.
        index: u32,
        /// What happened.
        source: async_nats::PublishError,
    },
    /// Acknowledgements cannot be listened for.
    #[error("acknowledgements cannot be listened for")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// The connection is closed for good.
    #[error("the connection to the NATS server is closed for good")]
    Closed,
    /// More messages than can be numbered.
    #[error("more messages than can be numbered")]
    Numbers,
}

/// A stream of responses under way.
#[derive(Debug)]
pub(super) struct Responses {
    client: Client,
    subject: Subject,
    limit: PayloadLimit,
    acknowledgement_subject: String,
    acknowledgements: Subscriber,
    patience: Duration,
    next_index: u32,
    /// Messages that were acknowledged, from the first on.
    acknowledged: u32,
}

impl Responses {
    /// Begins to answer on `subject`; listens for acknowledgements before anything is sent.
    pub(super) async fn open(
        client: &Client,
        subject: Subject,
        limit: PayloadLimit,
        patience: Duration,
    ) -> Result<Self, ResponseError> {
        let acknowledgement_subject = acknowledgement_inbox();
        let acknowledgements = client.subscribe(acknowledgement_subject.clone()).await?;
        Ok(Self {
            client: client.clone(),
            subject,
            limit,
            acknowledgement_subject,
            acknowledgements,
            patience,
            next_index: 0,
            acknowledged: 0,
        })
    }

    /// Sends a response that is not the last, then waits until the one before is acknowledged.
    pub(super) async fn send<R: Encode>(&mut self, response: R) -> Result<(), ResponseError> {
        let index = self.next_index;
        self.next_index = index.checked_add(1).ok_or(ResponseError::Numbers)?;
        let message = StreamMessage::Continue {
            index,
            responses: vec![response],
            acknowledgement_subject: self.acknowledgement_subject.clone(),
        };
        self.publish(index, message.encode()).await?;
        self.wait_until_acknowledged(index).await
    }

    /// Sends the last response; nothing can follow.
    pub(super) async fn finish<R: Encode>(&self, response: R) -> Result<(), ResponseError> {
        let index = self.next_index;
        let message = StreamMessage::Last { index, responses: vec![response] };
        self.publish(index, message.encode()).await
    }

    async fn publish(&self, index: u32, bytes: Vec<u8>) -> Result<(), ResponseError> {
        publish(&self.client, self.subject.clone(), self.limit, index, bytes).await
    }

    /// Waits until the first `count` messages are acknowledged. Whoever acknowledges a message has got all
    /// before it, so a lost acknowledgement does no harm when a later one comes.
    async fn wait_until_acknowledged(&mut self, count: u32) -> Result<(), ResponseError> {
        let deadline = Instant::now() + self.patience;
        while self.acknowledged < count {
            let late = ResponseError::NotAcknowledged {
                index: count - 1,
                seconds: self.patience.as_secs(),
            };
            let received = timeout_at(deadline, self.acknowledgements.next()).await;
            let message = received.map_err(|_| late)?.ok_or(ResponseError::Closed)?;
            match decode_acknowledgement(&message.payload) {
                Ok(index) if index < self.next_index => {
                    self.acknowledged = self.acknowledged.max(index + 1);
                }
                Ok(index) => tracing::warn!(index, "a message was acknowledged that was not sent"),
                Err(error) => tracing::warn!(%error, "an acknowledgement is not understood"),
            }
        }
        Ok(())
    }
}

/// Answers with one response that is the first and the last.
pub(super) async fn answer<R: Encode>(
    client: &Client,
    subject: Subject,
    limit: PayloadLimit,
    response: R,
) -> Result<(), ResponseError> {
    let message = StreamMessage::Last { index: 0, responses: vec![response] };
    publish(client, subject, limit, 0, message.encode()).await
}

async fn publish(
    client: &Client,
    subject: Subject,
    limit: PayloadLimit,
    index: u32,
    bytes: Vec<u8>,
) -> Result<(), ResponseError> {
    let bytes_max = limit.message_bytes;
    if bytes.len() > bytes_max {
        return Err(ResponseError::TooLarge { index, bytes: bytes.len(), bytes_max });
    }
    let published = client.publish(subject, bytes.into()).await;
    published.map_err(|source| ResponseError::Publish { index, source })
}
