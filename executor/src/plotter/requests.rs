//! Requests to caches and controllers, answered by one message or by a stream of them.

use std::time::Duration;

use async_nats::{Client, Request, RequestErrorKind, StatusCode, Subscriber};
use futures::StreamExt;
use parity_scale_codec::Encode;
use tokio::time::timeout;

use super::wire::{StreamMessage, WireError, encode_acknowledgement, response_inbox};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nobody listens there.
    #[error("nobody answers on {subject}")]
    NobodyThere {
        /// Where it was asked.
        subject: String,
    },
    /// The answer, or its next part, did not come in time.
    #[error("no answer on {subject} within {seconds} s")]
    Silent {
        /// Where it was asked.
        subject: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The answer is not understood.
    #[error("the answer on {subject} is not understood")]
    Undecodable {
        /// Where it was asked.
        subject: String,
        /// What is wrong.
        source: WireError,
    },
    /// A part of the answer is missing or came twice.
    #[error("part {found} of the answer on {subject} came where part {expected} was due")]
    Index {
        /// Where it was asked.
        subject: String,
        /// The part that was due.
        expected: u32,
        /// The part that came.
        found: u32,
    },
    /// A part of the answer that is not the last carries nothing.
    #[error("part {index} of the answer on {subject} is empty")]
    Empty {
        /// Where it was asked.
        subject: String,
        /// Which part.
        index: u32,
    },
    /// The request could not be made.
    #[error("nothing can be asked on {subject}")]
    Client {
        /// Where it should be asked.
        subject: String,
        /// What happened.
        source: async_nats::Error,
    },
    /// The connection is closed for good.
    #[error("the connection to the NATS server is closed for good")]
    Closed,
}

/// Reads one message of a stream.
type Decoder<R> = fn(&[u8]) -> Result<StreamMessage<R>, WireError>;

/// A stream of responses that is being received.
#[derive(Debug)]
pub(super) struct StreamRequest<R> {
    client: Client,
    subject: String,
    subscriber: Subscriber,
    decoder: Decoder<R>,
    patience: Duration,
    next_index: u32,
    is_over: bool,
}

impl<R> StreamRequest<R> {
    /// Asks on `subject`; the answers are read by `decoder`.
    pub(super) async fn open(
        client: &Client,
        subject: String,
        request: &impl Encode,
        decoder: Decoder<R>,
        patience: Duration,
    ) -> Result<Self, RequestError> {
        let failed = |source| RequestError::Client { subject: subject.clone(), source };
        let inbox = response_inbox();
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|e| failed(e.into()))?;
        client
            .publish_with_reply(subject.clone(), inbox, request.encode().into())
            .await
            .map_err(|error| failed(error.into()))?;
        let client = client.clone();
        Ok(Self { client, subject, subscriber, decoder, patience, next_index: 0, is_over: false })
    }

    /// The next responses, at least one; `None` when all have come.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<R>>, RequestError> {
        if self.is_over {
            return Ok(None);
        }
        let subject = || self.subject.clone();
        let received = timeout(self.patience, self.subscriber.next()).await;
        let seconds = self.patience.as_secs();
        let received =
            received.map_err(|_| RequestError::Silent { subject: subject(), seconds })?;
        let message = received.ok_or(RequestError::Closed)?;
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(RequestError::NobodyThere { subject: subject() });
        }
        let message = (self.decoder)(&message.payload)
            .map_err(|source| RequestError::Undecodable { subject: subject(), source })?;
        let (expected, found) = (self.next_index, message.index());
        if expected != found {
            return Err(RequestError::Index { subject: subject(), expected, found });
        }
        self.next_index = expected.wrapping_add(1);
        match &message {
            StreamMessage::Last { .. } => self.is_over = true,
            StreamMessage::Continue { acknowledgement_subject, .. } => {
                let acknowledgement = encode_acknowledgement(found).into();
                let published =
                    self.client.publish(acknowledgement_subject.clone(), acknowledgement).await;
                published.map_err(|error| RequestError::Client {
                    subject: subject(),
                    source: error.into(),
                })?;
            }
        }
        let responses = message.responses();
        match (responses.is_empty(), self.is_over) {
            (false, _) => Ok(Some(responses)),
            // The answer to a question about nothing that is there.
            (true, true) => Ok(None),
            (true, false) => Err(RequestError::Empty { subject: subject(), index: found }),
        }
    }
}

/// Asks on `subject` and reads the one answer.
pub(super) async fn ask<T>(
    client: &Client,
    subject: String,
    request: &impl Encode,
    decoder: fn(&[u8]) -> Result<T, WireError>,
    patience: Duration,
) -> Result<T, RequestError> {
    let payload = request.encode().into();
    let request = Request::new().payload(payload).timeout(Some(patience));
    match client.send_request(subject.clone(), request).await {
        Ok(message) => decoder(&message.payload)
            .map_err(|source| RequestError::Undecodable { subject, source }),
        Err(error) => Err(match error.kind() {
            RequestErrorKind::NoResponders => RequestError::NobodyThere { subject },
            RequestErrorKind::TimedOut => {
                RequestError::Silent { subject, seconds: patience.as_secs() }
            }
            _ => RequestError::Client { subject, source: error.into() },
        }),
    }
}
