//! The pieces of one sector as they come in: what is there, what is missing, and what was wrong.

use std::collections::{BTreeMap, BTreeSet};

use aipot_kernels::plotting::Piece;

use super::PieceSourceError;
use crate::plotter::requests::RequestError;
use crate::plotter::wire::PieceBytes;

/// Pieces of one sector.
#[derive(Debug)]
pub(super) struct Collection {
    pieces: BTreeMap<u64, Piece>,
    missing: BTreeSet<u64>,
    /// What was wrong with the last offer for a piece.
    faults: BTreeMap<u64, PieceSourceError>,
    /// A piece that was given without being asked for.
    unasked: Option<u64>,
    /// The request whose failure says most.
    failed: Option<RequestError>,
}

impl Collection {
    /// Nothing of these yet.
    pub(super) fn new(piece_indexes: &[u64]) -> Self {
        Self {
            pieces: BTreeMap::new(),
            missing: piece_indexes.iter().copied().collect(),
            faults: BTreeMap::new(),
            unasked: None,
            failed: None,
        }
    }

    /// Pieces that are missing, in order.
    pub(super) fn missing(&self) -> Vec<u64> {
        self.missing.iter().copied().collect()
    }

    /// Whether a piece is missing.
    pub(super) fn is_missing(&self, piece_index: u64) -> bool {
        self.missing.contains(&piece_index)
    }

    /// Takes what was given when `asked` was asked for; says whether it was taken.
    pub(super) fn take(&mut self, asked: u64, given: u64, bytes: PieceBytes) -> bool {
        if asked == given {
            return self.take_any(given, bytes);
        }
        let fault = PieceSourceError::OtherPiece { piece_index: asked, given };
        tracing::warn!(asked, given, "another piece was given than was asked for");
        self.faults.insert(asked, fault);
        false
    }

    /// Takes what was given when all that is missing was asked for; says whether it was taken.
    pub(super) fn take_any(&mut self, given: u64, bytes: PieceBytes) -> bool {
        if !self.is_missing(given) {
            tracing::warn!(given, "a piece was given that was not asked for");
            self.unasked = Some(given);
            return false;
        }
        match Piece::new(bytes.0) {
            Ok(piece) => {
                self.missing.remove(&given);
                self.pieces.insert(given, piece);
                true
            }
            Err(source) => {
                tracing::warn!(piece_index = given, %source, "not a piece");
                let fault = PieceSourceError::NotAPiece { piece_index: given, source };
                self.faults.insert(given, fault);
                false
            }
        }
    }

    /// Remembers why somebody gave nothing. That nobody is there says less than anything else.
    pub(super) fn note(&mut self, error: RequestError) {
        tracing::warn!(%error, "a request for pieces failed");
        if matches!(self.failed, None | Some(RequestError::NobodyThere { .. })) {
            self.failed = Some(error);
        }
    }

    /// The pieces in the order of `piece_indexes`, or what explains best why some are missing.
    pub(super) fn finish(mut self, piece_indexes: &[u64]) -> Result<Vec<Piece>, PieceSourceError> {
        let count = self.missing.len();
        let Some(piece_index) = self.missing.first().copied() else {
            return Ok(self.in_order(piece_indexes));
        };
        if let Some((_, fault)) = self.faults.into_iter().find(|(at, _)| self.missing.contains(at))
        {
            return Err(fault);
        }
        Err(match (self.unasked.take(), self.failed.take()) {
            (Some(given), _) => PieceSourceError::Unasked { piece_index, given },
            (None, Some(source)) => PieceSourceError::Unanswered { count, piece_index, source },
            (None, None) => PieceSourceError::Missing { count, piece_index },
        })
    }

    /// Copies only what stands in a sector more than once.
    fn in_order(&mut self, piece_indexes: &[u64]) -> Vec<Piece> {
        let mut uses: BTreeMap<u64, usize> = BTreeMap::new();
        for &piece_index in piece_indexes {
            *uses.entry(piece_index).or_default() += 1;
        }
        let pieces = piece_indexes.iter().filter_map(|piece_index| {
            let left = uses.get_mut(piece_index)?;
            *left -= 1;
            if *left == 0 {
                self.pieces.remove(piece_index)
            } else {
                self.pieces.get(piece_index).cloned()
            }
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests;
