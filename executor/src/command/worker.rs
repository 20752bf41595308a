//! `aipot worker`: trains for a provider's node, on another machine or as a process of the node.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::join::environment;
use super::{CommandError, Output, runtime};
use crate::configuration::{WorkerAlone, WorkplaceSettings};
use crate::worker::Performer;
use crate::worker::process::{ProcessPool, ProcessSettings, serve};
use crate::worker::remote::{RemoteWorker, RemoteWorkerSettings, WorkerEvent};

/// Arguments of `aipot worker`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot worker --nats nats://10.0.0.5:4222 --stream aipot --folder /var/lib/aipot-worker --memory-mib 8192\n\nThe node needs worker_nats and worker_stream with the same values; everything else: docs/workers.md."
)]
pub(super) struct WorkerArguments {
    /// The configuration file, in TOML, with the same keys as a node.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The provider's NATS server, nats://HOST:PORT or tls://HOST:PORT; several with commas.
    #[arg(long, visible_alias = "worker-nats")]
    nats: Option<String>,
    /// The word that the node and its workers have in common, `aipot` unless said otherwise.
    #[arg(long, visible_alias = "worker-stream")]
    stream: Option<String>,
    /// The file with which the server knows this client.
    #[arg(long, visible_alias = "worker-credentials")]
    credentials: Option<String>,
    /// What computes: cpu.
    #[arg(long, visible_alias = "worker-device")]
    device: Option<String>,
    /// Folder for checkpoints and data, `aipot-worker` unless said otherwise. Made when it is not there.
    #[arg(long)]
    folder: Option<String>,
    /// Memory that a job may take, 2048 unless said otherwise; larger ones go to other workers.
    #[arg(long, visible_alias = "worker-memory-mib")]
    memory_mib: Option<String>,
    /// Threads of the job; 0 means one for each core.
    #[arg(long)]
    threads: Option<String>,
    /// Whether each job has a process of its own, so that none takes the worker along when it dies.
    #[arg(long, visible_alias = "worker-processes")]
    processes: Option<String>,
    /// Take jobs from standard input instead, as nodes start it; it ends when that is closed.
    #[arg(long, conflicts_with_all = ["config", "nats", "stream", "credentials", "processes"], requires = "folder")]
    stdio: bool,
}

/// Works until a signal comes, or nobody is there any more to work for.
pub(super) fn run(arguments: &WorkerArguments, output: Output) -> Result<ExitCode, CommandError> {
    match &arguments.folder {
        Some(folder) if arguments.stdio => {
            // The one device there is now is the one that every job is done on.
            WorkplaceSettings::resolve(None, environment(), arguments.flags())?;
            runtime()?.block_on(serve_pipes(folder.into()))
        }
        _ => runtime()?.block_on(serve_provider(&arguments.resolve()?, output)),
    }
}

/// Serves the process that started this one.
async fn serve_pipes(folder: PathBuf) -> Result<ExitCode, CommandError> {
    let stop = stop()?;
    let is_stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_stopped);
    let serving = tokio::task::spawn_blocking(move || {
        serve::serve(std::io::stdin(), std::io::stdout(), folder, &told)
    });
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stop => {
            is_stopped.store(true, Ordering::Relaxed);
            serving.await
        }
    };
    ended.map_err(|_| CommandError::WorkerDied)??;
    Ok(ExitCode::SUCCESS)
}

async fn serve_provider(
    configuration: &WorkerAlone,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let stop = stop()?;
    let folder = configuration.folder.clone();
    std::fs::create_dir_all(&folder)
        .map_err(|source| CommandError::Write { path: folder.clone(), source })?;
    let settings = RemoteWorkerSettings {
        remote: configuration.remote.clone(),
        folder,
        threads: configuration.threads,
        memory_bytes: configuration.memory_bytes,
    };
    let worker = RemoteWorker::connect(settings, performer(configuration)?).await?;
    let mut events = worker.events();
    say_ready(configuration, output)?;
    let serving = worker.serve(stop);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            ended = &mut serving => {
                ended?;
                while let Ok(event) = events.try_recv() {
                    drop(say_event(&event, output));
                }
                output.note("stopped");
                return Ok(ExitCode::SUCCESS);
            }
            event = events.recv() => match event {
                // Whoever listened may be gone; the work goes on without.
                Ok(event) => drop(say_event(&event, output)),
                // Behind by some reports: the next one says where training is.
                Err(RecvError::Lagged(_) | RecvError::Closed) => {}
            },
        }
    }
}

/// Who does the jobs.
fn performer(configuration: &WorkerAlone) -> Result<Performer, CommandError> {
    let folder = &configuration.folder;
    if !configuration.processes {
        return Ok(Performer::Here(folder.clone()));
    }
    let settings = ProcessSettings::for_folder(folder);
    let settings = settings.map_err(|source| CommandError::Runtime { source })?;
    let settings = ProcessSettings { device: configuration.device, ..settings };
    Ok(Performer::Processes(Arc::new(ProcessPool::new(settings))))
}

/// Ready when the program is to end; signals are heard from the call on.
fn stop() -> Result<impl Future<Output = ()>, CommandError> {
    let failed = |source| CommandError::Runtime { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn say_ready(configuration: &WorkerAlone, output: Output) -> Result<(), CommandError> {
    let remote = &configuration.remote;
    let value = json!({
        "event": "start",
        "nats": remote.servers,
        "stream": remote.stream.to_string(),
        "device": configuration.device.to_string(),
        "memory_bytes": configuration.memory_bytes,
        "processes": configuration.processes,
    });
    let text = format!("working for {} through {}", remote.stream, remote.servers.join(", "));
    output.result(&value, &text)
}

fn say_event(event: &WorkerEvent, output: Output) -> Result<(), CommandError> {
    let (value, text) = match event {
        WorkerEvent::Began { job } => {
            (json!({ "event": "job", "job": job.to_string() }), format!("job {job} begins"))
        }
        WorkerEvent::Progress(report) => {
            let value = json!({
                "event": "training",
                "order": report.order.to_string(),
                "step": report.step,
                "step_count": report.step_count,
                "loss": report.loss_nats,
            });
            let (step, count, loss) = (report.step, report.step_count, report.loss_nats);
            (value, format!("order {} step {step}/{count} loss {loss:.4}", report.order))
        }
        WorkerEvent::Ended { job, end } => {
            let value = json!({ "event": "end", "job": job.to_string(), "end": end.to_string() });
            (value, format!("job {job}: {end}"))
        }
    };
    output.result(&value, &text)
}

impl WorkerArguments {
    fn resolve(&self) -> Result<WorkerAlone, CommandError> {
        Ok(WorkerAlone::resolve(self.config.as_deref(), environment(), self.flags())?)
    }

    fn flags(&self) -> Vec<(String, String)> {
        let flags = [
            ("worker_nats", &self.nats),
            ("worker_stream", &self.stream),
            ("worker_credentials", &self.credentials),
            ("worker_device", &self.device),
            ("worker_memory_mib", &self.memory_mib),
            ("worker_processes", &self.processes),
            ("folder", &self.folder),
            ("threads", &self.threads),
        ];
        flags
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
            .collect()
    }
}
