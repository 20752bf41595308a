//! The side of a worker: takes jobs under a lease, does one at a time, and hands in results.

mod delivery;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{Consumer, pull};
use futures::StreamExt;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;

use super::exchange::{Exchange, connect};
use super::{RemoteError, RemoteSettings};
use crate::store::artefacts::ArtefactStore;
use crate::worker::protocol::JobId;
use crate::worker::{PROGRESS_REPORTS_MAX, Performer, TrainingProgress};
use delivery::Delivery;

/// How long the server keeps a question for jobs open.
const QUESTION: Duration = Duration::from_secs(5);
/// Folder of data that was fetched, in the folder of the worker.
const ARTEFACTS: &str = "artefacts";

/// How a worker works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteWorkerSettings {
    /// Where jobs come from.
    pub remote: RemoteSettings,
    /// Folder for checkpoints and fetched data.
    pub folder: PathBuf,
    /// Threads of the job; 0 means one for each core.
    pub threads: u16,
    /// Memory that a job may take.
    pub memory_bytes: u64,
}

/// What a worker tells whoever watches it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum WorkerEvent {
    /// A job is there.
    Began {
        /// Which one.
        job: JobId,
    },
    /// A job goes on.
    Progress(TrainingProgress),
    /// A job is gone.
    Ended {
        /// Which one.
        job: JobId,
        /// How.
        end: JobFate,
    },
}

/// What became of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobFate {
    /// Its result was the first.
    HandedIn,
    /// It has no model, and the provider knows why.
    Failed,
    /// Another worker was faster.
    Superfluous,
    /// The provider wants no result.
    Unwanted,
    /// Another worker goes on.
    GivenBack,
}

impl fmt::Display for JobFate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::HandedIn => "handed in",
            Self::Failed => "failed",
            Self::Superfluous => "superfluous",
            Self::Unwanted => "unwanted",
            Self::GivenBack => "given back",
        })
    }
}

/// Takes jobs from a provider's queue.
#[derive(Debug)]
pub struct RemoteWorker {
    settings: RemoteWorkerSettings,
    performer: Arc<Performer>,
    data: Arc<ArtefactStore>,
    client: Client,
    events: broadcast::Sender<WorkerEvent>,
}

impl RemoteWorker {
    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<WorkerEvent> {
        self.events.subscribe()
    }

    fn tell(&self, event: WorkerEvent) {
        // Nobody may be listening.
        if self.events.send(event).is_err() {
            tracing::trace!("nobody watches the worker");
        }
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// [`RemoteError`] when no server can be reached, or the folder cannot be used.
    pub async fn connect(
        settings: RemoteWorkerSettings,
        performer: Performer,
    ) -> Result<Self, RemoteError> {
        let folder = settings.folder.join(ARTEFACTS);
        let data = tokio::task::spawn_blocking(|| ArtefactStore::open(folder)).await??;
        let client = connect(&settings.remote).await?;
        let (events, _) = broadcast::channel(PROGRESS_REPORTS_MAX);
        let (performer, data) = (Arc::new(performer), Arc::new(data));
        Ok(Self { settings, performer, data, client, events })
    }

    /// Does jobs until `stopped` is ready; the one in work then goes back at its next step, with a checkpoint.
    ///
    /// # Errors
    /// [`RemoteError`] when the server cannot be used from the beginning.
    pub async fn serve(self, stopped: impl Future<Output = ()>) -> Result<(), RemoteError> {
        let exchange = self.open().await?;
        let (stopper, stopping) = watch::channel(false);
        let jobs = self.serve_always(exchange, stopping);
        tokio::pin!(jobs);
        tokio::select! {
            () = &mut jobs => return Ok(()),
            () = stopped => {}
        }
        stopper.send_replace(true);
        jobs.await;
        // What was said last is to reach the server.
        if let Err(error) = self.client.flush().await {
            tracing::debug!(%error, "the server did not hear the last words");
        }
        Ok(())
    }

    async fn serve_always(&self, mut exchange: Exchange, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            let served = self.serve_through(&exchange, &mut stopping).await;
            let Err(error) = served else { continue };
            tracing::warn!(%error, "no jobs can be had; trying again");
            sleep(self.settings.remote.poll).await;
            // Streams that the server has lost are made again.
            match self.open().await {
                Ok(opened) => exchange = opened,
                Err(error) => tracing::warn!(%error, "the streams cannot be had"),
            }
        }
    }

    async fn open(&self) -> Result<Exchange, RemoteError> {
        Exchange::open(self.client.clone(), self.settings.remote.clone()).await
    }

    async fn serve_through(
        &self,
        exchange: &Exchange,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), RemoteError> {
        let queue = exchange.queue().await?;
        while !*stopping.borrow_and_update() {
            let next = tokio::select! {
                next = next(&queue.jobs) => next?,
                _ = stopping.changed() => return Ok(()),
            };
            if let Some(message) = next {
                let delivery =
                    Delivery { worker: self, exchange, queue: &queue, message: &message };
                delivery.handle(stopping.clone()).await;
            }
        }
        Ok(())
    }
}

/// The next job, `None` when there is none for a while. Only one: a job that waited here would lose its lease.
async fn next(queue: &Consumer<pull::Config>) -> Result<Option<Message>, RemoteError> {
    let failed = |source: async_nats::Error| RemoteError::Server { action: "give a job", source };
    let asked = queue.fetch().max_messages(1).expires(QUESTION).messages().await;
    let mut messages = asked.map_err(|error| failed(error.into()))?;
    messages.next().await.transpose().map_err(failed)
}
