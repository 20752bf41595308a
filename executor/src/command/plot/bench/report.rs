//! What was measured, as a table for people and an object for machines, and what follows from it.

use std::time::Duration;

use aipot_kernels::plotting::sector_bytes;
use serde::Serialize;

use super::super::super::CommandError;
use super::super::input::milliseconds;
use super::Plan;
use super::measure::Times;
use crate::backend::{Backend, Candidate};

/// Seconds of an hour.
const HOUR_SECONDS: f64 = 3600.0;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(skip)]
    plan: Plan,
    variant: String,
    pieces_in_sector: u16,
    sector_bytes: u64,
    devices: Vec<Row>,
    /// Which backend to use, and why.
    recommendation: Option<String>,
    recommended_backend: Option<String>,
    /// For the plot that was asked about, on the recommended device.
    estimate: Option<Estimate>,
}

/// One device.
#[derive(Debug, Serialize)]
struct Row {
    backend: String,
    index: usize,
    device: String,
    threads: Option<usize>,
    is_software: bool,
    table_ms: Option<f64>,
    record_ms: Option<f64>,
    records: Option<u64>,
    sectors_per_hour: Option<f64>,
    /// How many times as fast as one thread of the processor.
    ratio: Option<f64>,
    error: Option<String>,
}

/// How long a plot takes.
#[derive(Debug, Serialize)]
struct Estimate {
    plot_bytes: u64,
    sectors: u64,
    hours: f64,
}

impl Report {
    /// A report with nothing in it yet.
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            variant: plan.variant.to_string(),
            pieces_in_sector: plan.pieces_in_sector,
            sector_bytes: bytes_of(&plan),
            plan,
            devices: Vec::new(),
            recommendation: None,
            recommended_backend: None,
            estimate: None,
        }
    }

    /// Adds what a device took, or why it did not work.
    pub(super) fn add(
        &mut self,
        candidate: &Candidate,
        threads: Option<usize>,
        measured: Result<Times, CommandError>,
    ) {
        let times = measured.as_ref().ok();
        let sector_seconds =
            |record: Duration| record.as_secs_f64() * f64::from(self.pieces_in_sector);
        self.devices.push(Row {
            backend: candidate.backend.to_string(),
            index: candidate.index,
            device: candidate.name.clone(),
            threads,
            is_software: candidate.is_software,
            table_ms: times.map(|times| milliseconds(times.table)),
            record_ms: times.map(|times| milliseconds(times.record)),
            records: times.map(|times| times.record_count),
            sectors_per_hour: times.map(|times| HOUR_SECONDS / sector_seconds(times.record)),
            ratio: None,
            error: measured.err().map(|error| super::super::super::output::sentence(&error)),
        });
    }

    /// Whether any device worked.
    pub(super) fn has_figures(&self) -> bool {
        self.devices.iter().any(|row| row.record_ms.is_some())
    }

    /// Compares the devices and picks one.
    pub(super) fn judge(&mut self) {
        let one_thread = self.devices.iter().find(|row| row.threads == Some(1));
        if let Some(one_thread) = one_thread.and_then(|row| row.record_ms) {
            for row in &mut self.devices {
                row.ratio = row.record_ms.map(|record_ms| rounded(one_thread / record_ms));
            }
        }
        let usable = self.devices.iter().filter(|row| !row.is_software);
        let timed = usable.filter_map(|row| Some((row, row.record_ms?)));
        let Some((best, record_ms)) = timed.min_by(|left, right| left.1.total_cmp(&right.1)) else {
            return;
        };
        let estimate = self.plan.plot_bytes.map(|bytes| estimate(bytes, record_ms, &self.plan));
        self.recommendation = Some(recommendation(best));
        self.recommended_backend = Some(best.backend.clone());
        self.estimate = estimate;
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let head = format!(
            "{:<8} {:>11} {:>11} {:>10} {:>7}  device",
            "backend", "ms a table", "ms a record", "sectors/h", "ratio"
        );
        let conclusions = [self.recommendation.clone(), self.estimate.as_ref().map(Estimate::line)];
        let lines = std::iter::once(head).chain(self.devices.iter().map(Row::line));
        lines.chain(conclusions.into_iter().flatten()).collect::<Vec<_>>().join("\n")
    }
}

impl Row {
    fn line(&self) -> String {
        let threads = match self.threads {
            None => String::new(),
            Some(1) => ", 1 thread".to_owned(),
            Some(count) => format!(", {count} threads"),
        };
        let software = if self.is_software { "  (software: shows that it is right)" } else { "" };
        if let Some(error) = &self.error {
            return format!("{:<8} {}{threads}: {error}", self.backend, self.device);
        }
        let figure = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        format!(
            "{:<8} {:>11.1} {:>11.1} {:>10.2} {:>7.2}  {}{threads}{software}",
            self.backend,
            figure(self.table_ms),
            figure(self.record_ms),
            figure(self.sectors_per_hour),
            figure(self.ratio),
            self.device,
        )
    }
}

impl Estimate {
    fn line(&self) -> String {
        let days = self.hours / 24.0;
        let time = if days >= 2.0 {
            format!("{days:.1} days")
        } else {
            format!("{:.1} hours", self.hours)
        };
        format!("{} bytes are {} sectors: about {time}", self.plot_bytes, self.sectors)
    }
}

fn recommendation(best: &Row) -> String {
    let name = &best.device;
    if best.backend == Backend::Cpu.to_string() {
        return format!("Use --backend cpu: nothing here plots faster than {name}.");
    }
    let ratio = best.ratio.map(|ratio| format!(", {ratio} times one thread of the processor"));
    format!("Use --backend {}: {name}{}.", best.backend, ratio.unwrap_or_default())
}

fn bytes_of(plan: &Plan) -> u64 {
    u64::try_from(sector_bytes(plan.pieces_in_sector)).unwrap_or(u64::MAX)
}

/// How long it takes to plot so many bytes.
fn estimate(plot_bytes: u64, record_ms: f64, plan: &Plan) -> Estimate {
    let sectors = plot_bytes / bytes_of(plan);
    #[expect(clippy::cast_precision_loss, reason = "an estimate, shown with one decimal")]
    let records = sectors as f64 * f64::from(plan.pieces_in_sector);
    Estimate { plot_bytes, sectors, hours: rounded(records * record_ms / 1e3 / HOUR_SECONDS) }
}

/// Two decimals.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
