//! One job as it was delivered: refused, done, given back, or given up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use async_nats::jetstream::{AckKind, Message};
use futures::StreamExt;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::super::RemoteError;
use super::super::exchange::{Exchange, Published, Queue, checkpoint_name};
use super::super::names::Topic;
use super::{JobFate, RemoteWorker, WorkerEvent};
use crate::store::artefacts::ContentHash;
use crate::worker::memory::training_need;
use crate::worker::performer::{CheckpointWatch, Errand, Outcome, checkpoint_file};
use crate::worker::protocol::{
    Blob, CheckpointPlace, Failure, FromWorker, Job, JobId, ToWorker, WireError, decode_job,
    decode_to_worker, encode,
};
use crate::worker::training::{TrainingData, TrainingError};
use crate::worker::{
    Control, JobEnd, PROGRESS_REPORTS_MAX, TrainingProgress, WorkerError, durable,
};

/// Largest checkpoint or trace that is fetched.
const CHECKPOINT_BYTES_MAX: u64 = 16 << 30;
/// Renewals of a lease in the time that it lasts.
const RENEWALS: u32 = 4;
/// Least time between two renewals.
const RENEWAL_MIN: Duration = Duration::from_millis(50);
/// Wait before a job that this worker cannot do is given to another one.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What becomes of a delivery.
enum End {
    /// There is a result, good or bad.
    Settled(FromWorker),
    /// Nobody wants a result.
    Unwanted,
    /// Another worker is to try, after a while.
    Again(Duration),
}

/// Why a job was told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// This worker ends.
    Leaving,
    /// The provider wants no result, now or ever.
    Unwanted,
    TimeLimit,
}

/// A job in the hands of this worker.
pub(super) struct Delivery<'worker> {
    pub(super) worker: &'worker RemoteWorker,
    pub(super) exchange: &'worker Exchange,
    pub(super) queue: &'worker Queue,
    pub(super) message: &'worker Message,
}

/// A job in work.
struct Work {
    job: Job,
    id: JobId,
    control: Control,
    is_urgent: Arc<AtomicBool>,
    progress: broadcast::Sender<TrainingProgress>,
    checkpoints: CheckpointWatch,
    started: Instant,
    stopping: Option<Stopping>,
}

impl Delivery<'_> {
    /// Does everything that there is to do; what goes wrong on the way is left to the next delivery.
    pub(super) async fn handle(&self, stopping: watch::Receiver<bool>) {
        let subject = self.message.subject.clone();
        let handled = tokio::select! {
            handled = self.settle(stopping) => handled,
            never = self.renew() => match never {},
        };
        if let Err(error) = handled {
            tracing::warn!(%subject, %error, "a job is given back");
            self.acknowledge(AckKind::Nak(Some(RETRY_DELAY))).await;
        }
    }

    /// Renews the lease as long as it is waited for.
    async fn renew(&self) -> std::convert::Infallible {
        let mut renewals = interval((self.queue.lease / RENEWALS).max(RENEWAL_MIN));
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            renewals.tick().await;
            self.acknowledge(AckKind::Progress).await;
        }
    }

    async fn acknowledge(&self, kind: AckKind) {
        if let Err(error) = self.message.ack_with(kind).await {
            tracing::warn!(%error, "the server cannot be told how a job goes");
        }
    }

    async fn settle(&self, stopping: watch::Receiver<bool>) -> Result<(), RemoteError> {
        let job = match decode_job(&self.message.payload) {
            Ok(job) if self.is_named(&job.id()) => job,
            Ok(job) => {
                return self.refuse(&WireError::Misplaced { job: job.id().to_string() }).await;
            }
            // A worker of the right version may come.
            Err(error @ WireError::Version { .. }) if !self.is_given_up() => {
                return Err(error.into());
            }
            Err(error) => return self.refuse(&error).await,
        };
        let id = job.id();
        let end = match self.refusal(&job) {
            Some(end) => end,
            None => self.work(job, stopping).await?,
        };
        let fate = match end {
            End::Settled(result) => self.hand_in(&id, &result).await?,
            End::Unwanted => {
                self.acknowledge(AckKind::Term).await;
                JobFate::Unwanted
            }
            End::Again(delay) => {
                self.acknowledge(AckKind::Nak(Some(delay))).await;
                JobFate::GivenBack
            }
        };
        self.worker.tell(WorkerEvent::Ended { job: id, end: fate });
        Ok(())
    }

    /// Whether as many workers have begun the job as may.
    fn is_given_up(&self) -> bool {
        self.message.info().is_ok_and(|info| info.delivered > self.queue.tries_max)
    }

    /// Whether the subject is that of the job.
    fn is_named(&self, id: &JobId) -> bool {
        let prefix = self.exchange.settings.stream.prefix(Topic::Jobs);
        self.message.subject.strip_prefix(prefix.as_str()) == Some(id.to_string().as_str())
    }

    /// Ends something that is no job, for good.
    async fn refuse(&self, error: &WireError) -> Result<(), RemoteError> {
        tracing::warn!(subject = %self.message.subject, %error, "what was delivered is no job");
        let prefix = self.exchange.settings.stream.prefix(Topic::Jobs);
        let name = self.message.subject.strip_prefix(prefix.as_str()).and_then(JobId::parse);
        if let Some(job) = name {
            let failure = Failure::bad_job(error);
            self.exchange.publish_result(&job, &FromWorker::Failure { job, failure }).await?;
        }
        self.acknowledge(AckKind::Term).await;
        Ok(())
    }

    /// What is to be said without doing the job.
    fn refusal(&self, job: &Job) -> Option<End> {
        let id = job.id();
        let settled = |failure| Some(End::Settled(FromWorker::Failure { job: id, failure }));
        // Row by row, if that is what it takes.
        let needed_bytes = match training_need(&job.specification) {
            Ok(need) => need.bytes(1),
            Err(error) => return settled(Failure::from(&TrainingError::from(error))),
        };
        if self.is_given_up() {
            let tries = u32::try_from(self.queue.tries_max).unwrap_or(0);
            let reason = "none of them handed in a result".to_owned();
            return settled(Failure::GivenUp { tries, reason });
        }
        let capacity_bytes = self.worker.settings.memory_bytes;
        if needed_bytes > capacity_bytes {
            tracing::warn!(job = %id, needed_bytes, capacity_bytes, "a job is too large for this worker");
            return Some(End::Again(self.queue.lease));
        }
        None
    }

    async fn work(&self, job: Job, stopping: watch::Receiver<bool>) -> Result<End, RemoteError> {
        let id = job.id();
        // From now on the provider is heard, also while data is on its way.
        let mut told = self.exchange.listen(Topic::Control, &id).await?;
        if self.exchange.result(&id).await?.is_some() {
            return Ok(End::Unwanted);
        }
        tracing::info!(job = %id, "a job begins");
        self.worker.tell(WorkerEvent::Began { job: id });
        self.fetch(&job).await?;
        let folder = self.worker.performer.folder().to_path_buf();
        let (progress, _) = broadcast::channel(PROGRESS_REPORTS_MAX);
        let mut work = Work {
            id,
            control: Control::default(),
            is_urgent: Arc::default(),
            progress,
            checkpoints: CheckpointWatch::new(&folder, &id),
            started: Instant::now(),
            stopping: None,
            job,
        };
        let end = self.attend(&mut work, &mut told, stopping).await?;
        self.conclude(&mut work, end).await
    }

    /// Fetches the data, and the checkpoint of whoever had the job before.
    async fn fetch(&self, job: &Job) -> Result<(), RemoteError> {
        let data = &self.worker.data;
        for file in &job.data {
            let hash = ContentHash(file.blob.root);
            if data.has(hash) {
                continue;
            }
            let bytes = self.exchange.get_blob(&file.blob, file.blob.byte_count).await?;
            let data = Arc::clone(data);
            tokio::task::spawn_blocking(move || data.put(&bytes)).await??;
        }
        if job.checkpoints == CheckpointPlace::Folder {
            return Ok(());
        }
        let id = job.id();
        match self.exchange.get_file(&checkpoint_name(&id), CHECKPOINT_BYTES_MAX).await {
            Err(RemoteError::Missing { .. }) => Ok(()),
            Err(error) => {
                // The job can begin at the beginning.
                tracing::warn!(job = %id, %error, "a checkpoint cannot be fetched");
                Ok(())
            }
            Ok(bytes) => {
                let path = checkpoint_file(self.worker.performer.folder(), &id);
                Ok(tokio::task::spawn_blocking(move || durable::write(&path, &bytes)).await??)
            }
        }
    }

    /// Does the job on another thread, and attends to everything that happens meanwhile.
    async fn attend(
        &self,
        work: &mut Work,
        told: &mut Subscriber,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<JobEnd<Result<Outcome, TrainingError>>, RemoteError> {
        // Should this future be dropped, the job stops.
        let _stops_when_dropped = crate::worker::StopOnDrop(work.control.clone());
        let mut progress = work.progress.subscribe();
        let performing = self.perform(work);
        tokio::pin!(performing);
        let mut ticks = interval(self.exchange.settings.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_leaving = *stopping.borrow_and_update();
        loop {
            if is_leaving {
                work.stop(Stopping::Leaving);
            }
            tokio::select! {
                end = &mut performing => return end,
                changed = stopping.changed(), if !is_leaving => {
                    is_leaving = changed.is_err() || *stopping.borrow();
                }
                Some(message) = told.next() => work.told(&message.payload),
                Ok(report) = progress.recv() => self.report(work, report).await?,
                _ = ticks.tick() => self.look(work).await,
            }
        }
    }

    fn perform(
        &self,
        work: &Work,
    ) -> impl Future<Output = Result<JobEnd<Result<Outcome, TrainingError>>, RemoteError>> + use<>
    {
        let mut job = work.job.clone();
        job.limits.threads = self.worker.settings.threads;
        job.limits.memory_bytes = self.worker.settings.memory_bytes;
        let data: Arc<dyn TrainingData> = self.worker.data.clone();
        let (is_urgent, progress) = (Arc::clone(&work.is_urgent), work.progress.clone());
        let errand = Errand { job, data, is_urgent, progress, since: work.started };
        let (performer, control) = (Arc::clone(&self.worker.performer), work.control.clone());
        async move {
            let perform = move || performer.perform(&errand, &control);
            match tokio::task::spawn_blocking(perform).await {
                Ok(end) => Ok(end),
                Err(source) if source.is_panic() => {
                    Ok(JobEnd::Finished(Err(WorkerError::BrokenOff { source }.into())))
                }
                Err(source) => Err(source.into()),
            }
        }
    }

    async fn report(&self, work: &Work, report: TrainingProgress) -> Result<(), RemoteError> {
        self.worker.tell(WorkerEvent::Progress(report));
        let message = FromWorker::Progress {
            job: work.id,
            step: report.step,
            step_count: report.step_count,
            loss_bits: report.loss_nats.to_bits(),
            remaining_ms: u64::try_from(report.remaining.as_millis()).unwrap_or(u64::MAX),
        };
        self.exchange.say(Topic::Progress, &work.id, encode(&message)?).await
    }

    /// Looks for a new checkpoint, at the clock, and whether the job is still wanted.
    async fn look(&self, work: &mut Work) {
        self.share_checkpoint(work).await;
        if let Ok(false) = self.exchange.has_job(&work.id).await {
            work.stop(Stopping::Unwanted);
        }
        let time_limit = Duration::from_secs(work.job.limits.time_limit_s.into());
        if work.started.elapsed() >= time_limit {
            work.stop(Stopping::TimeLimit);
        }
    }

    /// Stores a new checkpoint where every worker finds it.
    async fn share_checkpoint(&self, work: &mut Work) {
        if work.job.checkpoints == CheckpointPlace::Folder || !work.checkpoints.has_changed() {
            return;
        }
        let shared = self.put_path(&checkpoint_name(&work.id), work.checkpoints.path()).await;
        if let Err(error) = shared {
            tracing::warn!(job = %work.id, %error, "a checkpoint is not shared; the next one may be");
        }
    }

    async fn put_path(&self, name: &str, path: &Path) -> Result<(), RemoteError> {
        let failed = |source| RemoteError::Transfer { name: name.to_owned(), source };
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        self.exchange.put_file(name, &mut file).await
    }

    /// What a job's end means for the delivery.
    async fn conclude(
        &self,
        work: &mut Work,
        end: JobEnd<Result<Outcome, TrainingError>>,
    ) -> Result<End, RemoteError> {
        let job = work.id;
        match (end, work.stopping) {
            (JobEnd::Finished(Ok(outcome)), _) => {
                Ok(End::Settled(self.store(work, &outcome).await?))
            }
            (JobEnd::Finished(Err(error)), _) => {
                let failure = Failure::from(&error);
                tracing::warn!(%job, %failure, "a job came to nothing");
                if failure.is_permanent() {
                    return Ok(End::Settled(FromWorker::Failure { job, failure }));
                }
                Ok(End::Again(RETRY_DELAY))
            }
            (JobEnd::OutOfMemory(error), _) => {
                tracing::warn!(%job, %error, "a job does not fit now");
                Ok(End::Again(self.queue.lease))
            }
            (JobEnd::Stopped, Some(Stopping::TimeLimit)) => {
                let failure = Failure::TimeLimit { time_limit_s: work.job.limits.time_limit_s };
                Ok(End::Settled(FromWorker::Failure { job, failure }))
            }
            (JobEnd::Stopped, stopping) => {
                self.share_checkpoint(work).await;
                let is_unwanted = stopping == Some(Stopping::Unwanted);
                Ok(if is_unwanted { End::Unwanted } else { End::Again(Duration::ZERO) })
            }
        }
    }

    /// Stores the model, and the trace behind it.
    async fn store(&self, work: &Work, outcome: &Outcome) -> Result<FromWorker, RemoteError> {
        let model = Blob::of(&outcome.model);
        self.exchange.put_blob(&model, &mut outcome.model.as_slice()).await?;
        let mut trace_file = None;
        if outcome.trace.is_some() {
            let path = checkpoint_file(self.worker.performer.folder(), &work.id);
            let read = move || durable::read(&path);
            let bytes = tokio::task::spawn_blocking(read).await??;
            let missing = || RemoteError::Missing { name: work.id.to_string() };
            let bytes = bytes.ok_or_else(missing)?;
            let blob = Blob::of(&bytes);
            self.exchange.put_blob(&blob, &mut bytes.as_slice()).await?;
            trace_file = Some(blob);
        }
        Ok(FromWorker::Result { job: work.id, model, trace: outcome.trace, trace_file })
    }

    /// Publishes the result and ends the delivery; a result that comes second is dropped.
    async fn hand_in(&self, job: &JobId, result: &FromWorker) -> Result<JobFate, RemoteError> {
        let published = self.exchange.publish_result(job, result).await?;
        let is_first = published == Published::First;
        tracing::info!(%job, is_first, "a job is done");
        if let Err(error) = self.message.double_ack().await {
            tracing::warn!(%job, %error, "the server may give a job out again that is done");
        }
        self.clean(job).await;
        Ok(match result {
            _ if !is_first => JobFate::Superfluous,
            FromWorker::Result { .. } => JobFate::HandedIn,
            _ => JobFate::Failed,
        })
    }

    /// Removes what only the job needed.
    async fn clean(&self, job: &JobId) {
        let path = checkpoint_file(self.worker.performer.folder(), job);
        let removed = tokio::task::spawn_blocking(move || durable::remove(&path)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%job, %error, "an old checkpoint stays behind");
        }
        self.exchange.remove_file(&checkpoint_name(job)).await;
    }
}

impl Work {
    fn stop(&mut self, stopping: Stopping) {
        self.stopping.get_or_insert(stopping);
        self.control.stop();
    }

    /// Does what the provider says; what is not for this job, or no message, is passed over.
    fn told(&mut self, message: &[u8]) {
        match decode_to_worker(message) {
            Ok(ToWorker::Finish(id)) if id == self.id => {
                self.is_urgent.store(true, Ordering::Relaxed);
            }
            Ok(ToWorker::Pause(id) | ToWorker::Cancel(id)) if id == self.id => {
                self.stop(Stopping::Unwanted);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(job = %self.id, %error, "a message is not understood"),
        }
    }
}
