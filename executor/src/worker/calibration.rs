//! Measuring a probe step, and the file in which measurements are kept.
//!
//! What is measured is the growth of the resident memory of the whole process: it counts what the allocator
//! and the system take beside the buffers that an estimate knows. It cannot tell jobs apart and does not see
//! pages that an earlier job left behind, so only a job that is alone, and finds the process about as large
//! as it was before the first one, is measured; every other one is estimated.

use std::path::Path;

use super::control::Owner;
use super::memory::OrderMemory;
use super::{Shared, durable};
use crate::processor::{forget_peak, process_memory};
use crate::scheduler::calibration::{Calibration, Subject};
use crate::scheduler::memory::MemoryNeed;

/// The file with all measurements, in the folder of a node.
pub const CALIBRATION_FILE: &str = "calibration.json";

/// The smallest job that is measured: threads and pages of code come and go by a few mebibytes.
const MEASURED_BYTES_MIN: u64 = 32 << 20;

/// A probe is trusted when the process is larger than before its first job by no more than this part of the
/// job.
const GROWTH_SHARE: u64 = 8;

/// The measurements that are kept in a folder; none when there is no such file, or it cannot be read.
pub fn read_calibration(folder: &Path) -> Calibration {
    let path = folder.join(CALIBRATION_FILE);
    let read = durable::read(&path).unwrap_or_else(|error| {
        tracing::warn!(%error, "measurements of memory cannot be read; jobs are measured again");
        None
    });
    let parsed = read.map(|bytes| serde_json::from_slice(&bytes));
    parsed.transpose().unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "measurements of memory are damaged; jobs are measured again");
        None
    }).unwrap_or_default()
}

/// A step under measurement.
#[derive(Debug)]
pub(super) struct Probe {
    estimated_bytes: u64,
    idle_bytes: u64,
}

impl Probe {
    /// Begins to measure a job that is estimated so; `None` when it could not be trusted.
    pub(super) fn begin(shared: &Shared, estimated_bytes: u64) -> Option<Self> {
        if estimated_bytes < MEASURED_BYTES_MIN || shared.board().running_count() != 1 {
            return None;
        }
        let resident_bytes = process_memory()?.resident_bytes;
        let idle_bytes = *shared.idle_bytes.get_or_init(|| resident_bytes);
        let growth = resident_bytes.saturating_sub(idle_bytes);
        let is_trusted = growth <= estimated_bytes / GROWTH_SHARE && forget_peak();
        is_trusted.then_some(Self { estimated_bytes, idle_bytes })
    }

    /// Ends a measurement after a step: corrects what the job has reserved, and what later ones will. Gives the
    /// corrected need, if the measurement is of this job alone.
    pub(super) fn end(
        self,
        owner: &Owner,
        subject: &Subject,
        memory: &OrderMemory,
    ) -> Option<MemoryNeed> {
        let shared = &owner.shared;
        // Whoever came meanwhile was measured too.
        let found = process_memory()?;
        if shared.board().running_count() != 1 {
            return None;
        }
        let measured_bytes = found.peak_bytes.saturating_sub(self.idle_bytes);
        tracing::info!(
            architecture = subject.architecture,
            estimated_bytes = self.estimated_bytes,
            measured_bytes,
            "memory of a probe step"
        );
        let mut calibration = shared.calibration();
        calibration.note(subject, self.estimated_bytes, measured_bytes);
        let corrected = memory.corrected(&calibration, subject);
        keep(&calibration, &shared.configuration.folder);
        drop(calibration);
        shared.board().measure(owner.id, corrected);
        Some(corrected)
    }
}

fn keep(calibration: &Calibration, folder: &Path) {
    let bytes = serde_json::to_vec_pretty(calibration).unwrap_or_default();
    if let Err(error) = durable::write(&folder.join(CALIBRATION_FILE), &bytes) {
        tracing::warn!(%error, "measurements of memory are not kept");
    }
}
