//! Pieces of a farming cluster: what caches have, then what the controller gets elsewhere, then one by one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aipot_kernels::plotting::Piece;
use async_nats::Client;
use async_trait::async_trait;
use futures::StreamExt;
use parity_scale_codec::Encode;

use super::collection::Collection;
use super::{PieceSource, PieceSourceError};
use crate::plotter::metrics::{PieceOrigin, PlotterMetrics};
use crate::plotter::requests::{RequestError, StreamRequest, ask};
use crate::plotter::settings::PlotterSettings;
use crate::plotter::wire::{
    ANY_CACHE_GROUP, CacheId, FindPieceRequest, FindPiecesRequest, PIECE, PIECES, PieceBytes,
    PieceRequest, ReadPieceRequest, ReadPiecesRequest, ReadPiecesResponse, StreamMessage,
    WireError, decode_found_piece, decode_found_pieces, decode_piece, decode_pieces,
    decode_read_piece, decode_read_pieces, find_piece_in_cache, find_pieces_in_cache, read_piece,
    read_pieces,
};

/// Where a cache has which pieces: piece index by place.
type Places = BTreeMap<u32, u64>;

/// Asks a cluster for pieces.
#[derive(Debug)]
pub(in crate::plotter) struct ClusterPieces {
    client: Client,
    cache_group: String,
    caches_at_once: usize,
    patience: Duration,
    metrics: PlotterMetrics,
}

/// The pieces of one sector, filled from several caches at once.
struct Shared(Mutex<Collection>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Collection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PieceSource for ClusterPieces {
    async fn fetch(&self, piece_indexes: &[u64]) -> Result<Vec<Piece>, PieceSourceError> {
        let shared = Shared(Mutex::new(Collection::new(piece_indexes)));
        self.fetch_from_caches(&shared).await;
        self.fetch_from_controller(&shared).await;
        self.fetch_one_by_one(&shared).await;
        let collection = shared.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        collection.finish(piece_indexes)
    }
}

impl ClusterPieces {
    pub(in crate::plotter) fn new(
        client: Client,
        settings: &PlotterSettings,
        metrics: PlotterMetrics,
    ) -> Self {
        let cache_group = settings.cache_group.as_deref().unwrap_or(ANY_CACHE_GROUP);
        Self {
            client,
            cache_group: cache_group.to_owned(),
            caches_at_once: settings.caches_at_once.max(1),
            patience: settings.timings.response,
            metrics,
        }
    }

    fn count(&self, origin: PieceOrigin, bytes: usize) {
        self.metrics.count_piece(origin, bytes);
    }

    async fn fetch_from_caches(&self, shared: &Shared) {
        let places = match self.find_places(shared).await {
            Ok(places) => places,
            Err(error) => return shared.lock().note(error),
        };
        let read =
            async |(cache, places)| note(shared, self.read_cache(shared, cache, &places).await);
        futures::stream::iter(places).for_each_concurrent(self.caches_at_once, read).await;
    }

    /// Which cache has which of the missing pieces, and where.
    async fn find_places(
        &self,
        shared: &Shared,
    ) -> Result<BTreeMap<CacheId, Places>, RequestError> {
        let mut wanted = shared.lock().missing();
        let request = FindPiecesRequest { piece_indexes: wanted.clone() };
        let subject = find_pieces_in_cache(&self.cache_group);
        let mut answers = self.open(subject, &request, decode_found_pieces).await?;
        let mut places: BTreeMap<CacheId, Places> = BTreeMap::new();
        while let Some(found) = answers.next().await? {
            // Each piece is read from one place only, so the answer has a bound.
            let mut is_wanted = |piece_index| match wanted.binary_search(&piece_index) {
                Ok(place) => wanted.remove(place) == piece_index,
                Err(_) => false,
            };
            for (piece_index, cache, offset) in found.into_iter().filter(|one| is_wanted(one.0)) {
                places.entry(cache).or_default().insert(offset, piece_index);
            }
        }
        Ok(places)
    }

    async fn read_cache(
        &self,
        shared: &Shared,
        cache: CacheId,
        places: &Places,
    ) -> Result<(), RequestError> {
        let request = ReadPiecesRequest { offsets: places.keys().copied().collect() };
        let mut answers =
            self.open(read_pieces(cache.ulid()), &request, decode_read_pieces).await?;
        while let Some(read) = answers.next().await? {
            for one in read {
                self.take_from_cache(shared, cache, places, one);
            }
        }
        Ok(())
    }

    fn take_from_cache(
        &self,
        shared: &Shared,
        cache: CacheId,
        places: &Places,
        read: ReadPiecesResponse,
    ) {
        match read {
            Err(error) => tracing::warn!(?cache, error, "a cache could not read a piece"),
            Ok((_, None)) => tracing::debug!(?cache, "a cache has lost a piece"),
            Ok((offset, Some(piece))) => {
                let asked = places.get(&offset).copied();
                self.take(shared, PieceOrigin::Cache, asked, piece);
            }
        }
    }

    async fn fetch_from_controller(&self, shared: &Shared) {
        let piece_indexes = shared.lock().missing();
        if piece_indexes.is_empty() {
            return;
        }
        let request = FindPiecesRequest { piece_indexes };
        note(shared, self.read_controller(shared, &request).await);
    }

    async fn read_controller(
        &self,
        shared: &Shared,
        request: &FindPiecesRequest,
    ) -> Result<(), RequestError> {
        let mut answers = self.open(PIECES.to_owned(), request, decode_pieces).await?;
        while let Some(pieces) = answers.next().await? {
            for piece in pieces {
                self.take(shared, PieceOrigin::Controller, None, piece);
            }
        }
        Ok(())
    }

    /// A last try for each missing piece; ends with the first that nobody has.
    async fn fetch_one_by_one(&self, shared: &Shared) {
        let missing = shared.lock().missing();
        for piece_index in missing {
            note(shared, self.read_one_from_cache(shared, piece_index).await);
            if shared.lock().is_missing(piece_index) {
                note(shared, self.read_one_from_controller(shared, piece_index).await);
            }
            if shared.lock().is_missing(piece_index) {
                return;
            }
        }
    }

    async fn read_one_from_controller(
        &self,
        shared: &Shared,
        piece_index: u64,
    ) -> Result<(), RequestError> {
        let request = PieceRequest { piece_index };
        if let Some(bytes) = self.ask(PIECE.to_owned(), &request, decode_piece).await? {
            let piece = (piece_index, bytes);
            self.take(shared, PieceOrigin::LastTry, Some(piece_index), piece);
        }
        Ok(())
    }

    async fn read_one_from_cache(
        &self,
        shared: &Shared,
        piece_index: u64,
    ) -> Result<(), RequestError> {
        let subject = find_piece_in_cache(&self.cache_group);
        let request = FindPieceRequest { piece_index };
        let found = self.ask(subject, &request, decode_found_piece).await?;
        let Some((cache, offset)) = found else { return Ok(()) };
        let subject = read_piece(cache.ulid());
        match self.ask(subject, &ReadPieceRequest { offset }, decode_read_piece).await? {
            Ok(Some(piece)) => {
                self.take(shared, PieceOrigin::LastTry, Some(piece_index), piece);
            }
            Ok(None) => tracing::debug!(?cache, "a cache has lost a piece"),
            Err(error) => tracing::warn!(?cache, error, "a cache could not read a piece"),
        }
        Ok(())
    }

    /// Takes a piece if it is what was asked for; `None` when everything missing was.
    fn take(
        &self,
        shared: &Shared,
        origin: PieceOrigin,
        asked: Option<u64>,
        (given, bytes): (u64, PieceBytes),
    ) {
        let length = bytes.0.len();
        let is_taken = match asked {
            Some(asked) => shared.lock().take(asked, given, bytes),
            None => shared.lock().take_any(given, bytes),
        };
        if is_taken {
            self.count(origin, length);
        }
    }

    async fn open<R>(
        &self,
        subject: String,
        request: &(impl Encode + Sync),
        decoder: fn(&[u8]) -> Result<StreamMessage<R>, WireError>,
    ) -> Result<StreamRequest<R>, RequestError> {
        StreamRequest::open(&self.client, subject, request, decoder, self.patience).await
    }

    async fn ask<T>(
        &self,
        subject: String,
        request: &(impl Encode + Sync),
        decoder: fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, RequestError> {
        ask(&self.client, subject, request, decoder, self.patience).await
    }
}

/// Remembers a failure, so that it can be told if it mattered.
fn note(shared: &Shared, end: Result<(), RequestError>) {
    if let Err(error) = end {
        shared.lock().note(error);
    }
}
