//! Runs heavy work on blocking threads, as the scheduler allows, and lets it be stopped between steps.
//!
//! Work enters through [`Worker::run`]. When something more valuable needs the room, the work is told
//! to stop, goes back into the queue and is run again; training then goes on from its checkpoint.

mod board;
pub mod durable;
mod progress;
pub mod recipe;
pub mod training;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

pub use progress::TrainingProgress;

use crate::configuration::StrategySettings;
use crate::scheduler::Job;
use board::{Board, JobId};

/// Progress reports that a slow reader may fall behind before it misses some.
const PROGRESS_REPORTS_MAX: usize = 256;

/// How a node works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerConfiguration {
    /// Folder of the node; checkpoints go into `checkpoints` in it.
    pub folder: PathBuf,
    /// Threads of one job.
    pub threads: usize,
    /// Memory that all jobs together may reserve.
    pub memory_bytes: u64,
    /// Jobs that may run at once.
    pub jobs_max: usize,
    /// A checkpoint is written after so many steps...
    pub checkpoint_steps: u64,
    /// ...or after so much time, whichever comes first.
    pub checkpoint_time: Duration,
    /// How contests are trained.
    pub strategy: StrategySettings,
}

impl WorkerConfiguration {
    /// For a machine of which nothing is known: two jobs at once in 2 GiB, a checkpoint every 200 steps or
    /// 30 seconds. No more than that is done twice after a crash.
    pub fn for_folder(folder: impl Into<PathBuf>, threads: usize) -> Self {
        Self {
            folder: folder.into(),
            threads,
            memory_bytes: 2 << 30,
            jobs_max: 2,
            checkpoint_steps: 200,
            checkpoint_time: Duration::from_secs(30),
            strategy: StrategySettings::default(),
        }
    }
}

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The work does not fit, however long it waits.
    #[error("the job needs {needed_bytes} bytes, this machine gives jobs {capacity_bytes}")]
    TooLarge {
        /// What the job reserves.
        needed_bytes: u64,
        /// What the configuration allows.
        capacity_bytes: u64,
    },
    /// The threads of a job could not be started.
    #[error("the threads of a job could not be started")]
    Threads {
        /// What the operating system said.
        source: rayon::ThreadPoolBuildError,
    },
    /// The work panicked, or the program is ending.
    #[error("the job was broken off")]
    BrokenOff {
        /// How.
        source: tokio::task::JoinError,
    },
}

/// How one go at a piece of work ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobEnd<T> {
    /// With its result.
    Finished(T),
    /// It was told to stop, and wants to be run again.
    Stopped,
}

/// What work looks at between two steps.
#[derive(Clone, Debug, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
}

impl Control {
    /// Whether the work has to make room, or its result is no longer wanted.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs work. Clones share the machine.
#[derive(Clone, Debug)]
pub struct Worker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    configuration: WorkerConfiguration,
    board: Mutex<Board>,
    progress: broadcast::Sender<TrainingProgress>,
}

impl Worker {
    /// A worker with nothing to do.
    pub fn new(configuration: WorkerConfiguration) -> Self {
        let board = Board::new(configuration.memory_bytes, configuration.jobs_max);
        let (progress, _) = broadcast::channel(PROGRESS_REPORTS_MAX);
        Self { shared: Arc::new(Shared { configuration, board: Mutex::new(board), progress }) }
    }

    /// How this worker works.
    pub fn configuration(&self) -> &WorkerConfiguration {
        &self.shared.configuration
    }

    /// Progress of all trainings from now on.
    pub fn progress(&self) -> broadcast::Receiver<TrainingProgress> {
        self.shared.progress.subscribe()
    }

    /// Runs `work` until it finishes, again and again when it is stopped. Dropping the future stops it.
    ///
    /// # Errors
    /// [`WorkerError`]: the work has no result.
    pub async fn run<T, W>(&self, job: Job, work: W) -> Result<T, WorkerError>
    where
        T: Send + 'static,
        W: Fn(&Control) -> JobEnd<T> + Send + Sync + 'static,
    {
        let capacity_bytes = self.configuration().memory_bytes;
        if job.reserved_bytes > capacity_bytes {
            return Err(WorkerError::TooLarge { needed_bytes: job.reserved_bytes, capacity_bytes });
        }
        let work = Arc::new(work);
        loop {
            let place = self.enter(job).await;
            let _stops_when_dropped = StopOnDrop(place.control.clone());
            let work = Arc::clone(&work);
            let threads = self.configuration().threads;
            let one_go = move || go(&place, threads, work.as_ref());
            let end = tokio::task::spawn_blocking(one_go).await;
            match end.map_err(|source| WorkerError::BrokenOff { source })?? {
                JobEnd::Finished(result) => return Ok(result),
                JobEnd::Stopped => {}
            }
        }
    }

    /// Waits for room and takes it.
    async fn enter(&self, job: Job) -> Place {
        loop {
            let (grant, granted) = oneshot::channel();
            let mut waiter = Waiter { shared: &self.shared, granted };
            self.shared.board().enter(job, grant);
            // The board lets go of a grant without giving it only when its waiter is gone.
            if let Ok((id, control)) = (&mut waiter.granted).await {
                return Place { shared: Arc::clone(&self.shared), id, control };
            }
        }
    }
}

/// Waits for room; room that comes too late is given back.
struct Waiter<'worker> {
    shared: &'worker Shared,
    granted: oneshot::Receiver<(JobId, Control)>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.granted.close();
        if let Ok((id, _)) = self.granted.try_recv() {
            self.shared.board().leave(id);
        }
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room on the machine, given back when the work has ended, however it ended.
struct Place {
    shared: Arc<Shared>,
    id: JobId,
    control: Control,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.board().leave(self.id);
    }
}

/// Stops work whose result nobody waits for any more.
struct StopOnDrop(Control);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// One go at the work, on threads of its own, so that no job's tasks wait behind another's.
fn go<T: Send>(
    place: &Place,
    threads: usize,
    work: &(impl Fn(&Control) -> JobEnd<T> + Sync),
) -> Result<JobEnd<T>, WorkerError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| WorkerError::Threads { source })?;
    Ok(pool.install(|| work(&place.control)))
}

#[cfg(test)]
mod tests;
