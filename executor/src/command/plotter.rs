//! `aipot plotter`: plots for a farming cluster until it is told to stop.

pub(super) mod display;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::join::environment;
use super::{CommandError, Output, runtime};
use crate::backend::Backend;
use crate::configuration::{PlotterAlone, PlotterConfiguration};
use crate::metrics::{self, MetricsPage};
use crate::plotter::{Plotter, PlotterSettings};
use crate::worker::{Worker, WorkerConfiguration};
use display::Display;

/// Memory that a sector takes beside its pieces while a device encodes it: records on their way to it and
/// back, and the copies with which they are checked.
const DEVICE_RESERVED_BYTES: u64 = 256 << 20;

/// Arguments of `aipot plotter`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plotter --nats nats://10.0.0.5:4222 --variant v2 --metrics 127.0.0.1:9615\n\nWhich variant your farmers read, and everything else: docs/farming.md."
)]
pub(super) struct PlotterArguments {
    /// The configuration file, in TOML, with the same keys as a node.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The cluster's NATS server, nats://HOST:PORT; several with commas.
    #[arg(long, visible_alias = "plotter-nats")]
    nats: Option<String>,
    /// Which proofs hide the data, v1 or v2, as the cluster's farmers read it; there is no default.
    #[arg(long, visible_alias = "plotter-variant")]
    variant: Option<String>,
    /// What computes: auto, cpu, wgpu or cuda.
    #[arg(long, visible_alias = "plotter-backend")]
    backend: Option<String>,
    /// Sectors in work at once, 2 by default; each takes more than a gigabyte of memory.
    #[arg(long, visible_alias = "plotter-sectors-max")]
    sectors_max: Option<String>,
    /// In which group of caches pieces are looked for.
    #[arg(long, visible_alias = "plotter-cache-group")]
    cache_group: Option<String>,
    /// The file with which the server knows this client.
    #[arg(long, visible_alias = "plotter-credentials")]
    credentials: Option<String>,
    /// Where the page of metrics is shown, HOST:PORT.
    #[arg(long)]
    metrics: Option<String>,
    /// Threads of the processor; 0 means one for each core.
    #[arg(long)]
    threads: Option<String>,
}

/// Plots until a signal comes or the plotter cannot go on.
pub(super) fn run(arguments: &PlotterArguments, output: Output) -> Result<ExitCode, CommandError> {
    runtime()?.block_on(plot(&arguments.resolve()?, output))
}

async fn plot(configuration: &PlotterAlone, output: Output) -> Result<ExitCode, CommandError> {
    let stop = |source| CommandError::Runtime { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(stop)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(stop)?;
    // Nothing is kept in the folder: a plotter alone trains nothing.
    let worker = Worker::new(WorkerConfiguration::for_folder(".", configuration.threads));
    let plotter = plotter(&configuration.plotter, worker)?;
    let page = show_metrics(configuration.metrics, Some(&plotter)).await?;
    let mut progress = plotter.progress();
    let (stopper, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    let mut serving = tokio::spawn(Arc::clone(&plotter).serve(stopped));
    say_ready(&configuration.plotter, page.as_ref(), output)?;
    let mut display = Display::new(output);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            ended = &mut serving => {
                display.finish();
                ended.map_err(|_| CommandError::PlotterDied)??;
                return Ok(ExitCode::SUCCESS);
            }
            report = progress.recv() => match report {
                Ok(report) => display.show(&report)?,
                // Behind by some reports: the next one says where the sectors are.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
        }
    }
    display.finish();
    output.note("stopping: farmers of sectors in work are told to look elsewhere");
    drop(stopper);
    serving.await.map_err(|_| CommandError::PlotterDied)??;
    output.note(&format!("{} sectors were plotted", plotter.metrics().sector_count()));
    Ok(ExitCode::SUCCESS)
}

/// A plotter as configured, on the device that was chosen; not connected yet.
///
/// # Errors
/// [`CommandError::Backend`] when the device cannot be opened.
pub(super) fn plotter(
    configuration: &PlotterConfiguration,
    worker: Worker,
) -> Result<Arc<Plotter>, CommandError> {
    let device = configuration.backend.candidate()?;
    let reserved_bytes = match device.backend {
        // Whatever ran beside it would be slowed down, so nothing does.
        Backend::Cpu => worker.configuration().memory_bytes,
        _ => DEVICE_RESERVED_BYTES,
    };
    let settings = PlotterSettings {
        credentials: configuration.credentials.clone(),
        cache_group: configuration.cache_group.clone(),
        sectors_max: configuration.sectors_max,
        reserved_bytes,
        ..PlotterSettings::new(configuration.nats.clone(), configuration.variant)
    };
    Ok(Plotter::new(settings, device.encoder()?, worker))
}

/// The page of metrics of a plotter, if there is an address for it.
///
/// # Errors
/// [`CommandError::Metrics`] when it cannot be shown there.
pub(super) async fn show_metrics(
    address: Option<SocketAddr>,
    plotter: Option<&Plotter>,
) -> Result<Option<MetricsPage>, CommandError> {
    let Some(address) = address else { return Ok(None) };
    let mut registry = metrics::registry();
    if let Some(plotter) = plotter {
        plotter.metrics().register(&mut registry);
    }
    Ok(Some(MetricsPage::show(address, registry).await?))
}

fn say_ready(
    configuration: &PlotterConfiguration,
    page: Option<&MetricsPage>,
    output: Output,
) -> Result<(), CommandError> {
    let page = page.map(|page| format!("http://{}/metrics", page.address()));
    let value = json!({
        "event": "start",
        "nats": configuration.nats,
        "variant": configuration.variant.to_string(),
        "backend": configuration.backend.to_string(),
        "sectors_max": configuration.sectors_max,
        "metrics": page,
    });
    let text = format!(
        "plotting {} sectors, once connected to the cluster at {}{}",
        configuration.variant,
        configuration.nats.join(", "),
        page.map(|page| format!("\nmetrics  {page}")).unwrap_or_default()
    );
    output.result(&value, &text)
}

impl PlotterArguments {
    fn resolve(&self) -> Result<PlotterAlone, CommandError> {
        let flags = [
            ("plotter_nats", &self.nats),
            ("plotter_variant", &self.variant),
            ("plotter_backend", &self.backend),
            ("plotter_sectors_max", &self.sectors_max),
            ("plotter_cache_group", &self.cache_group),
            ("plotter_credentials", &self.credentials),
            ("metrics", &self.metrics),
            ("threads", &self.threads),
        ];
        let flags =
            flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        Ok(PlotterAlone::resolve(self.config.as_deref(), environment(), flags)?)
    }
}
