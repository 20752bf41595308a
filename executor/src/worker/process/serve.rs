//! The other side: the process that does jobs, as long as somebody holds its standard input.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::result_path;
use crate::worker::memory::OutOfMemory;
use crate::worker::performer::{
    CheckpointWatch, DataOnDisk, Errand, LAST_STEP_MAX, Outcome, Performer,
};
use crate::worker::protocol::{
    Blob, Failure, FrameError, FromWorker, Job, JobId, ToWorker, WireError, decode_to_worker,
    encode, read_frame, write_frame,
};
use crate::worker::{Control, JobEnd, PROGRESS_REPORTS_MAX, durable};

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Between two looks at what the job has done.
const TICK: Duration = Duration::from_millis(50);
/// Events that wait; a node that says more is waited for.
const EVENTS_MAX: usize = 16;

/// Why a process stops serving, beside its input being closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The pipes broke, or carry no frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What was read is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A thread could not be started.
    #[error("a thread could not be started: {source}")]
    Thread {
        /// What the operating system said.
        source: std::io::Error,
    },
}

enum Event {
    Told(ToWorker),
    Closed(Option<ServeError>),
    Ended(JobEnd<Result<Outcome, Failure>>),
}

/// Why a job was told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    Pause,
    Cancel,
    TimeLimit,
}

/// A job in work.
struct Work {
    id: JobId,
    control: Control,
    is_urgent: Arc<AtomicBool>,
    progress: broadcast::Receiver<crate::worker::TrainingProgress>,
    checkpoints: CheckpointWatch,
    step: u64,
    started: Instant,
    time_limit_s: u32,
    stopping: Option<Stopping>,
}

/// Does jobs until `input` ends or `is_stopped` is set; then the job in work is stopped at its next step.
///
/// # Errors
/// [`ServeError`] when the other side is not understood, or does not listen.
pub fn serve(
    input: impl Read + Send + 'static,
    output: impl Write,
    folder: PathBuf,
    is_stopped: &AtomicBool,
) -> Result<(), ServeError> {
    let (sender, events) = sync_channel(EVENTS_MAX);
    let to_reader = sender.clone();
    spawn("aipot worker input", move || read(input, &to_reader))?;
    let mut server =
        Server { output, folder, sender, events, work: None, heartbeat: Instant::now() };
    loop {
        let event = server.events.recv_timeout(TICK);
        let ended = match event {
            Ok(Event::Told(message)) => server.told(message),
            Ok(Event::Ended(end)) => server.ended(end),
            Ok(Event::Closed(reason)) => {
                server.leave();
                return reason.map_or(Ok(()), Err);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(()),
        };
        let said = ended.and_then(|()| server.speak());
        if said.is_err() || is_stopped.load(Ordering::Relaxed) {
            server.leave();
            return said;
        }
    }
}

struct Server<W> {
    output: W,
    folder: PathBuf,
    sender: SyncSender<Event>,
    events: Receiver<Event>,
    work: Option<Work>,
    heartbeat: Instant,
}

impl<W: Write> Server<W> {
    fn say(&mut self, message: &FromWorker) -> Result<(), ServeError> {
        Ok(write_frame(&mut self.output, &encode(message)?)?)
    }

    fn told(&mut self, message: ToWorker) -> Result<(), ServeError> {
        let work = self.work.as_mut();
        match message {
            ToWorker::Start(job) if work.is_none() => return self.start(*job),
            ToWorker::Start(job) => {
                let reason = "the worker has another job".to_owned();
                let failure = Failure::Unavailable { reason };
                return self.say(&FromWorker::Failure { job: job.id(), failure });
            }
            ToWorker::Finish(id) => {
                if let Some(work) = work.filter(|work| work.id == id) {
                    work.is_urgent.store(true, Ordering::Relaxed);
                }
            }
            ToWorker::Pause(id) => {
                if let Some(work) = work.filter(|work| work.id == id) {
                    work.stop(Stopping::Pause);
                }
            }
            ToWorker::Cancel(id) => {
                if let Some(work) = work.filter(|work| work.id == id) {
                    work.stop(Stopping::Cancel);
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, job: Job) -> Result<(), ServeError> {
        let id = job.id();
        let control = Control::default();
        let is_urgent = Arc::new(AtomicBool::new(false));
        let (sender, progress) = broadcast::channel(PROGRESS_REPORTS_MAX);
        self.work = Some(Work {
            id,
            control: control.clone(),
            is_urgent: Arc::clone(&is_urgent),
            progress,
            checkpoints: CheckpointWatch::new(&self.folder, &id),
            step: 0,
            started: Instant::now(),
            time_limit_s: job.limits.time_limit_s,
            stopping: None,
        });
        let performer = Performer::Here(self.folder.clone());
        let data = Arc::new(DataOnDisk::of(&job));
        let errand = Errand { job, data, is_urgent, progress: sender, since: Instant::now() };
        let events = self.sender.clone();
        spawn("aipot job", move || {
            let end = perform(&performer, &errand, &control);
            // Nobody listens any more when the process is about to end.
            drop(events.send(Event::Ended(end)));
        })
    }

    /// Says what has happened since it was last asked.
    fn speak(&mut self) -> Result<(), ServeError> {
        let Some(work) = self.work.as_mut() else { return Ok(()) };
        let mut said: Vec<FromWorker> = work.progress().into_iter().collect();
        if self.heartbeat.elapsed() >= HEARTBEAT {
            self.heartbeat = Instant::now();
            said.push(FromWorker::Heartbeat);
            let (job, step) = (work.id, work.step);
            if work.checkpoints.has_changed() {
                said.push(FromWorker::Checkpoint { job, step });
            }
            if work.started.elapsed() >= Duration::from_secs(work.time_limit_s.into()) {
                work.stop(Stopping::TimeLimit);
            }
        }
        said.iter().try_for_each(|message| self.say(message))
    }

    fn ended(&mut self, end: JobEnd<Result<Outcome, Failure>>) -> Result<(), ServeError> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        if let Some(last) = work.progress() {
            self.say(&last)?;
        }
        let job = work.id;
        let message = match (end, work.stopping) {
            (JobEnd::Finished(Ok(outcome)), _) => self.result(job, &outcome),
            (JobEnd::Finished(Err(failure)), _) => FromWorker::Failure { job, failure },
            (JobEnd::OutOfMemory(OutOfMemory { request }), _) => {
                let (needed_bytes, capacity_bytes) = (request.needed_bytes, request.budget_bytes);
                let failure = Failure::OutOfMemory { needed_bytes, capacity_bytes };
                FromWorker::Failure { job, failure }
            }
            (JobEnd::Stopped, Some(Stopping::Cancel)) => {
                FromWorker::Failure { job, failure: Failure::Cancelled }
            }
            (JobEnd::Stopped, Some(Stopping::TimeLimit)) => {
                let failure = Failure::TimeLimit { time_limit_s: work.time_limit_s };
                FromWorker::Failure { job, failure }
            }
            (JobEnd::Stopped, Some(Stopping::Pause) | None) => FromWorker::Paused(job),
        };
        self.say(&message)
    }

    /// Leaves the model where the node takes it from.
    fn result(&self, job: JobId, outcome: &Outcome) -> FromWorker {
        let path = result_path(&self.folder, &job);
        match durable::write(&path, &outcome.model) {
            Err(error) => FromWorker::Failure { job, failure: Failure::unavailable(&error) },
            Ok(()) => FromWorker::Result {
                job,
                model: Blob::of(&outcome.model),
                trace: outcome.trace,
                trace_file: None,
            },
        }
    }

    /// Lets the job in work write its checkpoint, if it does so soon.
    fn leave(&mut self) {
        let Some(work) = self.work.as_mut() else { return };
        work.stop(Stopping::Pause);
        let until = Instant::now() + LAST_STEP_MAX;
        let end = loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Ended(end)) => break end,
                Ok(_) => {}
                Err(_) => {
                    tracing::warn!("the last step takes too long; it is broken off");
                    return;
                }
            }
        };
        if let Err(error) = self.ended(end) {
            tracing::debug!(%error, "nobody hears how the last job ended");
        }
    }
}

impl Work {
    fn stop(&mut self, stopping: Stopping) {
        self.stopping.get_or_insert(stopping);
        self.control.stop();
    }

    /// The last report since the last look.
    fn progress(&mut self) -> Option<FromWorker> {
        let mut last = None;
        loop {
            match self.progress.try_recv() {
                Ok(progress) => last = Some(progress),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        let progress = last?;
        self.step = progress.step;
        Some(FromWorker::Progress {
            job: self.id,
            step: progress.step,
            step_count: progress.step_count,
            loss_bits: progress.loss_nats.to_bits(),
            remaining_ms: u64::try_from(progress.remaining.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Does a job; a panic is a failure like others.
fn perform(
    performer: &Performer,
    errand: &Errand,
    control: &Control,
) -> JobEnd<Result<Outcome, Failure>> {
    let end = catch_unwind(AssertUnwindSafe(|| performer.perform(errand, control)));
    match end {
        Ok(JobEnd::Finished(result)) => {
            JobEnd::Finished(result.map_err(|error| Failure::from(&error)))
        }
        Ok(JobEnd::Stopped) => JobEnd::Stopped,
        Ok(JobEnd::OutOfMemory(error)) => JobEnd::OutOfMemory(error),
        Err(_) => {
            let reason = "the job panicked".to_owned();
            JobEnd::Finished(Err(Failure::Unavailable { reason }))
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ServeError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|source| ServeError::Thread { source })
}

/// Reads until the input ends or breaks.
fn read(mut input: impl Read, events: &SyncSender<Event>) {
    loop {
        let event = match read_frame(&mut input) {
            Ok(None) => Event::Closed(None),
            Err(error) => Event::Closed(Some(error.into())),
            Ok(Some(frame)) => match decode_to_worker(&frame) {
                Ok(message) => Event::Told(message),
                Err(error) => Event::Closed(Some(error.into())),
            },
        };
        let is_over = matches!(event, Event::Closed(_));
        if events.send(event).is_err() || is_over {
            return;
        }
    }
}
