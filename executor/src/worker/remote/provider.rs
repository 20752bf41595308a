//! The provider's side: jobs go into the queue, results come out of the store.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use aipot_domain_runtime::primitives::OrderId;
use async_nats::Subscriber;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::exchange::{Exchange, connect};
use super::names::Topic;
use super::{RemoteError, RemoteSettings};
use crate::store::artefacts::ContentHash;
use crate::worker::performer::{Errand, Outcome, checkpoint_file, model_bytes_max};
use crate::worker::protocol::{
    Blob, CheckpointPlace, DataFile, Failure, FromWorker, Job, JobId, ToWorker, decode_from_worker,
    encode,
};
use crate::worker::{TrainingProgress, durable, recipe};

/// How often a job is told that its time is up, until its result comes.
const TICK: Duration = Duration::from_millis(500);

/// Results of one job that may turn out to be unusable.
const BAD_RESULTS_MAX: u32 = 3;

/// Largest file with a trace; those of the largest orders have a few gigabytes.
const TRACE_BYTES_MAX: u64 = 16 << 30;

/// A node that has its orders trained on other machines.
#[derive(Debug)]
pub struct RemoteProvider {
    exchange: Exchange,
    folder: PathBuf,
    runtime: Handle,
}

/// What came out of the store.
enum Collected {
    Nothing,
    Unusable(RemoteError),
    End(Result<Outcome, Failure>),
}

impl RemoteProvider {
    /// Connects to the server; `folder` is the node's, into which traces go.
    ///
    /// # Errors
    /// [`RemoteError`] when no server can be reached, or it has no `JetStream`.
    pub async fn connect(
        settings: RemoteSettings,
        folder: impl Into<PathBuf>,
    ) -> Result<Self, RemoteError> {
        let exchange = Exchange::open(connect(&settings).await?, settings).await?;
        // So that this node's idea of a lease counts, and not that of a worker.
        exchange.queue().await?;
        Ok(Self { exchange, folder: folder.into(), runtime: Handle::current() })
    }

    /// Has a job done by whichever worker takes it first. Dropping the future takes it back.
    pub(in crate::worker) async fn perform(&self, errand: &Errand) -> Result<Outcome, Failure> {
        let job = Job { checkpoints: CheckpointPlace::Shared, ..errand.job.clone() };
        let job = Job { data: vec![training_file(&job)], ..job };
        let mut taken_back = TakenBack { provider: self, job: job.id(), is_over: false };
        let mut bad_results = 0;
        loop {
            match self.follow(&job, errand, &mut bad_results).await {
                Ok(end) => {
                    taken_back.is_over = true;
                    return end;
                }
                Err(error) => {
                    tracing::warn!(job = %job.id(), %error, "the workers cannot be asked; trying again");
                    sleep(self.exchange.settings.poll).await;
                }
            }
        }
    }

    /// Forgets an order: nobody needs its jobs, results, checkpoints and traces any more.
    pub(in crate::worker) fn forget(&self, order: OrderId) {
        let exchange = self.exchange.clone();
        self.runtime.spawn(async move {
            if let Err(error) = exchange.forget(&order).await {
                tracing::warn!(%order, %error, "what other machines know of an order stays behind");
            }
        });
    }

    async fn follow(
        &self,
        job: &Job,
        errand: &Errand,
        bad_results: &mut u32,
    ) -> Result<Result<Outcome, Failure>, RemoteError> {
        let id = job.id();
        let mut results = self.exchange.listen(Topic::Results, &id).await?;
        let mut progress = self.exchange.listen(Topic::Progress, &id).await?;
        let mut polls = ticking(self.exchange.settings.poll);
        let mut ticks = ticking(TICK);
        loop {
            // The first look is at once: the result may have come while this node was away.
            let is_due = tokio::select! {
                _ = results.next() => true,
                _ = polls.tick() => true,
                said = next_progress(&mut progress, &id) => {
                    errand.report(said);
                    false
                }
                _ = ticks.tick() => {
                    if errand.is_urgent.load(Ordering::Relaxed) {
                        self.tell(&ToWorker::Finish(id), &id).await?;
                    }
                    false
                }
            };
            if !is_due {
                continue;
            }
            match self.collect(job).await? {
                Collected::End(end) => return Ok(end),
                Collected::Nothing => self.offer(job, errand).await?,
                Collected::Unusable(error) if *bad_results >= BAD_RESULTS_MAX => {
                    return Ok(Err(Failure::unavailable(&error)));
                }
                Collected::Unusable(error) => {
                    tracing::warn!(job = %id, %error, "a result cannot be used");
                    self.exchange.remove_result(&id).await?;
                    *bad_results += 1;
                }
            }
        }
    }

    async fn tell(&self, message: &ToWorker, id: &JobId) -> Result<(), RemoteError> {
        self.exchange.say(Topic::Control, id, encode(message)?).await
    }

    /// Sees to it that the job is in the queue, and its data in the store.
    async fn offer(&self, job: &Job, errand: &Errand) -> Result<(), RemoteError> {
        if self.exchange.has_job(&job.id()).await? {
            return Ok(());
        }
        for file in &job.data {
            self.give(&file.blob, errand).await?;
        }
        self.exchange.send_job(job).await
    }

    async fn give(&self, blob: &Blob, errand: &Errand) -> Result<(), RemoteError> {
        let hash = ContentHash(blob.root);
        if let Some(path) = errand.data.training_file(hash) {
            let file = tokio::fs::File::open(&path).await;
            let name = blob.to_string();
            let mut file = file.map_err(|source| RemoteError::Transfer { name, source })?;
            return self.exchange.put_blob(blob, &mut file).await;
        }
        let data = std::sync::Arc::clone(&errand.data);
        let bytes = tokio::task::spawn_blocking(move || data.training_data(hash)).await??;
        self.exchange.put_blob(blob, &mut bytes.as_slice()).await
    }

    /// Looks for the result.
    async fn collect(&self, job: &Job) -> Result<Collected, RemoteError> {
        let id = job.id();
        let result = match self.exchange.result(&id).await {
            Err(error @ RemoteError::Wire(_)) => return Ok(Collected::Unusable(error)),
            result => result?,
        };
        match result {
            None => Ok(Collected::Nothing),
            Some(FromWorker::Failure { failure, .. }) => {
                // The next try is to have a result of its own.
                self.exchange.remove_result(&id).await?;
                Ok(Collected::End(Err(failure)))
            }
            Some(FromWorker::Result { job: of, model, trace, trace_file }) if of == id => {
                let outcome = self.take(job, model, trace.zip(trace_file)).await;
                match outcome {
                    Ok(trace) => Ok(Collected::End(Ok(trace))),
                    Err(
                        error @ (RemoteError::TooLarge { .. }
                        | RemoteError::Missing { .. }
                        | RemoteError::OtherBytes { .. }),
                    ) => Ok(Collected::Unusable(error)),
                    Err(error) => Err(error),
                }
            }
            Some(_) => Ok(Collected::Unusable(RemoteError::OtherBytes { name: id.to_string() })),
        }
    }

    /// Fetches a model, and a trace to where this node keeps its own.
    async fn take(
        &self,
        job: &Job,
        model: Blob,
        trace: Option<(aipot_domain_runtime::trace::TraceOpening, Blob)>,
    ) -> Result<Outcome, RemoteError> {
        let id = job.id();
        let other = || RemoteError::OtherBytes { name: id.to_string() };
        if trace.is_some() != job.specification.train.recipe.is_fixed() {
            return Err(other());
        }
        let bytes_max = model_bytes_max(&job.specification);
        let model = self.exchange.get_blob(&model, bytes_max).await?;
        let Some((opening, file)) = trace else { return Ok(Outcome { model, trace: None }) };
        let bytes = self.exchange.get_blob(&file, TRACE_BYTES_MAX).await?;
        let path = checkpoint_file(&self.folder, &id);
        let found = write_trace(path, bytes).await?;
        if found != Some(opening) {
            return Err(other());
        }
        Ok(Outcome { model, trace: Some(opening) })
    }
}

/// Keeps a trace, and says what its file commits to.
async fn write_trace(
    path: PathBuf,
    bytes: Vec<u8>,
) -> Result<Option<aipot_domain_runtime::trace::TraceOpening>, RemoteError> {
    let write = move || {
        durable::write(&path, &bytes)?;
        Ok(opening_of(&path))
    };
    tokio::task::spawn_blocking(write).await?
}

fn opening_of(path: &Path) -> Option<aipot_domain_runtime::trace::TraceOpening> {
    recipe::read_trace(path).map(|trace| trace.opening())
}

/// The file with the training data of a job.
fn training_file(job: &Job) -> DataFile {
    let data = job.specification.data.train;
    DataFile { blob: Blob { root: data.root.0, byte_count: data.byte_count }, path: None }
}

fn ticking(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The next report about a job; what is no report is passed over.
async fn next_progress(subscriber: &mut Subscriber, id: &JobId) -> TrainingProgress {
    while let Some(message) = subscriber.next().await {
        let Ok(FromWorker::Progress { job, step, step_count, loss_bits, remaining_ms }) =
            decode_from_worker(&message.payload)
        else {
            continue;
        };
        if job == *id {
            let loss_nats = f32::from_bits(loss_bits);
            let remaining = Duration::from_millis(remaining_ms);
            return TrainingProgress { order: id.order, step, step_count, loss_nats, remaining };
        }
    }
    // The connection is closed for good, which the polls will say.
    std::future::pending().await
}

/// Takes a job back when nobody waits for its result any more. It can be offered again later, and then goes
/// on from its checkpoint.
struct TakenBack<'provider> {
    provider: &'provider RemoteProvider,
    job: JobId,
    is_over: bool,
}

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (exchange, job) = (self.provider.exchange.clone(), self.job);
        self.provider.runtime.spawn(async move {
            if let Err(error) = take_back(&exchange, job).await {
                tracing::warn!(%job, %error, "a job could not be taken back");
            }
        });
    }
}

async fn take_back(exchange: &Exchange, job: JobId) -> Result<(), RemoteError> {
    exchange.remove_job(&job).await?;
    exchange.say(Topic::Control, &job, encode(&ToWorker::Pause(job))?).await
}
