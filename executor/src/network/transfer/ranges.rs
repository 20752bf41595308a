//! The ranges of a transfer: who is asked for which, and what becomes of what they send.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;

use super::candidates::Setback;
use super::delivery::Delivered;
use super::piece::{Piece, PieceError, fetch_piece, tail_of};
use super::schedule::Schedule;
use super::{Download, Errand, Exchange, FetchError, FetchRequest, Purpose, Step, Transfer};
use crate::network::artefacts::ReceivedRange;
use crate::network::wire::RANGE_BYTES_MAX;

/// Peers asked at once for the range that proves the length: one may be false.
const PROOFS_MAX: usize = 2;

/// Ranges in flight, all peers together; they wait in memory for the disk.
const PARTS_MAX: usize = 16;

/// After this time another peer is asked too. A link on which a range takes longer sends up to
/// twice as much.
const OVERDUE: Duration = Duration::from_secs(1);

impl<E: Exchange> Transfer<'_, E> {
    /// Gives work to every peer that can take some.
    pub(super) fn assign(&mut self) {
        while let Some((errand, total_bytes)) = self.next_errand() {
            self.begin_errand(errand, total_bytes);
        }
    }

    fn next_errand(&mut self) -> Option<(Errand, u64)> {
        let candidates = &mut self.candidates;
        if let Some(download) = &mut self.download {
            if self.parts_in_flight >= PARTS_MAX {
                return None;
            }
            let (peer, range) = download.schedule.next(|asked| candidates.take_idlest(asked))?;
            return Some((Errand { peer, purpose: Purpose::Part, range }, download.total_bytes));
        }
        if self.proofs_awaited >= PROOFS_MAX {
            return None;
        }
        let (peer, total_bytes) = candidates.take_unproven()?;
        self.proofs_awaited += 1;
        let range = tail_of(total_bytes);
        Some((Errand { peer, purpose: Purpose::Proof, range }, total_bytes))
    }

    fn begin_errand(&mut self, errand: Errand, total_bytes: u64) {
        match errand.purpose {
            Purpose::Proof => self.proofs_in_flight += 1,
            Purpose::Part => self.parts_in_flight += 1,
        }
        let (peer, purpose, start) = (errand.peer, errand.purpose, errand.range.start);
        self.push(async move {
            tokio::time::sleep(OVERDUE).await;
            Step::Overdue { peer, purpose, start }
        });
        let (exchange, hash) = (self.exchange, self.request.hash);
        self.push(async move {
            let range = errand.range.clone();
            let outcome = fetch_piece(exchange, errand.peer, (hash, total_bytes), range).await;
            Step::Piece { errand, outcome }
        });
    }

    pub(super) fn take_overdue(&mut self, peer: PeerId, purpose: Purpose, start: u64) {
        let is_awaited = match (purpose, &mut self.download) {
            (Purpose::Part, Some(download)) => download.schedule.overdue(start, peer),
            (Purpose::Proof, None) => {
                self.proofs_awaited = self.proofs_awaited.saturating_sub(1);
                false
            }
            _ => false,
        };
        if is_awaited {
            self.candidates.is_slow(peer);
        }
    }

    /// An errand is over, one way or the other.
    pub(super) async fn take_outcome(
        &mut self,
        errand: Errand,
        outcome: Result<Piece, PieceError>,
    ) -> Result<(), FetchError> {
        self.candidates.give_back(errand.peer);
        match errand.purpose {
            Purpose::Proof => {
                self.proofs_in_flight -= 1;
                // May be early by one that is overdue, which only lets one more peer be asked.
                self.proofs_awaited = self.proofs_awaited.saturating_sub(1);
            }
            Purpose::Part => self.parts_in_flight -= 1,
        }
        match outcome {
            Ok(piece) => self.take_piece(errand, piece).await,
            Err(error) => self.take_failure(errand, error).await,
        }
    }

    async fn take_piece(&mut self, errand: Errand, piece: Piece) -> Result<(), FetchError> {
        let Errand { peer, purpose, range } = errand;
        self.candidates.delivers(peer);
        self.round = 0;
        let is_first = self.download.is_none();
        if is_first {
            self.download = Some(self.begin_download(piece.total_bytes).await?);
            self.expose_false_lengths().await;
        }
        let Some(download) = &mut self.download else {
            return Ok(());
        };
        let is_wanted = match purpose {
            Purpose::Proof => is_first,
            Purpose::Part => download.schedule.delivered(range.start),
        };
        if !is_wanted {
            return Ok(());
        }
        let received = ReceivedRange {
            start: range.start,
            length: range.end - range.start,
            encoded: piece.encoded,
        };
        download.delivered.range(received).await
    }

    /// A first range verified, so the length is proven: open the sink and list what it lacks.
    async fn begin_download(&mut self, total_bytes: u64) -> Result<Download, FetchError> {
        let FetchRequest { hash, bytes_max, .. } = self.request;
        if total_bytes > bytes_max {
            return Err(FetchError::TooLarge { hash, total_bytes, bytes_max });
        }
        let (delivered, missing) =
            Delivered::begin(Arc::clone(&self.sink), hash, total_bytes).await?;
        // The proof itself is delivered next.
        let proven_from = tail_of(total_bytes).start;
        let missing = missing.into_iter().map(|range| range.start..range.end.min(proven_from));
        Ok(Download { total_bytes, schedule: Schedule::new(missing.flat_map(split)), delivered })
    }

    async fn take_failure(&mut self, errand: Errand, error: PieceError) -> Result<(), FetchError> {
        let Errand { peer, purpose, range } = errand;
        if let Some(download) = &mut self.download
            && purpose == Purpose::Part
        {
            download.schedule.failed(range.start, peer);
        }
        tracing::debug!(%peer, %error, "a range did not come");
        let setback = match error {
            PieceError::Stopped(stopped) => return Err(stopped.into()),
            PieceError::Gone => {
                self.candidates.is_absent(peer);
                return Ok(());
            }
            PieceError::False { offence, .. } => {
                self.expose(peer, offence).await;
                return Ok(());
            }
            PieceError::Busy => Setback::Busy,
            PieceError::Failed { .. } | PieceError::Interrupted => Setback::Failed,
        };
        if let Some(rest) = self.candidates.set_back(peer, setback) {
            self.push(async move {
                tokio::time::sleep(rest).await;
                Step::Rested { peer }
            });
        }
        Ok(())
    }
}

/// Cuts a range into pieces that may be asked for.
fn split(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let piece = start..range.end.min(start.saturating_add(RANGE_BYTES_MAX));
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests;
