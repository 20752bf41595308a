//! Who waits and who runs; asks the schedule whenever that changes, and tells the jobs.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::Control;
use crate::scheduler::memory::MemoryNeed;
use crate::scheduler::schedule::{DoesNotFit, Schedule, Step};
use crate::scheduler::{Device, Job, JobId, Place};

/// Sent to a job when it may run.
pub(super) type Grant = oneshot::Sender<Control>;

/// The schedule of this machine, and how its jobs are reached.
#[derive(Debug)]
pub(super) struct Board {
    schedule: Schedule,
    waiting: BTreeMap<JobId, Grant>,
    running: BTreeMap<JobId, Control>,
}

impl Board {
    pub(super) fn new(devices: impl IntoIterator<Item = Device>) -> Self {
        let schedule = Schedule::new(devices);
        Self { schedule, waiting: BTreeMap::new(), running: BTreeMap::new() }
    }

    /// Puts a job into the queue.
    pub(super) fn enter(&mut self, job: Job, grant: Grant) -> Result<JobId, DoesNotFit> {
        let id = self.schedule.enter(job)?;
        self.waiting.insert(id, grant);
        self.dispatch();
        Ok(id)
    }

    /// Forgets a job, whether it waits or runs.
    pub(super) fn leave(&mut self, id: JobId) {
        self.waiting.remove(&id);
        self.running.remove(&id);
        self.schedule.leave(id);
        self.dispatch();
    }

    /// Puts a job that has stopped back into the queue, at the place of its arrival.
    pub(super) fn give_way(&mut self, id: JobId, grant: Grant) -> Result<(), DoesNotFit> {
        self.running.remove(&id);
        let end = self.schedule.give_way(id);
        self.wait_again(id, grant, end)
    }

    /// Puts a job that ran out of memory back into the queue, in smaller pieces or for a larger device.
    pub(super) fn run_out(&mut self, id: JobId, grant: Grant) -> Result<(), DoesNotFit> {
        self.running.remove(&id);
        let end = self.schedule.run_out(id);
        self.wait_again(id, grant, end)
    }

    /// Notes what a running job takes in truth.
    pub(super) fn measure(&mut self, id: JobId, memory: MemoryNeed) {
        self.schedule.measure(id, memory);
        self.dispatch();
    }

    /// What a running job has reserved.
    pub(super) fn reserved_bytes(&self, id: JobId) -> Option<u64> {
        self.schedule.running(id).map(|running| running.place.reserved_bytes)
    }

    /// How many jobs run.
    pub(super) fn running_count(&self) -> usize {
        self.running.len()
    }

    fn wait_again(
        &mut self,
        id: JobId,
        grant: Grant,
        end: Result<(), DoesNotFit>,
    ) -> Result<(), DoesNotFit> {
        if end.is_ok() {
            self.waiting.insert(id, grant);
        }
        self.dispatch();
        end
    }

    /// Starts and stops until nothing more can be decided.
    fn dispatch(&mut self) {
        // A job whose future was dropped meanwhile leaves its room to the next.
        let gone = self.waiting.iter().filter(|(_, grant)| grant.is_closed());
        let gone: Vec<JobId> = gone.map(|(id, _)| *id).collect();
        for id in gone {
            self.waiting.remove(&id);
            self.schedule.leave(id);
        }
        while let Some(step) = self.schedule.next_step() {
            match step {
                Step::Stop(id) => self.running.get(&id).into_iter().for_each(Control::stop),
                Step::Start(id, place) => self.start(id, place),
            }
        }
    }

    fn start(&mut self, id: JobId, place: Place) {
        let control = Control::at(place);
        let grant = self.waiting.remove(&id);
        if grant.is_some_and(|grant| grant.send(control.clone()).is_ok()) {
            self.running.insert(id, control);
        } else {
            self.schedule.leave(id);
        }
    }
}
