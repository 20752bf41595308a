//! A node that plots what its roles leave: beside them, on the same worker, for a farming cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use super::super::CommandError;
use super::super::plotter::{plotter, show_metrics};
use crate::configuration::Configuration;
use crate::metrics::MetricsPage;
use crate::plotter::{Plotter, PlotterError, PlotterProgress};
use crate::worker::Worker;

/// Wait before a cluster that did not answer is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Plotting beside a node, until this is dropped.
#[derive(Debug)]
pub(super) struct Plotting {
    progress: Option<broadcast::Receiver<PlotterProgress>>,
    serving: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    page: Option<MetricsPage>,
}

impl Plotting {
    /// Begins to plot, if the configuration says for whom, and shows the page of metrics, if it says where.
    ///
    /// # Errors
    /// [`CommandError::Backend`] when the device cannot be opened, [`CommandError::Metrics`] when the page
    /// cannot be shown. A cluster that does not answer is tried again later: the node's roles do not wait.
    pub(super) async fn begin(
        configuration: &Configuration,
        worker: Worker,
    ) -> Result<Self, CommandError> {
        let plotter = configuration.plotter.as_ref();
        let plotter = plotter.map(|settings| self::plotter(settings, worker)).transpose()?;
        let page = show_metrics(configuration.metrics, plotter.as_deref()).await?;
        let (stop, stopped) = watch::channel(false);
        let progress = plotter.as_ref().map(|plotter| plotter.progress());
        let serving = plotter.map(|plotter| tokio::spawn(serve(plotter, stopped)));
        Ok(Self { progress, serving, stop, page })
    }

    /// Where the page of metrics is, if it is shown.
    pub(super) fn page(&self) -> Option<&MetricsPage> {
        self.page.as_ref()
    }

    /// The next report; never comes when nothing is plotted.
    pub(super) async fn report(&mut self) -> PlotterProgress {
        while let Some(progress) = &mut self.progress {
            match progress.recv().await {
                Ok(report) => return report,
                // Behind by some reports: the next one says where the sectors are.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => self.progress = None,
            }
        }
        std::future::pending().await
    }

    /// Tells farmers of sectors in work to look elsewhere, and ends.
    pub(super) async fn end(self) {
        self.stop.send_replace(true);
        if let Some(serving) = self.serving
            && let Err(error) = serving.await
        {
            tracing::warn!(%error, "plotting broke off");
        }
    }
}

/// Serves the cluster until it is stopped; one that does not answer is tried again and again.
async fn serve(plotter: Arc<Plotter>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let mut stop = stopped.clone();
        let stop = async move { drop(stop.wait_for(|is_stopped| *is_stopped).await) };
        match Arc::clone(&plotter).serve(stop).await {
            Ok(()) => return,
            Err(error @ (PlotterError::Connect { .. } | PlotterError::Closed)) => {
                tracing::warn!(%error, "not plotting; trying again");
            }
            Err(error) => {
                tracing::error!(%error, "not plotting");
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
        }
    }
}

#[cfg(test)]
mod tests;
