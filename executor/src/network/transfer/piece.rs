//! One range from one peer, checked on arrival.

use std::ops::Range;

use libp2p::PeerId;

use super::Exchange;
use crate::network::command::{AskError, Stopped};
use crate::network::reputation::Offence;
use crate::network::wire::{ArtefactRequest, ArtefactResponse, RANGE_BYTES_MAX, WireError};
use crate::store::artefacts::{ContentHash, RangeError, decode_range};

/// A range that verified.
#[derive(Debug)]
pub(super) struct Piece {
    /// Length of the artefact; proven if the range is its last one.
    pub(super) total_bytes: u64,
    pub(super) encoded: Vec<u8>,
}

/// Why a range did not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum PieceError {
    #[error("the peer no longer has the artefact")]
    Gone,
    #[error("the peer is busy")]
    Busy,
    #[error("the peer sent false data: {reason}")]
    False { offence: Offence, reason: Falsehood },
    #[error(transparent)]
    Failed { source: AskError },
    #[error("checking the range was interrupted")]
    Interrupted,
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What is false about what a peer sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Falsehood {
    #[error("no answer to the question")]
    WrongKind,
    #[error("{0}")]
    Garbage(WireError),
    #[error("claimed {claimed} bytes in all, then {sent}")]
    Length { claimed: u64, sent: u64 },
    #[error("{0}")]
    Range(RangeError),
}

/// The last range of an artefact: whole if it is short, empty if it is.
pub(super) fn tail_of(total_bytes: u64) -> Range<u64> {
    let start = total_bytes.saturating_sub(1) / RANGE_BYTES_MAX * RANGE_BYTES_MAX;
    start..total_bytes
}

/// Asks `peer` for a range of the artefact (its hash and its length as far as known).
pub(super) async fn fetch_piece<E: Exchange>(
    exchange: &E,
    peer: PeerId,
    (hash, total_bytes): (ContentHash, u64),
    range: Range<u64>,
) -> Result<Piece, PieceError> {
    let (start, length) = (range.start, range.end.saturating_sub(range.start));
    let answer = exchange.ask(peer, ArtefactRequest::Range { hash, start, length }).await;
    let encoded = match answer {
        Ok(ArtefactResponse::Range { total_bytes: sent, encoded }) if sent == total_bytes => {
            encoded
        }
        other => return Err(refusal(other, total_bytes)),
    };
    let checked = tokio::task::spawn_blocking(move || {
        decode_range(hash, total_bytes, start, length, &encoded).map(|_| encoded)
    });
    match checked.await {
        Ok(Ok(encoded)) => Ok(Piece { total_bytes, encoded }),
        Ok(Err(error)) => {
            Err(PieceError::False { offence: Offence::FalseRange, reason: Falsehood::Range(error) })
        }
        Err(_) => Err(PieceError::Interrupted),
    }
}

fn refusal(answer: Result<ArtefactResponse, AskError>, claimed: u64) -> PieceError {
    let (offence, reason) = match answer {
        Ok(ArtefactResponse::NotFound) => return PieceError::Gone,
        Ok(ArtefactResponse::Busy) | Err(AskError::Crowded { .. }) => return PieceError::Busy,
        Ok(ArtefactResponse::Have { .. }) => (Offence::Garbage, Falsehood::WrongKind),
        Ok(ArtefactResponse::Range { total_bytes: sent, .. }) => {
            (Offence::FalseLength, Falsehood::Length { claimed, sent })
        }
        Err(AskError::Garbage { source, .. }) => (Offence::Garbage, Falsehood::Garbage(source)),
        Err(AskError::Stopped(stopped)) => return PieceError::Stopped(stopped),
        Err(source) => return PieceError::Failed { source },
    };
    PieceError::False { offence, reason }
}
