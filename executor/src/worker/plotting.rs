//! Plotting as a job of the worker: an encoder that waits until nothing more valuable needs the machine, and
//! gives way at the next table boundary when something does.

use std::sync::Arc;
use std::time::Duration;

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_kernels::plotting::{EncodeError, RecordEncoder, RecordJob};
use aipot_kernels::proof_of_space::{KeepGoing, Variant};
use tokio::runtime::Handle;

use super::{Place, Worker};
use crate::scheduler::{Job, Priority};

/// Plotting has no deadline.
const NO_DEADLINE: BlockNumber = BlockNumber(u32::MAX);
/// The table at which work stops that never began.
const FIRST_TABLE: usize = 1;
/// How often somebody who waits for the machine looks whether the result is still wanted.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How much of the machine an encoder takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Appetite {
    /// All of it: an encoder on the processor would slow down whatever runs beside it.
    WholeMachine,
    /// Memory only: the work is done by a device of its own.
    Memory {
        /// How much.
        bytes: u64,
    },
}

/// Encodes records whenever the worker has nothing better to do.
#[derive(Debug)]
pub struct PatientEncoder {
    encoder: Arc<dyn RecordEncoder>,
    worker: Worker,
    runtime: Handle,
    appetite: Appetite,
}

impl PatientEncoder {
    /// Lets `encoder` work when `worker` has room. To be made inside a tokio runtime.
    pub fn new(encoder: Arc<dyn RecordEncoder>, worker: Worker, appetite: Appetite) -> Self {
        Self { encoder, worker, runtime: Handle::current(), appetite }
    }

    fn job(&self) -> Job {
        let capacity_bytes = self.worker.configuration().memory_bytes;
        let reserved_bytes = match self.appetite {
            Appetite::WholeMachine => capacity_bytes,
            Appetite::Memory { bytes } => bytes.min(capacity_bytes),
        };
        Job { priority: Priority::Plotting, deadline_block: NO_DEADLINE, reserved_bytes }
    }

    /// Waits for room; `None` when the result is no longer wanted.
    async fn wait(&self, keep_going: KeepGoing<'_>) -> Option<Place> {
        let mut entering = std::pin::pin!(self.worker.enter(self.job()));
        let mut looking = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                place = &mut entering => return Some(place),
                _ = looking.tick() => if !keep_going() { return None },
            }
        }
    }
}

impl RecordEncoder for PatientEncoder {
    fn name(&self) -> String {
        self.encoder.name()
    }

    fn records_at_once(&self) -> usize {
        self.encoder.records_at_once()
    }

    /// Blocks; to be called on a thread for blocking work.
    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        loop {
            let Some(place) = self.runtime.block_on(self.wait(keep_going)) else {
                return Err(EncodeError::Stopped { table: FIRST_TABLE });
            };
            let may_go_on = || keep_going() && !place.control.is_stopped();
            match self.encoder.encode(variant, jobs, &may_go_on) {
                Err(EncodeError::Stopped { .. }) if keep_going() => {
                    tracing::debug!("plotting gives way to a more valuable job");
                }
                end => return end,
            }
        }
    }
}

#[cfg(test)]
mod tests;
