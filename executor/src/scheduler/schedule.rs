//! Who waits and who runs, from the arrival of a job to its end.

use super::memory::MemoryNeed;
use super::placement::{Decision, DeviceLoad, Running, Waiting, decide, urgency};
use super::{Device, Job, JobId, Place};

/// Times that a job may run out of memory on one device before only larger ones are tried: after three
/// halvings an eighth of the batch is left.
pub const RETRIES_MAX: u32 = 3;

/// Why a job cannot run, however long it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoesNotFit {
    /// No device is large enough for one row.
    #[error(
        "the job needs {needed_bytes} bytes with micro-batches of one row, the largest device gives jobs {capacity_bytes}"
    )]
    TooLarge {
        /// What the job needs.
        needed_bytes: u64,
        /// What the largest device has for it.
        capacity_bytes: u64,
    },
    /// The job ran out of memory, and no device is larger.
    #[error(
        "the job ran out of memory {failures} times, the last time with {reserved_bytes} bytes for micro-batches of {micro_rows} rows; a device that gives jobs more than {capacity_bytes} bytes would fit, and there is none here"
    )]
    RanOut {
        /// How often.
        failures: u32,
        /// Rows of the last micro-batch.
        micro_rows: u32,
        /// What it could take.
        reserved_bytes: u64,
        /// What the device has for all jobs.
        capacity_bytes: u64,
    },
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A waiting job starts.
    Start(JobId, Place),
    /// A running job is told to stop.
    Stop(JobId),
}

/// A job that waits, and what it went through.
#[derive(Clone, Copy, Debug)]
struct Queued {
    waiting: Waiting,
    /// Times that it ran out of memory on the present size of device, and on all.
    failures: (u32, u32),
}

/// The queue and the loads of all devices.
#[derive(Clone, Debug)]
pub struct Schedule {
    loads: Vec<DeviceLoad>,
    queue: Vec<Queued>,
    /// What running jobs went through, for when they come back.
    started: Vec<Queued>,
    /// Jobs that were decided to stop and were not told yet.
    untold: Vec<JobId>,
    next_id: u64,
}

impl Schedule {
    /// Devices with nothing to do. A device without a place gets one: it would never do anything.
    pub fn new(devices: impl IntoIterator<Item = Device>) -> Self {
        let loads = devices.into_iter().map(|device| DeviceLoad {
            device: Device { jobs_max: device.jobs_max.max(1), ..device },
            running: Vec::new(),
        });
        Self {
            loads: loads.collect(),
            queue: Vec::new(),
            started: Vec::new(),
            untold: Vec::new(),
            next_id: 0,
        }
    }

    /// The devices and what runs on them.
    pub fn loads(&self) -> &[DeviceLoad] {
        &self.loads
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.iter().map(|queued| &queued.waiting)
    }

    /// The job with this name, when it runs.
    pub fn running(&self, id: JobId) -> Option<&Running> {
        self.loads.iter().flat_map(|load| &load.running).find(|running| running.id == id)
    }

    /// Puts a job into the queue.
    ///
    /// # Errors
    /// [`DoesNotFit::TooLarge`] when no device could ever run it.
    pub fn enter(&mut self, job: Job) -> Result<JobId, DoesNotFit> {
        let id = JobId(self.next_id);
        let waiting = Waiting { id, job, overtaken: 0, larger_than_bytes: None };
        self.queue_up(Queued { waiting, failures: (0, 0) })?;
        self.next_id += 1;
        Ok(id)
    }

    /// Forgets a job, whether it waits or runs.
    pub fn leave(&mut self, id: JobId) {
        self.queue.retain(|queued| queued.waiting.id != id);
        self.take_off(id);
    }

    /// Puts a job that has stopped back into the queue, at the place of its arrival.
    ///
    /// # Errors
    /// [`DoesNotFit::TooLarge`] when it was measured meanwhile, and no device can run it after all; the job is
    /// forgotten then.
    pub fn give_way(&mut self, id: JobId) -> Result<(), DoesNotFit> {
        match self.take_off(id) {
            Some((_, queued)) => self.queue_up(queued),
            None => Ok(()),
        }
    }

    /// Puts a job that ran out of memory back into the queue: with half the rows, or for a larger device.
    ///
    /// # Errors
    /// [`DoesNotFit::RanOut`] when there is nothing left to try; the job is forgotten then.
    pub fn run_out(&mut self, id: JobId) -> Result<(), DoesNotFit> {
        let Some((place, mut queued)) = self.take_off(id) else { return Ok(()) };
        let (here, all) = (queued.failures.0 + 1, queued.failures.1 + 1);
        let memory = queued.waiting.job.memory;
        if let Some(halved) = memory.halved(place.micro_rows).filter(|_| here <= RETRIES_MAX) {
            queued.waiting.job.memory = halved;
            queued.failures = (here, all);
            return self.queue_up(queued);
        }
        let capacity_bytes = self.loads[place.device_index].device.capacity_bytes;
        queued.waiting.larger_than_bytes = Some(capacity_bytes);
        queued.failures = (0, all);
        let Place { micro_rows, reserved_bytes, .. } = place;
        self.queue_up(queued).map_err(|_| DoesNotFit::RanOut {
            failures: all,
            micro_rows,
            reserved_bytes,
            capacity_bytes,
        })
    }

    /// Notes what a running job takes in truth; `memory` is its need corrected by that.
    pub fn measure(&mut self, id: JobId, memory: MemoryNeed) {
        let running = self.loads.iter_mut().flat_map(|load| &mut load.running);
        for running in running.filter(|running| running.id == id) {
            running.job.memory = MemoryNeed { rows_max: running.job.memory.rows_max, ..memory };
            running.place.reserved_bytes = memory.bytes(running.place.micro_rows);
        }
        for started in self.started.iter_mut().filter(|started| started.waiting.id == id) {
            let rows_max = started.waiting.job.memory.rows_max;
            started.waiting.job.memory = MemoryNeed { rows_max, ..memory };
        }
    }

    /// The next thing to do, `None` until something changes.
    ///
    /// Room that is being made belongs to the job it is made for, so nothing starts before it is there.
    pub fn next_step(&mut self) -> Option<Step> {
        if let Some(id) = self.untold.pop() {
            return Some(Step::Stop(id));
        }
        if self.loads.iter().flat_map(|load| &load.running).any(|running| running.is_stopping) {
            return None;
        }
        let queue: Vec<Waiting> = self.queue.iter().map(|queued| queued.waiting).collect();
        match decide(&queue, &self.loads)? {
            Decision::Start(id, place) => self.start(id, place),
            Decision::Stop(ids) => {
                for running in self.loads.iter_mut().flat_map(|load| &mut load.running) {
                    running.is_stopping |= ids.contains(&running.id);
                }
                self.untold = ids;
                self.untold.pop().map(Step::Stop)
            }
        }
    }

    fn queue_up(&mut self, queued: Queued) -> Result<(), DoesNotFit> {
        if self.loads.iter().any(|load| queued.waiting.may_use(&load.device)) {
            self.queue.push(queued);
            return Ok(());
        }
        let capacities = self.loads.iter().map(|load| load.device.capacity_bytes);
        let needed_bytes = queued.waiting.job.memory.smallest_bytes();
        Err(DoesNotFit::TooLarge { needed_bytes, capacity_bytes: capacities.max().unwrap_or(0) })
    }

    fn start(&mut self, id: JobId, place: Place) -> Option<Step> {
        let index = self.queue.iter().position(|queued| queued.waiting.id == id)?;
        let mut queued = self.queue.remove(index);
        let job = queued.waiting.job;
        let device = self.loads[place.device_index].device;
        for other in &mut self.queue {
            let waiting = &mut other.waiting;
            let is_overtaken = waiting.job.priority == job.priority
                && urgency(&waiting.job, waiting.id) < urgency(&job, id)
                && waiting.may_use(&device);
            waiting.overtaken += u32::from(is_overtaken);
        }
        self.loads[place.device_index].running.push(Running { id, job, place, is_stopping: false });
        queued.waiting.overtaken = 0;
        self.started.push(queued);
        Some(Step::Start(id, place))
    }

    /// Takes a running job off its device.
    fn take_off(&mut self, id: JobId) -> Option<(Place, Queued)> {
        self.untold.retain(|untold| *untold != id);
        let place = self.running(id)?.place;
        self.loads[place.device_index].running.retain(|running| running.id != id);
        let index = self.started.iter().position(|started| started.waiting.id == id)?;
        Some((place, self.started.swap_remove(index)))
    }
}

#[cfg(test)]
mod tests;
