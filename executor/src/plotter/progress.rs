//! What a plotter tells people while it works.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aipot_kernels::plotting::{SectorId, SectorPlan};
use tokio::sync::broadcast;

/// Seconds of an hour.
const HOUR_SECONDS: f64 = 3600.0;

/// Where a sector is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Its pieces are being fetched.
    Downloading,
    /// Its pieces are there, after this time; it waits for its turn.
    Downloaded(Duration),
    /// Its records are being encoded.
    Encoding,
    /// All its records are encoded, after this time, waiting included.
    Encoded(Duration),
    /// It is on its way to the farmer.
    Sending,
    /// The farmer has it, after this time in all.
    Finished(Duration),
    /// There will be no sector.
    Failed,
}

/// How far a sector is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PlotterProgress {
    /// Name of the sector.
    pub sector_id: SectorId,
    /// Its number among those of its farmer.
    pub sector_index: u16,
    /// Where it is.
    pub stage: Stage,
    /// Records that are encoded.
    pub records_done: u16,
    /// Records that it has.
    pub records: u16,
    /// How many sectors of this size this plotter encodes in an hour; 0 before the first record.
    pub sectors_per_hour: f64,
}

/// How fast records were encoded so far.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    records: u64,
    time: Duration,
}

impl Pace {
    /// Records were encoded since `start`.
    pub(super) fn add(&self, records: usize, start: Instant) {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spent.records += records as u64;
        spent.time += start.elapsed();
    }

    /// Sectors of so many records in an hour.
    pub(super) fn sectors_per_hour(&self, records_in_sector: u16) -> f64 {
        let spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.records == 0 || records_in_sector == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let records = spent.records as f64;
        records / f64::from(records_in_sector) / spent.time.as_secs_f64() * HOUR_SECONDS
    }
}

/// A sector whose way is reported. When the last clone is gone before it is finished, it has failed.
#[derive(Clone, Debug)]
pub(super) struct Tracked(Arc<TrackedSector>);

#[derive(Debug)]
struct TrackedSector {
    reports: broadcast::Sender<PlotterProgress>,
    pace: Arc<Pace>,
    sector_id: SectorId,
    sector_index: u16,
    records: u16,
    records_done: AtomicU16,
    is_finished: AtomicBool,
}

impl Tracked {
    pub(super) fn new(
        plan: &SectorPlan,
        reports: broadcast::Sender<PlotterProgress>,
        pace: Arc<Pace>,
    ) -> Self {
        Self(Arc::new(TrackedSector {
            reports,
            pace,
            sector_id: plan.sector_id,
            sector_index: plan.sector_index,
            records: plan.pieces_in_sector(),
            records_done: AtomicU16::new(0),
            is_finished: AtomicBool::new(false),
        }))
    }

    /// Reports that the sector is at this stage.
    pub(super) fn reached(&self, stage: Stage) {
        if matches!(stage, Stage::Finished(_)) {
            self.0.is_finished.store(true, Ordering::Relaxed);
        }
        self.0.report(stage);
    }

    /// Reports how many records are encoded.
    pub(super) fn encoded(&self, records_done: usize) {
        let records_done = u16::try_from(records_done).unwrap_or(u16::MAX);
        self.0.records_done.store(records_done, Ordering::Relaxed);
        self.0.report(Stage::Encoding);
    }
}

impl TrackedSector {
    fn report(&self, stage: Stage) {
        let report = PlotterProgress {
            sector_id: self.sector_id,
            sector_index: self.sector_index,
            stage,
            records_done: self.records_done.load(Ordering::Relaxed),
            records: self.records,
            sectors_per_hour: self.pace.sectors_per_hour(self.records),
        };
        if self.reports.send(report).is_err() {
            tracing::trace!("nobody watches");
        }
    }
}

impl Drop for TrackedSector {
    fn drop(&mut self) {
        if !self.is_finished.load(Ordering::Relaxed) {
            self.report(Stage::Failed);
        }
    }
}

#[cfg(test)]
mod tests;
