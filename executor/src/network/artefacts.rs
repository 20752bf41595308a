//! The two sides of an artefact transfer that touch a disk, and the artefact store as both.

use std::ops::Range;

use tokio::sync::{mpsc, oneshot};

use super::wire::RANGE_BYTES_MAX;
use crate::store::artefacts::{ArtefactError, ArtefactStore, ContentHash};

/// A range of an artefact, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRange {
    /// Length of the whole artefact.
    pub total_bytes: u64,
    /// The range with the hashes that tie it to the artefact's name.
    pub encoded: Vec<u8>,
}

/// Where artefacts that others ask for come from. Called on threads that may block.
pub trait ArtefactSource: Send + Sync + 'static {
    /// Length of an artefact, `None` when it is not here.
    ///
    /// # Errors
    /// [`ArtefactError`] when that cannot be told; the asker is told that it is not here.
    fn total_bytes(&self, hash: ContentHash) -> Result<Option<u64>, ArtefactError>;

    /// Encodes a range.
    ///
    /// # Errors
    /// [`ArtefactError`] when the range cannot be had; the asker is told that it is not here.
    fn encode(
        &self,
        hash: ContentHash,
        start: u64,
        length: u64,
    ) -> Result<EncodedRange, ArtefactError>;
}

/// Where fetched artefacts go. Called on threads that may block.
pub trait ArtefactSink: Send + Sync + 'static {
    /// Whether the whole artefact is there already.
    fn is_stored(&self, hash: ContentHash) -> bool;

    /// Takes one artefact, from beginning to end: calls [`RangeFeed::begin`] once with the ranges
    /// it lacks, then writes what [`RangeFeed::next_range`] gives until there is no more, and, if
    /// [`RangeFeed::is_complete`], gives the artefact its name. An interrupted transfer should be
    /// kept, so that the next one begins where it ended.
    ///
    /// # Errors
    /// [`ArtefactError`] when the artefact cannot be taken; the transfer then ends with it.
    fn receive(
        &self,
        hash: ContentHash,
        total_bytes: u64,
        feed: &mut RangeFeed,
    ) -> Result<(), ArtefactError>;
}

/// A range that has been checked against the artefact's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRange {
    /// First byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
    /// The range with its hashes, as it came.
    pub encoded: Vec<u8>,
}

/// What a transfer sends to its sink.
#[derive(Debug)]
pub(super) enum Delivery {
    Range(ReceivedRange),
    Complete,
}

/// The verified ranges of one artefact, as they come.
#[derive(Debug)]
pub struct RangeFeed {
    deliveries: mpsc::Receiver<Delivery>,
    missing: Option<oneshot::Sender<Vec<Range<u64>>>>,
    is_complete: bool,
}

impl RangeFeed {
    pub(super) fn new(
        deliveries: mpsc::Receiver<Delivery>,
        missing: oneshot::Sender<Vec<Range<u64>>>,
    ) -> Self {
        Self { deliveries, missing: Some(missing), is_complete: false }
    }

    /// Says which ranges are still to be fetched.
    pub fn begin(&mut self, missing: Vec<Range<u64>>) {
        if let Some(transfer) = self.missing.take()
            && transfer.send(missing).is_err()
        {
            tracing::debug!("the transfer was given up before it began");
        }
    }

    /// Waits for the next range; `None` when the transfer is over, one way or the other.
    pub fn next_range(&mut self) -> Option<ReceivedRange> {
        match self.deliveries.blocking_recv()? {
            Delivery::Range(range) => Some(range),
            Delivery::Complete => {
                self.is_complete = true;
                None
            }
        }
    }

    /// Whether every range asked for has been delivered.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl ArtefactSource for ArtefactStore {
    fn total_bytes(&self, hash: ContentHash) -> Result<Option<u64>, ArtefactError> {
        self.len(hash)
    }

    fn encode(
        &self,
        hash: ContentHash,
        start: u64,
        length: u64,
    ) -> Result<EncodedRange, ArtefactError> {
        let total_bytes = self.len(hash)?.ok_or(ArtefactError::NotFound { hash })?;
        let encoded = self.encode_range(hash, start, length)?;
        Ok(EncodedRange { total_bytes, encoded })
    }
}

impl ArtefactSink for ArtefactStore {
    fn is_stored(&self, hash: ContentHash) -> bool {
        self.has(hash)
    }

    fn receive(
        &self,
        hash: ContentHash,
        total_bytes: u64,
        feed: &mut RangeFeed,
    ) -> Result<(), ArtefactError> {
        let mut partial = self.partial(hash, total_bytes)?;
        feed.begin(partial.missing(RANGE_BYTES_MAX));
        while let Some(range) = feed.next_range() {
            partial.write_range(range.start, range.length, &range.encoded)?;
        }
        if feed.is_complete() {
            partial.finish()?;
        }
        Ok(())
    }
}
