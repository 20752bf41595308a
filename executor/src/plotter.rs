//! Plots sectors for a farming cluster: answers farmers who look for room, fetches pieces, has them encoded
//! by the worker, checks the sector and streams it back. All of it over NATS, as the cluster's own plotters.
//!
//! ```text
//! farmer -> service -> session -> pieces -> encoding -> responses -> farmer
//! ```
//!
//! Memory is bounded by [`PlotterSettings::sectors_max`]: a sector that is taken keeps its room until the
//! last task that works for it has ended.

mod connection;
mod encoding;
mod error;
mod metrics;
pub mod pieces;
mod progress;
mod requests;
mod responses;
mod service;
mod session;
mod settings;
pub mod wire;

use std::sync::Arc;

use aipot_kernels::plotting::{RecordEncoder, SectorPlan};
use tokio::sync::{Semaphore, broadcast};

pub use connection::MAX_PAYLOAD_MIN;
pub use error::PlotterError;
pub use metrics::PlotterMetrics;
pub use progress::{PlotterProgress, Stage};
pub use requests::RequestError;
pub use responses::ResponseError;
pub use settings::{CheckDepth, PlotterSettings, Timings};

use crate::worker::Worker;
use progress::{Pace, Tracked};
use service::Service;

/// Progress reports that a slow reader may fall behind before it misses some.
const PROGRESS_REPORTS_MAX: usize = 256;

/// Plots for a cluster until `stop` is done.
///
/// # Errors
/// As [`Plotter::serve`].
pub async fn serve(
    settings: PlotterSettings,
    encoder: Arc<dyn RecordEncoder>,
    worker: Worker,
    stop: impl Future<Output = ()>,
) -> Result<(), PlotterError> {
    Plotter::new(settings, encoder, worker).serve(stop).await
}

/// A plotter that can be watched.
#[derive(Debug)]
pub struct Plotter {
    settings: PlotterSettings,
    encoder: Arc<dyn RecordEncoder>,
    worker: Worker,
    metrics: PlotterMetrics,
    progress: broadcast::Sender<PlotterProgress>,
    pace: Arc<Pace>,
    /// One sector is encoded at a time, in the order in which their pieces are there.
    turn: Arc<Semaphore>,
}

impl Plotter {
    /// A plotter that is not connected yet. `encoder` works as a job of `worker`, so it must not wait for
    /// the worker itself.
    pub fn new(
        settings: PlotterSettings,
        encoder: Arc<dyn RecordEncoder>,
        worker: Worker,
    ) -> Arc<Self> {
        let (progress, _) = broadcast::channel(PROGRESS_REPORTS_MAX);
        Arc::new(Self {
            settings,
            encoder,
            worker,
            metrics: PlotterMetrics::default(),
            progress,
            pace: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// How all sectors go on from now on.
    pub fn progress(&self) -> broadcast::Receiver<PlotterProgress> {
        self.progress.subscribe()
    }

    /// What is counted.
    pub fn metrics(&self) -> &PlotterMetrics {
        &self.metrics
    }

    /// Plots for the cluster until `stop` is done. Farmers of sectors that are in work then are told to look
    /// elsewhere. A lost connection is made again, however long that takes.
    ///
    /// # Errors
    /// [`PlotterError`]: the settings cannot be meant, no server is there, or it cannot carry pieces.
    pub async fn serve(
        self: Arc<Self>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), PlotterError> {
        Service::connect(self).await?.run(stop).await
    }

    fn track(&self, plan: &SectorPlan) -> Tracked {
        Tracked::new(plan, self.progress.clone(), Arc::clone(&self.pace))
    }
}
