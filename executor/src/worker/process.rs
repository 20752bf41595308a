//! Work in processes of their own, so that a fault of a driver, or memory that ran out, ends no node.
//!
//! A process does one job at a time. When it dies or falls silent another one is started, and the job goes
//! on from its last checkpoint. It is told everything through its standard input, and ends with it.

mod child;
pub mod serve;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aipot_domain_runtime::trace::TraceOpening;

use super::memory::{MemoryRequest, OutOfMemory};
use super::performer::{Errand, Outcome, model_bytes_max};
use super::protocol::{Blob, CheckpointPlace, Failure, FromWorker, Job, JobId, ToWorker};
use super::training::TrainingError;
use super::{Control, JobEnd, TrainingProgress, durable};
use crate::backend::DeviceChoice;
use crate::store::artefacts::ContentHash;
use child::{Child, Death};

/// Folder of models on their way from a process to its node, in the folder of the node.
const RESULTS: &str = "results";
/// Folder of data that lies in no file otherwise, in the folder of the node.
const DATA: &str = "data";

/// How often a process is told what has changed, when it says nothing itself.
const TICK: Duration = Duration::from_millis(50);

/// Processes that may be killed one after the other before memory counts as the reason.
const KILLS_MAX: u32 = 2;

/// How processes are started and watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessSettings {
    /// The program `aipot`.
    pub program: PathBuf,
    /// The device on which they compute.
    pub device: DeviceChoice,
    /// Folder of the node.
    pub folder: PathBuf,
    /// How long a process may be silent; it speaks every second.
    pub silence_max: Duration,
    /// How long a step may take in a process that was told to stop.
    pub pause_max: Duration,
    /// Processes that may die of a job without getting further than those before them.
    pub deaths_max: u32,
    /// Wait after the first death...
    pub backoff_min: Duration,
    /// ...and the longest wait, to which it doubles.
    pub backoff_max: Duration,
}

impl ProcessSettings {
    /// The usual settings: this program on the processor.
    ///
    /// # Errors
    /// [`std::io::Error`] when the program cannot be found.
    pub fn for_folder(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        Ok(Self::new(child::this_program()?, folder))
    }

    /// The usual settings with another program.
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            device: DeviceChoice { backend: crate::backend::Backend::Cpu, index: None },
            folder: folder.into(),
            silence_max: Duration::from_secs(10),
            pause_max: Duration::from_mins(1),
            deaths_max: 5,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
        }
    }
}

/// Processes of one device; as many as jobs run at once.
#[derive(Debug)]
pub struct ProcessPool {
    settings: ProcessSettings,
    idle: Mutex<Vec<Child>>,
}

/// What a process was told about a job beyond that it is to be done.
#[derive(Default)]
struct Told {
    finish: bool,
    pause: Option<Instant>,
}

/// How often a job has killed its process without getting further.
#[derive(Default)]
struct Deaths {
    count: u32,
    step: u64,
}

impl ProcessPool {
    /// A pool without any process; they are started when they are needed.
    pub fn new(settings: ProcessSettings) -> Self {
        // Models that nobody has taken: whoever wants one has its job done again, from the last checkpoint.
        let results = settings.folder.join(RESULTS);
        if let Err(error) = fs::remove_dir_all(&results)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(folder = %results.display(), %error, "old results stay behind");
        }
        Self { settings, idle: Mutex::default() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// The processes that wait for a job.
    pub fn idle_processes(&self) -> Vec<u32> {
        self.idle().iter().map(Child::id).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Child>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a job done, while this thread waits.
    pub(super) fn perform(
        &self,
        errand: &Errand,
        control: &Control,
    ) -> JobEnd<Result<Outcome, TrainingError>> {
        match self.outlive(errand, control) {
            Ok(JobEnd::Finished(outcome)) => JobEnd::Finished(Ok(outcome)),
            Ok(JobEnd::Stopped) => JobEnd::Stopped,
            Ok(JobEnd::OutOfMemory(error)) => JobEnd::OutOfMemory(error),
            Err(failure) => match out_of_memory(&failure, control) {
                Some(error) => JobEnd::OutOfMemory(error),
                None => JobEnd::Finished(Err(failure.into())),
            },
        }
    }

    /// Starts a process for the job again and again, until one lives long enough.
    fn outlive(&self, errand: &Errand, control: &Control) -> Result<JobEnd<Outcome>, Failure> {
        let mut job = self.prepare(errand)?;
        if let Some(place) = control.place() {
            job.limits.memory_bytes = place.reserved_bytes;
        }
        let mut deaths = Deaths::default();
        loop {
            let mut step = 0;
            let death = match self.live(&job, errand, control, &mut step) {
                Ok(JobEnd::Finished(end)) => return end.map(JobEnd::Finished),
                Ok(JobEnd::Stopped) => return Ok(JobEnd::Stopped),
                Ok(JobEnd::OutOfMemory(error)) => return Ok(JobEnd::OutOfMemory(error)),
                Err(death) => death,
            };
            let order = job.specification.id();
            tracing::warn!(%order, step, %death, "a worker died; another one goes on");
            let count = deaths.count(step);
            if death.is_by_system() && count >= KILLS_MAX && control.place().is_some() {
                // Nobody but the system does that twice, and it is short of memory then.
                let capacity_bytes = job.limits.memory_bytes;
                let needed_bytes = capacity_bytes.saturating_add(1);
                return Err(Failure::OutOfMemory { needed_bytes, capacity_bytes });
            }
            if count >= self.settings.deaths_max {
                return Err(Failure::GivenUp { tries: count, reason: death.to_string() });
            }
            if !self.back_off(count, control) {
                return Ok(JobEnd::Stopped);
            }
        }
    }

    /// The job as a process on this machine understands it.
    fn prepare(&self, errand: &Errand) -> Result<Job, Failure> {
        let mut job = errand.job.clone();
        job.checkpoints = CheckpointPlace::Folder;
        job.data = job.needed_files();
        for file in &mut job.data {
            let hash = ContentHash(file.blob.root);
            let path = match errand.data.training_file(hash) {
                Some(path) => path,
                None => self.write_data(errand, hash)?,
            };
            file.path = Some(path.to_str().ok_or_else(|| not_text(&path))?.to_owned());
        }
        Ok(job)
    }

    fn write_data(&self, errand: &Errand, hash: ContentHash) -> Result<PathBuf, Failure> {
        let bytes =
            errand.data.training_data(hash).map_err(|error| Failure::unavailable(&error))?;
        let path = self.settings.folder.join(DATA).join(hash.to_string());
        durable::write(&path, &bytes).map_err(|error| Failure::unavailable(&error))?;
        Ok(path)
    }

    /// One process at the job, to the end of one of them.
    fn live(
        &self,
        job: &Job,
        errand: &Errand,
        control: &Control,
        step: &mut u64,
    ) -> Result<JobEnd<Result<Outcome, Failure>>, Death> {
        let mut child = self.child()?;
        let mut job = job.clone();
        job.limits.time_left_ms = errand.time_left_ms();
        child.tell(&ToWorker::Start(Box::new(job.clone())))?;
        let end = self.follow(&mut child, (&job, errand), control, step)?;
        self.idle().push(child);
        Ok(end)
    }

    /// A process that waits, or else a fresh one.
    fn child(&self) -> Result<Child, Death> {
        while let Some(mut child) = { self.idle().pop() } {
            if child.is_alive() {
                return Ok(child);
            }
        }
        Child::start(&self.settings)
    }

    fn follow(
        &self,
        child: &mut Child,
        (job, errand): (&Job, &Errand),
        control: &Control,
        furthest: &mut u64,
    ) -> Result<JobEnd<Result<Outcome, Failure>>, Death> {
        let id = job.id();
        let mut told = Told::default();
        loop {
            self.tell(child, id, (errand, control), &mut told)?;
            match child.next(TICK, self.settings.silence_max)? {
                Some(FromWorker::Progress { job, step, step_count, loss_bits, remaining_ms })
                    if job == id =>
                {
                    *furthest = step;
                    let loss_nats = f32::from_bits(loss_bits);
                    let remaining = Duration::from_millis(remaining_ms);
                    let (order, step) = (id.order, step);
                    errand.report(TrainingProgress {
                        order,
                        step,
                        step_count,
                        loss_nats,
                        remaining,
                    });
                }
                Some(FromWorker::Paused(job)) if job == id => return Ok(JobEnd::Stopped),
                Some(FromWorker::Failure { job, failure }) if job == id => {
                    return Ok(JobEnd::Finished(Err(failure)));
                }
                Some(FromWorker::Result { job: of, model, trace, .. }) if of == id => {
                    return Ok(JobEnd::Finished(Ok(self.take(job, model, trace)?)));
                }
                // It lives, or speaks of a job that it had before.
                _ => {}
            }
        }
    }

    /// Passes on what was decided meanwhile, each thing once.
    fn tell(
        &self,
        child: &mut Child,
        id: JobId,
        (errand, control): (&Errand, &Control),
        told: &mut Told,
    ) -> Result<(), Death> {
        if errand.is_urgent.load(Ordering::Relaxed) && !told.finish {
            told.finish = true;
            child.tell(&ToWorker::Finish(id))?;
        }
        match told.pause {
            None if control.is_stopped() => {
                told.pause = Some(Instant::now());
                child.tell(&ToWorker::Pause(id))
            }
            Some(since) if since.elapsed() > self.settings.pause_max => {
                Err(Death::Deaf { waited_s: since.elapsed().as_secs() })
            }
            _ => Ok(()),
        }
    }

    /// Takes the model out of the file in which the process left it.
    fn take(&self, job: &Job, model: Blob, trace: Option<TraceOpening>) -> Result<Outcome, Death> {
        let bytes_max = model_bytes_max(&job.specification);
        if model.byte_count > bytes_max {
            return Err(Death::TooLarge { byte_count: model.byte_count, bytes_max });
        }
        let path = result_path(&self.settings.folder, &job.id());
        let bytes = fs::read(&path).map_err(|source| Death::Pipe { source })?;
        if Blob::of(&bytes) != model {
            return Err(Death::OtherResult { path });
        }
        if let Err(error) = durable::remove(&path) {
            tracing::warn!(%error, "a result that was taken stays behind");
        }
        Ok(Outcome { model: bytes, trace })
    }

    /// Waits, longer after each death; `false` when the job is to stop meanwhile.
    fn back_off(&self, deaths: u32, control: &Control) -> bool {
        let factor = 1_u32.checked_shl(deaths.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = self.settings.backoff_min.saturating_mul(factor).min(self.settings.backoff_max);
        let until = Instant::now() + wait;
        while !control.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::park_timeout(left.min(TICK));
        }
        false
    }
}

impl Deaths {
    /// Counts a death, from 1 again when the job got further than ever.
    fn count(&mut self, step: u64) -> u32 {
        if step > self.step {
            (self.count, self.step) = (0, step);
        }
        self.count += 1;
        self.count
    }
}

/// Where a process leaves a model.
fn result_path(folder: &Path, job: &JobId) -> PathBuf {
    folder.join(RESULTS).join(job.to_string())
}

/// What a job's place has to be told when its process lacked memory.
fn out_of_memory(failure: &Failure, control: &Control) -> Option<OutOfMemory> {
    let (Failure::OutOfMemory { needed_bytes, .. }, Some(place)) = (failure, control.place())
    else {
        return None;
    };
    let request = MemoryRequest {
        step: 0,
        micro_rows: place.micro_rows,
        needed_bytes: *needed_bytes,
        budget_bytes: place.reserved_bytes,
        is_first: true,
    };
    Some(OutOfMemory { request })
}

fn not_text(path: &Path) -> Failure {
    Failure::Unavailable { reason: format!("the path {} is no text", path.display()) }
}
