//! What a plotter counts, for a page that Prometheus reads.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The least time that is told apart, in seconds; each of the others is twice the one before.
const STAGE_SECONDS_MIN: f64 = 0.125;
/// So many times are told apart: up to more than an hour.
const STAGE_BUCKETS: u16 = 16;

/// A label and its value.
type Label = [(&'static str, &'static str); 1];

/// Counters, gauges and histograms of a plotter. Clones count together.
#[derive(Clone, Debug)]
pub struct PlotterMetrics {
    sectors: Counter,
    records: Counter,
    occupied: Counter,
    sent_bytes: Counter,
    fetched_bytes: Counter,
    pieces: Family<Label, Counter>,
    errors: Family<Label, Counter>,
    stage_seconds: Family<Label, Histogram>,
    free_sectors: Gauge,
    connections: Counter,
    fallback_records: Gauge,
}

/// Where a piece came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceOrigin {
    Cache,
    Controller,
    LastTry,
}

impl PieceOrigin {
    fn label(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Controller => "controller",
            Self::LastTry => "last_try",
        }
    }
}

impl Default for PlotterMetrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram =
            || Histogram::new(exponential_buckets(STAGE_SECONDS_MIN, 2.0, STAGE_BUCKETS));
        Self {
            sectors: Counter::default(),
            records: Counter::default(),
            occupied: Counter::default(),
            sent_bytes: Counter::default(),
            fetched_bytes: Counter::default(),
            pieces: Family::default(),
            errors: Family::default(),
            stage_seconds: Family::new_with_constructor(histogram),
            free_sectors: Gauge::default(),
            connections: Counter::default(),
            fallback_records: Gauge::default(),
        }
    }
}

impl PlotterMetrics {
    /// Enters everything into a registry, each name beginning with `plotter`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("plotter");
        registry.register("sectors", "Sectors that farmers have got", self.sectors.clone());
        registry.register("records", "Records that were encoded", self.records.clone());
        registry.register(
            "occupied",
            "Requests that were refused for want of room",
            self.occupied.clone(),
        );
        let help = "Bytes of sectors that were sent to farmers";
        registry.register_with_unit("sent", help, Unit::Bytes, self.sent_bytes.clone());
        let help = "Bytes of pieces that were fetched";
        registry.register_with_unit("fetched", help, Unit::Bytes, self.fetched_bytes.clone());
        registry.register("pieces", "Pieces that were fetched, by origin", self.pieces.clone());
        registry.register("errors", "Sectors that failed, by kind", self.errors.clone());
        let help = "Time of a stage of a sector";
        registry.register_with_unit("stage", help, Unit::Seconds, self.stage_seconds.clone());
        registry.register(
            "free_sectors",
            "Sectors for which there is room",
            self.free_sectors.clone(),
        );
        registry.register(
            "fallback_records",
            "Records that the processor encoded in place of a device, since the start",
            self.fallback_records.clone(),
        );
        registry.register("connections", "Connections made to a server", self.connections.clone());
    }

    /// Sectors that farmers have got.
    pub fn sector_count(&self) -> u64 {
        self.sectors.get()
    }

    /// Records that were encoded.
    pub fn record_count(&self) -> u64 {
        self.records.get()
    }

    /// Connections made to a server, the first included.
    pub fn connection_count(&self) -> u64 {
        self.connections.get()
    }

    /// Sectors that failed of this kind, one of `request`, `plan`, `pieces`, `encoding`, `farmer`, `stopped`.
    pub fn error_count(&self, kind: &'static str) -> u64 {
        self.errors.get_or_create(&[("kind", kind)]).get()
    }

    pub(super) fn count_sector(&self) {
        self.sectors.inc();
    }

    pub(super) fn count_records(&self, count: usize) {
        self.records.inc_by(count as u64);
    }

    pub(super) fn set_fallbacks(&self, count: u64) {
        self.fallback_records.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn count_occupied(&self) {
        self.occupied.inc();
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.sent_bytes.inc_by(bytes as u64);
    }

    pub(super) fn count_piece(&self, origin: PieceOrigin, bytes: usize) {
        self.pieces.get_or_create(&[("origin", origin.label())]).inc();
        self.fetched_bytes.inc_by(bytes as u64);
    }

    pub(super) fn count_error(&self, kind: &'static str) {
        self.errors.get_or_create(&[("kind", kind)]).inc();
    }

    pub(super) fn count_connection(&self) {
        self.connections.inc();
    }

    pub(super) fn observe(&self, stage: &'static str, time: Duration) {
        self.stage_seconds.get_or_create(&[("stage", stage)]).observe(time.as_secs_f64());
    }

    pub(super) fn set_free_sectors(&self, count: usize) {
        self.free_sectors.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests;
