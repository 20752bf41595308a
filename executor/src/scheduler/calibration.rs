//! What jobs took in truth, beside what was estimated: kept for each architecture and device. Pure.

use serde::{Deserialize, Serialize};

use super::memory::MemoryNeed;

/// A ratio of one, in the unit of ratios.
const ONE: u64 = 1_000;
/// The lowest ratio that is believed: less would be a measurement of memory that was there before.
const RATIO_MIN: u64 = ONE / 4;
/// The highest ratio that is believed: more would be a measurement of somebody else's memory.
const RATIO_MAX: u64 = ONE * 8;

/// What is measured together: jobs of one family on one device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// The architecture, as orders call it.
    pub architecture: String,
    /// The device, as `aipot device list` calls it.
    pub device: String,
}

/// A measured job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    #[serde(flatten)]
    pub subject: Subject,
    /// Bytes that were taken for each thousand estimated.
    pub permille: u64,
    /// Probe steps so far.
    pub probe_count: u64,
}

/// All measurements of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calibration {
    measurements: Vec<Measurement>,
}

impl Calibration {
    /// What was measured so far.
    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// A need corrected by what was measured; as it is when nothing was.
    pub fn correct(&self, subject: &Subject, need: MemoryNeed) -> MemoryNeed {
        let measured = self.measurements.iter().find(|measured| measured.subject == *subject);
        measured.map_or(need, |measured| scaled(need, measured.permille))
    }

    /// Notes that a job took `measured_bytes` where `estimated_bytes` were estimated, without correction.
    ///
    /// More than before is believed at once, less by half: a job that runs out of memory costs more than
    /// memory that is not used.
    pub fn note(&mut self, subject: &Subject, estimated_bytes: u64, measured_bytes: u64) {
        let estimated = u128::from(estimated_bytes.max(1));
        let permille = (u128::from(measured_bytes) * u128::from(ONE)).div_ceil(estimated);
        let permille = u64::try_from(permille).unwrap_or(u64::MAX).clamp(RATIO_MIN, RATIO_MAX);
        let known = self.measurements.iter_mut().find(|measured| measured.subject == *subject);
        if let Some(known) = known {
            let is_more = permille >= known.permille;
            known.permille =
                if is_more { permille } else { (known.permille + permille).div_ceil(2) };
            known.probe_count = known.probe_count.saturating_add(1);
            return;
        }
        let subject = subject.clone();
        self.measurements.push(Measurement { subject, permille, probe_count: 1 });
        self.measurements.sort_by(|one, other| one.subject.cmp(&other.subject));
    }
}

/// A need in which every part is multiplied by a ratio, rounded up.
fn scaled(need: MemoryNeed, permille: u64) -> MemoryNeed {
    let scale = |bytes: u64| {
        let scaled = (u128::from(bytes) * u128::from(permille)).div_ceil(u128::from(ONE));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    MemoryNeed { fixed_bytes: scale(need.fixed_bytes), row_bytes: scale(need.row_bytes), ..need }
}

#[cfg(test)]
mod tests;
