//! Runs heavy work on blocking threads, as the scheduler allows, and lets it be stopped between steps.
//!
//! Work enters through [`Worker::run`]. When something more valuable needs the room, the work is told
//! to stop, goes back into the queue and is run again; training then goes on from its checkpoint. Work that
//! runs out of memory goes back as well, and is run again in smaller pieces or on a larger device.

mod board;
mod calibration;
mod control;
pub mod durable;
pub mod memory;
mod pace;
mod performer;
pub mod process;
mod progress;
pub mod protocol;
pub mod recipe;
pub mod remote;
mod threads;
pub mod training;
mod workplace;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

pub use calibration::{CALIBRATION_FILE, read_calibration};
pub use control::Control;
pub use pace::BlockClock;
pub use performer::Performer;
pub use progress::TrainingProgress;
pub use workplace::Workplace;

use crate::configuration::StrategySettings;
use crate::processor::machine_memory;
use crate::scheduler::calibration::Calibration;
use crate::scheduler::schedule::DoesNotFit;
use crate::scheduler::{Device, Job, JobId};
use board::{Board, Grant};
use control::Owner;
use memory::{MachineMemory, MemoryGuard, OutOfMemory};
use threads::Pools;

/// Progress reports that a slow reader may fall behind before it misses some.
const PROGRESS_REPORTS_MAX: usize = 256;

/// Memory for jobs on a machine that does not say what it has.
const MEMORY_DEFAULT: u64 = 2 << 30;

/// Jobs at once when nothing else is said.
pub const JOBS_DEFAULT: usize = 2;

/// How a node works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerConfiguration {
    /// Folder of the node; checkpoints go into `checkpoints` in it.
    pub folder: PathBuf,
    /// Threads of one job; no more than there are cores, and 0 means one for each.
    pub threads: usize,
    /// Memory that all jobs on the processor together may reserve.
    pub memory_bytes: u64,
    /// Jobs that may run at once on the processor.
    pub jobs_max: usize,
    /// Devices beside the processor, by what jobs may take there.
    pub more_devices: Vec<Device>,
    /// A checkpoint is written after so many steps...
    pub checkpoint_steps: u64,
    /// ...or after so much time, whichever comes first.
    pub checkpoint_time: Duration,
    /// How contests are trained.
    pub strategy: StrategySettings,
}

impl WorkerConfiguration {
    /// For a machine of which nothing is known: two jobs at once in [`default_memory_bytes`], a checkpoint
    /// every 200 steps or 30 seconds. No more than that is done twice after a crash.
    pub fn for_folder(folder: impl Into<PathBuf>, threads: usize) -> Self {
        Self {
            folder: folder.into(),
            threads,
            memory_bytes: default_memory_bytes(),
            jobs_max: JOBS_DEFAULT,
            more_devices: Vec::new(),
            checkpoint_steps: 200,
            checkpoint_time: Duration::from_secs(30),
            strategy: StrategySettings::default(),
        }
    }
}

/// Memory for jobs when nothing else is said: half of what the machine has, the rest is the node's and of
/// whatever else runs there.
pub fn default_memory_bytes() -> u64 {
    machine_memory().map_or(MEMORY_DEFAULT, |memory| memory.total_bytes / 2)
}

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The work does not fit, however long it waits and however finely it is cut.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    /// The threads of a job could not be started.
    #[error("the threads of a job could not be started")]
    Threads {
        /// What the operating system said.
        source: rayon::ThreadPoolBuildError,
    },
    /// The job was taken off the list of those that wait.
    #[error("the job no longer waits for a place")]
    Forgotten,
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
    /// It may not take the memory that it needs, and wants to be run again in smaller pieces.
    OutOfMemory(OutOfMemory),
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
    guard: Arc<dyn MemoryGuard>,
    calibration: Mutex<Calibration>,
    clock: BlockClock,
    pools: Pools,
    /// What this process took before its first probe.
    idle_bytes: OnceLock<u64>,
    progress: broadcast::Sender<TrainingProgress>,
    workplace: Workplace,
}

impl Worker {
    /// A worker with nothing to do, that does everything on threads of this process.
    pub fn new(configuration: WorkerConfiguration) -> Self {
        Self::with_guard(configuration, Arc::new(MachineMemory))
    }

    /// A worker with nothing to do, whose trainings are done in another place.
    pub fn with_workplace(configuration: WorkerConfiguration, workplace: Workplace) -> Self {
        Self::with(configuration, Arc::new(MachineMemory), workplace)
    }

    /// A worker with nothing to do whose jobs ask `guard` before they take memory.
    pub fn with_guard(configuration: WorkerConfiguration, guard: Arc<dyn MemoryGuard>) -> Self {
        Self::with(configuration, guard, Workplace::Here)
    }

    fn with(
        configuration: WorkerConfiguration,
        guard: Arc<dyn MemoryGuard>,
        workplace: Workplace,
    ) -> Self {
        let WorkerConfiguration { memory_bytes, jobs_max, .. } = configuration;
        let processor = Device { capacity_bytes: memory_bytes, jobs_max };
        let devices = std::iter::once(processor).chain(configuration.more_devices.iter().copied());
        let (progress, _) = broadcast::channel(PROGRESS_REPORTS_MAX);
        let shared = Shared {
            board: Mutex::new(Board::new(devices)),
            guard,
            calibration: Mutex::new(read_calibration(&configuration.folder)),
            clock: BlockClock::default(),
            pools: Pools::new(configuration.threads),
            idle_bytes: OnceLock::new(),
            configuration,
            progress,
            workplace,
        };
        Self { shared: Arc::new(shared) }
    }

    /// How this worker works.
    pub fn configuration(&self) -> &WorkerConfiguration {
        &self.shared.configuration
    }

    /// By what the worker knows how much time is left before a block.
    pub fn clock(&self) -> &BlockClock {
        &self.shared.clock
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
        let work = Arc::new(work);
        let (grant, mut granted) = oneshot::channel();
        let id = self.shared.board().enter(job, grant)?;
        loop {
            let mut waiter = Waiter { shared: &self.shared, id, granted };
            // The board lets go of a grant without giving it only when its waiter is gone.
            let control = (&mut waiter.granted).await.map_err(|_| WorkerError::Forgotten)?;
            drop(waiter);
            let _stops_when_dropped = StopOnDrop(control.clone());
            let control = control.owned_by(Owner { shared: Arc::clone(&self.shared), id });
            let (again, granted_again) = oneshot::channel();
            let mut place = Place { shared: Arc::clone(&self.shared), id, again: Some(again) };
            let work = Arc::clone(&work);
            let one_go = move || {
                let end = place.shared.pools.install(|| work(&control))?;
                place.end(end)
            };
            let end = tokio::task::spawn_blocking(one_go).await;
            match end.map_err(|source| WorkerError::BrokenOff { source })?? {
                Some(result) => return Ok(result),
                None => granted = granted_again,
            }
        }
    }
}

/// Waits for room; room that comes too late is given back.
struct Waiter<'worker> {
    shared: &'worker Shared,
    id: JobId,
    granted: oneshot::Receiver<Control>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !self.granted.is_terminated() {
            self.shared.board().leave(self.id);
        }
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calibration(&self) -> MutexGuard<'_, Calibration> {
        self.calibration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room on the machine, given back when the work has ended, however it ended.
struct Place {
    shared: Arc<Shared>,
    id: JobId,
    /// By which the job is called again; taken once the room is given back.
    again: Option<Grant>,
}

impl Place {
    /// Gives the room back; `None` when the work will be called again.
    fn end<T>(&mut self, end: JobEnd<T>) -> Result<Option<T>, WorkerError> {
        if let JobEnd::Finished(result) = end {
            return Ok(Some(result));
        }
        let Some(again) = self.again.take() else { return Ok(None) };
        let mut board = self.shared.board();
        match end {
            JobEnd::OutOfMemory(error) => {
                tracing::warn!(%error, "a job ran out of memory and is tried again");
                board.run_out(self.id, again)?;
            }
            _ => board.give_way(self.id, again)?,
        }
        Ok(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.again.is_some() {
            self.shared.board().leave(self.id);
        }
    }
}

/// Stops work whose result nobody waits for any more.
struct StopOnDrop(Control);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
pub(crate) mod tests;
