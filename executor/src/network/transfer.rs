//! Fetching one artefact: who has it, how long it really is, and then its ranges from all who have
//! it, each checked before it is kept.
//!
//! A peer's word for the length proves nothing, so the last range is fetched first: it verifies only
//! under the true length. A peer that sends a false range is dropped and reported; one that fails or
//! is busy rests and is tried again, longer each time. What ends a transfer is in [`FetchError`].

mod candidates;
mod delivery;
mod outcome;
mod piece;
mod ranges;
mod schedule;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;

use self::candidates::Candidates;
use self::delivery::Delivered;
use self::piece::{Piece, PieceError};
use self::schedule::Schedule;
use super::artefacts::ArtefactSink;
use super::command::AskError;
use super::reputation::Offence;
use super::wire::{ArtefactRequest, ArtefactResponse};
use crate::store::artefacts::ContentHash;

pub use self::outcome::{FetchError, FetchRequest, Fetched};

/// Rounds of asking everybody before a transfer gives up.
const ROUNDS_MAX: u32 = 4;

/// Pause before the second round; each later one is twice as long.
const ROUND_PAUSE: Duration = Duration::from_millis(250);

/// After this time without an offer the routing table is searched too.
const PATIENCE: Duration = Duration::from_millis(500);

/// The way to the peers.
pub(super) trait Exchange: Sync {
    /// Peers that can be asked without dialing.
    fn connected(&self) -> Vec<PeerId>;

    /// Asks one peer.
    fn ask(
        &self,
        peer: PeerId,
        request: ArtefactRequest,
    ) -> impl Future<Output = Result<ArtefactResponse, AskError>> + Send;

    /// Searches the routing table for peers that announced an artefact.
    fn providers(&self, hash: ContentHash) -> impl Future<Output = Vec<PeerId>> + Send;

    /// Reports what a peer did.
    fn report(&self, peer: PeerId, offence: Offence) -> impl Future<Output = ()> + Send;
}

/// What a range is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To prove the length a peer claims.
    Proof,
    /// To have it.
    Part,
}

/// A range asked of a peer.
#[derive(Debug)]
struct Errand {
    peer: PeerId,
    purpose: Purpose,
    range: Range<u64>,
}

/// Something that came to its end.
enum Step {
    Offer { peer: PeerId, outcome: Result<ArtefactResponse, AskError> },
    Piece { errand: Errand, outcome: Result<Piece, PieceError> },
    Overdue { peer: PeerId, purpose: Purpose, start: u64 },
    Rested { peer: PeerId },
    Impatient,
    Discovered { peers: Vec<PeerId> },
}

/// The length is known: ranges go to the sink.
struct Download {
    total_bytes: u64,
    schedule: Schedule,
    delivered: Delivered,
}

/// One transfer under way.
struct Transfer<'exchange, E> {
    exchange: &'exchange E,
    request: FetchRequest,
    sink: Arc<dyn ArtefactSink>,
    candidates: Candidates,
    steps: FuturesUnordered<BoxFuture<'exchange, Step>>,
    proofs_in_flight: usize,
    /// Proofs that are not overdue; the others are no longer waited for.
    proofs_awaited: usize,
    parts_in_flight: usize,
    round: u32,
    has_searched: bool,
    download: Option<Download>,
}

/// Fetches one artefact into `sink`.
pub(super) async fn fetch<E: Exchange>(
    exchange: &E,
    request: FetchRequest,
    sink: Arc<dyn ArtefactSink>,
) -> Result<Fetched, FetchError> {
    let transfer = Transfer {
        exchange,
        request,
        sink,
        candidates: Candidates::default(),
        steps: FuturesUnordered::new(),
        proofs_in_flight: 0,
        proofs_awaited: 0,
        parts_in_flight: 0,
        round: 0,
        has_searched: false,
        download: None,
    };
    transfer.run().await
}

impl<'exchange, E: Exchange> Transfer<'exchange, E> {
    async fn run(mut self) -> Result<Fetched, FetchError> {
        let hash = self.request.hash;
        let sink = Arc::clone(&self.sink);
        let was_stored = tokio::task::spawn_blocking(move || sink.is_stored(hash)).await;
        if was_stored.map_err(|_| FetchError::SinkEnded { hash })? {
            return Ok(Fetched { hash, total_bytes: 0, was_stored: true, sources: Vec::new() });
        }
        self.ask_known();
        self.push(async {
            tokio::time::sleep(PATIENCE).await;
            Step::Impatient
        });
        loop {
            self.assign();
            let step = if self.is_round_over() { None } else { self.steps.next().await };
            match step {
                Some(step) => self.take(step).await?,
                None => self.next_round().await?,
            }
            if self.is_complete() {
                return self.finish().await;
            }
        }
    }

    fn push(&self, step: impl Future<Output = Step> + Send + 'exchange) {
        self.steps.push(Box::pin(step));
    }

    fn is_complete(&self) -> bool {
        self.download.as_ref().is_some_and(|download| download.schedule.is_empty())
    }

    /// Whether nobody is left who could still bring anything.
    fn is_round_over(&self) -> bool {
        let in_flight = self.proofs_in_flight + self.parts_in_flight;
        in_flight == 0 && !self.candidates.is_anything_pending()
    }

    async fn finish(self) -> Result<Fetched, FetchError> {
        let hash = self.request.hash;
        let sources = self.candidates.sources();
        // Only called when there is a download.
        let Some(download) = self.download else {
            return Err(FetchError::SinkEnded { hash });
        };
        download.delivered.complete().await?;
        Ok(Fetched { hash, total_bytes: download.total_bytes, was_stored: false, sources })
    }

    /// Asks hinted and connected peers that are not being asked and did not answer yet.
    fn ask_known(&mut self) {
        let connected = self.exchange.connected();
        let hinted = self.request.providers.clone();
        self.ask_all(hinted.into_iter().chain(connected));
    }

    fn ask_all(&mut self, peers: impl Iterator<Item = PeerId>) {
        let (exchange, hash) = (self.exchange, self.request.hash);
        for peer in peers.filter(|peer| self.candidates.begin_asking(*peer)) {
            let ask = async move {
                let outcome = exchange.ask(peer, ArtefactRequest::Have { hash }).await;
                Step::Offer { peer, outcome }
            };
            self.steps.push(Box::pin(ask));
        }
    }

    fn search(&mut self) {
        self.has_searched = true;
        self.candidates.begin_search();
        let (exchange, hash) = (self.exchange, self.request.hash);
        self.push(async move { Step::Discovered { peers: exchange.providers(hash).await } });
    }

    /// Nothing is under way any more: search further, ask again, or give up.
    async fn next_round(&mut self) -> Result<(), FetchError> {
        if !self.has_searched {
            self.search();
            return Ok(());
        }
        let hash = self.request.hash;
        let tally = self.candidates.tally();
        if tally.asked > 0 && tally.absent == tally.asked {
            return Err(FetchError::NotFound { hash, asked_count: tally.asked });
        }
        self.round += 1;
        if self.round >= ROUNDS_MAX {
            return Err(match tally.asked {
                0 => FetchError::NoPeers { hash },
                asked_count => FetchError::Unavailable {
                    hash,
                    asked_count,
                    failed_count: tally.failed,
                    false_count: tally.lying,
                },
            });
        }
        tokio::time::sleep(ROUND_PAUSE.saturating_mul(1 << (self.round - 1))).await;
        self.has_searched = false;
        self.candidates.forgive();
        let failed = self.candidates.unanswered();
        self.ask_all(failed.into_iter());
        self.ask_known();
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), FetchError> {
        match step {
            Step::Offer { peer, outcome } => self.take_offer(peer, outcome).await,
            Step::Piece { errand, outcome } => self.take_outcome(errand, outcome).await,
            Step::Overdue { peer, purpose, start } => {
                self.take_overdue(peer, purpose, start);
                Ok(())
            }
            Step::Rested { peer } => {
                self.candidates.end_rest(peer);
                Ok(())
            }
            Step::Impatient => {
                if !self.has_searched && !self.candidates.has_offers() {
                    self.search();
                }
                Ok(())
            }
            Step::Discovered { peers } => {
                self.candidates.end_search();
                self.ask_all(peers.into_iter());
                Ok(())
            }
        }
    }

    async fn take_offer(
        &mut self,
        peer: PeerId,
        outcome: Result<ArtefactResponse, AskError>,
    ) -> Result<(), FetchError> {
        match outcome {
            Ok(ArtefactResponse::Have { total_bytes }) => {
                self.candidates.offers(peer, total_bytes);
                self.expose_false_lengths().await;
            }
            Ok(ArtefactResponse::NotFound) => self.candidates.is_absent(peer),
            Ok(ArtefactResponse::Busy) => self.candidates.fails(peer),
            Ok(ArtefactResponse::Range { .. }) | Err(AskError::Garbage { .. }) => {
                self.expose(peer, Offence::Garbage).await;
            }
            Err(AskError::Stopped(stopped)) => return Err(stopped.into()),
            Err(error) => {
                tracing::debug!(%peer, %error, "a peer cannot be asked for an artefact");
                self.candidates.fails(peer);
            }
        }
        Ok(())
    }

    async fn expose(&mut self, peer: PeerId, offence: Offence) {
        self.candidates.lies(peer);
        self.exchange.report(peer, offence).await;
    }

    /// Once the length is proven, whoever claims another one is wrong.
    async fn expose_false_lengths(&mut self) {
        let Some(total_bytes) = self.download.as_ref().map(|download| download.total_bytes) else {
            return;
        };
        for peer in self.candidates.claiming_other_than(total_bytes) {
            self.expose(peer, Offence::FalseLength).await;
        }
    }
}

#[cfg(test)]
mod tests;
