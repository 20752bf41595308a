//! Encoding a sector as a job of the worker: it gives way to everything more valuable at the next table
//! boundary, and later goes on with the records that are not done.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_kernels::plotting::{FinishedSector, Sector};
use tokio::sync::OwnedSemaphorePermit;

use super::Plotter;
use super::error::SessionError;
use super::progress::{Stage, Tracked};
use crate::scheduler::memory::MemoryNeed;
use crate::scheduler::{Job, Priority};
use crate::worker::{Control, JobEnd};

/// Plotting has no deadline.
const NO_DEADLINE: BlockNumber = BlockNumber(u32::MAX);

/// Times that the same records may fail one after the other: a device may have hiccups, but not for good.
const FAILURES_MAX: usize = 3;

/// A sector that is to be encoded.
#[derive(Debug)]
pub(super) struct Encoding {
    plotter: Arc<Plotter>,
    sector: Mutex<Option<Sector>>,
    tracked: Tracked,
    /// Held until the last thread has let go of the sector.
    _slot: Arc<OwnedSemaphorePermit>,
}

impl Encoding {
    pub(super) fn new(
        plotter: Arc<Plotter>,
        sector: Sector,
        tracked: Tracked,
        slot: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        Self { plotter, sector: Mutex::new(Some(sector)), tracked, _slot: slot }
    }

    /// Waits for its turn, then for the worker, and encodes. Dropping the future stops it.
    pub(super) async fn run(self) -> Result<FinishedSector, SessionError> {
        let plotter = Arc::clone(&self.plotter);
        let turn = Arc::clone(&plotter.turn).acquire_owned().await;
        let capacity_bytes = plotter.worker.configuration().memory_bytes;
        let memory = MemoryNeed::whole(plotter.settings.reserved_bytes.min(capacity_bytes));
        let job = Job { priority: Priority::Plotting, deadline_block: NO_DEADLINE, memory };
        self.tracked.reached(Stage::Encoding);
        let work = move |control: &Control| {
            let _turn = &turn;
            self.go(control)
        };
        plotter.worker.run(job, work).await?
    }

    /// One go: until all records are done, or the worker wants its machine back.
    fn go(&self, control: &Control) -> JobEnd<Result<FinishedSector, SessionError>> {
        let mut place = self.sector.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sector) = place.as_mut() else {
            return JobEnd::Finished(Err(SessionError::Unfinished { done_count: 0 }));
        };
        let mut failures = 0;
        while !sector.is_done() {
            if control.is_stopped() {
                tracing::debug!("plotting gives way to a more valuable job");
                return JobEnd::Stopped;
            }
            let (before, start) = (sector.done_count(), Instant::now());
            let end = sector.advance(self.plotter.encoder.as_ref(), &|| !control.is_stopped());
            let done = sector.done_count() - before;
            self.plotter.metrics.set_fallbacks(self.plotter.encoder.fallback_count());
            self.count(done, start, sector.done_count());
            if done > 0 {
                failures = 0;
            }
            let Err(error) = end else { continue };
            if error.is_stopped() && control.is_stopped() {
                continue;
            }
            failures += 1;
            if failures == FAILURES_MAX {
                return JobEnd::Finished(Err(error.into()));
            }
            tracing::warn!(%error, "records failed and are encoded again");
        }
        let finished = place.take().map(Sector::finish);
        JobEnd::Finished(match finished {
            Some(Ok(finished)) => Ok(finished),
            Some(Err(sector)) => Err(SessionError::Unfinished { done_count: sector.done_count() }),
            None => Err(SessionError::Unfinished { done_count: 0 }),
        })
    }

    fn count(&self, done: usize, start: Instant, done_in_all: usize) {
        if done > 0 {
            self.plotter.metrics.count_records(done);
            self.plotter.pace.add(done, start);
            self.tracked.encoded(done_in_all);
        }
    }
}

#[cfg(test)]
mod tests;
