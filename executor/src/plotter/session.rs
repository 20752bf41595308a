//! One sector for one farmer, from the request to the last byte.
//!
//! The farmer's silence ends a session: pings are acknowledged like everything else, and when an
//! acknowledgement does not come, all that works for the sector is stopped and its room given back.

use std::sync::Arc;
use std::time::Instant;

use aipot_kernels::plotting::{CheckPolicy, FinishedSector, Sector, SectorPlan};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{MissedTickBehavior, interval_at};
use ulid::Ulid;

use super::Plotter;
use super::encoding::Encoding;
use super::error::SessionError;
use super::pieces::PieceSource;
use super::progress::{Stage, Tracked};
use super::responses::{ResponseError, Responses};
use super::wire::{PlotSectorRequest, PlottingResponse, ReportedSector};

/// Chunks of a sector that wait to be sent; more would only take memory.
const WAITING_CHUNKS_MAX: usize = 2;

/// One sector in work.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) plotter: Arc<Plotter>,
    pub(super) pieces: Arc<dyn PieceSource>,
    pub(super) request: PlotSectorRequest,
    pub(super) responses: Responses,
    pub(super) chunk_bytes: usize,
    /// The room that the sector takes, given back by whoever works for it last.
    pub(super) slot: Arc<OwnedSemaphorePermit>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Session {
    /// Plots the sector and sends it, or tells the farmer why not.
    pub(super) async fn run(mut self) {
        let mut stopping = self.stopping.clone();
        let end = tokio::select! {
            end = self.plot() => end,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => Err(SessionError::Stopping),
        };
        let Err(error) = end else { return };
        self.plotter.metrics.count_error(error.kind());
        let told = error.told();
        tracing::warn!(sector_index = self.request.sector_index, error = told, "no sector");
        if matches!(error, SessionError::Farmer(_)) {
            return;
        }
        if let Err(error) = self.responses.finish(PlottingResponse::Error { error: told }).await {
            tracing::warn!(%error, "the farmer could not be told");
        }
    }

    /// Plots the sector and sends it.
    async fn plot(&mut self) -> Result<(), SessionError> {
        let start = Instant::now();
        let plan = self.plan()?;
        let tracked = self.plotter.track(&plan);
        let sector = self.download(plan, &tracked).await?;
        let finished = self.encode(sector, &tracked).await?;
        let plotted = Box::new(ReportedSector(finished.plotted()));
        self.send(PlottingResponse::Finished { plotted, time: start.elapsed() }).await?;
        tracked.reached(Stage::Sending);
        let sending = Instant::now();
        self.send_sector(finished).await?;
        self.plotter.metrics.observe("sending", sending.elapsed());
        self.plotter.metrics.count_sector();
        tracked.reached(Stage::Finished(start.elapsed()));
        Ok(())
    }

    fn plan(&self) -> Result<SectorPlan, SessionError> {
        let PlotSectorRequest { public_key, sector_index, information, pieces_in_sector } =
            &self.request;
        Ok(SectorPlan::new(public_key, *sector_index, information, *pieces_in_sector)?)
    }

    async fn download(
        &mut self,
        plan: SectorPlan,
        tracked: &Tracked,
    ) -> Result<Sector, SessionError> {
        let start = Instant::now();
        tracked.reached(Stage::Downloading);
        self.send(PlottingResponse::Downloading).await?;
        let (source, piece_indexes) = (Arc::clone(&self.pieces), plan.piece_indexes.clone());
        let slot = Arc::clone(&self.slot);
        let fetching = tokio::spawn(async move {
            let _slot = slot;
            source.fetch(&piece_indexes).await
        });
        let pieces = self.while_pinging(fetching).await??;
        let time = start.elapsed();
        self.plotter.metrics.observe("downloading", time);
        tracked.reached(Stage::Downloaded(time));
        self.send(PlottingResponse::Downloaded(time)).await?;
        let settings = &self.plotter.settings;
        // Nobody can know which chunks will be checked.
        let seed = blake3::hash(&Ulid::generate().to_bytes());
        let policy = CheckPolicy {
            chunks_per_record: settings.check.chunks_per_record,
            recreated_records: settings.check.recreated_records,
            seed: *seed.as_bytes(),
        };
        Ok(Sector::new(plan, settings.variant, pieces, policy)?)
    }

    async fn encode(
        &mut self,
        sector: Sector,
        tracked: &Tracked,
    ) -> Result<FinishedSector, SessionError> {
        let start = Instant::now();
        self.send(PlottingResponse::Encoding).await?;
        let encoding = Encoding::new(
            Arc::clone(&self.plotter),
            sector,
            tracked.clone(),
            Arc::clone(&self.slot),
        );
        let finished = self.while_pinging(tokio::spawn(encoding.run())).await??;
        let time = start.elapsed();
        self.plotter.metrics.observe("encoding", time);
        tracked.reached(Stage::Encoded(time));
        self.send(PlottingResponse::Encoded(time)).await?;
        Ok(finished)
    }

    /// Sends the chunks of a sector, the last of them in the last message.
    async fn send_sector(&mut self, sector: FinishedSector) -> Result<(), SessionError> {
        let (expected, chunk_bytes) = (sector.byte_count(), self.chunk_bytes);
        let (sender, mut chunks) = mpsc::channel(WAITING_CHUNKS_MAX);
        let slot = Arc::clone(&self.slot);
        let writing = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            write_chunks(&sector, chunk_bytes, &sender);
        });
        let mut sent = 0;
        while let Some(chunk) = chunks.recv().await {
            let bytes = chunk.len();
            sent += bytes;
            let response = PlottingResponse::SectorChunk(Ok(chunk));
            if sent == expected {
                self.responses.finish(response).await?;
            } else {
                self.send(response).await?;
            }
            self.plotter.metrics.count_sent(bytes);
        }
        writing.await?;
        if sent == expected { Ok(()) } else { Err(SessionError::CutShort { sent, expected }) }
    }

    async fn send(&mut self, response: PlottingResponse) -> Result<(), ResponseError> {
        self.responses.send(response).await
    }

    /// Waits for a task, telling the farmer now and then that we are still there. The task is stopped when
    /// this ends, however it ends.
    async fn while_pinging<T>(&mut self, mut task: JoinHandle<T>) -> Result<T, SessionError> {
        let _stops_when_dropped = AbortOnDrop(task.abort_handle());
        let every = self.plotter.settings.timings.ping;
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                end = &mut task => return Ok(end?),
                _ = ticks.tick() => self.send(PlottingResponse::Ping).await?,
            }
        }
    }
}

/// Stops a task whose result nobody waits for any more.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Cuts a sector into chunks of `chunk_bytes`, the last of which may be shorter, as fast as they are taken.
fn write_chunks(sector: &FinishedSector, chunk_bytes: usize, chunks: &mpsc::Sender<Vec<u8>>) {
    let mut chunk = Vec::with_capacity(chunk_bytes);
    let written = sector.write(|mut part| {
        while !part.is_empty() {
            let taken = part.len().min(chunk_bytes - chunk.len());
            chunk.extend_from_slice(&part[..taken]);
            part = &part[taken..];
            if chunk.len() == chunk_bytes {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(chunk_bytes));
                chunks.blocking_send(full)?;
            }
        }
        Ok(())
    });
    let end =
        written.and_then(|()| if chunk.is_empty() { Ok(()) } else { chunks.blocking_send(chunk) });
    if end.is_err() {
        tracing::debug!("nobody takes the rest of the sector");
    }
}
