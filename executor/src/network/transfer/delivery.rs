//! The way from a transfer to its sink, which runs on a thread of its own because it may block.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::FetchError;
use crate::network::artefacts::{ArtefactSink, Delivery, RangeFeed, ReceivedRange};
use crate::store::artefacts::{ArtefactError, ContentHash};

/// Ranges that wait for the disk before the transfer waits for it too.
const DELIVERIES_MAX: usize = 4;

/// A sink that is receiving.
#[derive(Debug)]
pub(super) struct Delivered {
    hash: ContentHash,
    deliveries: mpsc::Sender<Delivery>,
    sink: JoinHandle<Result<(), ArtefactError>>,
}

impl Delivered {
    /// Starts the sink and returns the ranges it lacks.
    pub(super) async fn begin(
        sink: Arc<dyn ArtefactSink>,
        hash: ContentHash,
        total_bytes: u64,
    ) -> Result<(Self, Vec<Range<u64>>), FetchError> {
        let (deliveries, inbox) = mpsc::channel(DELIVERIES_MAX);
        let (lacking, missing) = oneshot::channel();
        let sink = tokio::task::spawn_blocking(move || {
            sink.receive(hash, total_bytes, &mut RangeFeed::new(inbox, lacking))
        });
        let mut delivered = Self { hash, deliveries, sink };
        match missing.await {
            Ok(missing) => Ok((delivered, missing)),
            Err(_) => Err(delivered.reason_of_end().await),
        }
    }

    /// Hands over a verified range.
    pub(super) async fn range(&mut self, range: ReceivedRange) -> Result<(), FetchError> {
        match self.deliveries.send(Delivery::Range(range)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.reason_of_end().await),
        }
    }

    /// Tells the sink that it has everything, and waits until the artefact is kept.
    pub(super) async fn complete(mut self) -> Result<(), FetchError> {
        let hash = self.hash;
        if self.deliveries.send(Delivery::Complete).await.is_err() {
            return Err(self.reason_of_end().await);
        }
        match self.sink.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(FetchError::Sink { hash, source }),
            Err(_) => Err(FetchError::SinkEnded { hash }),
        }
    }

    async fn reason_of_end(&mut self) -> FetchError {
        let hash = self.hash;
        match (&mut self.sink).await {
            Ok(Err(source)) => FetchError::Sink { hash, source },
            Ok(Ok(())) | Err(_) => FetchError::SinkEnded { hash },
        }
    }
}
