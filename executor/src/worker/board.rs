//! Who waits and who runs; asks the scheduler whenever that changes.

use tokio::sync::oneshot;

use super::Control;
use crate::scheduler::{Assignment, Decision, DeviceLoad, Job, Preemption, decide};

/// Tells jobs of one board apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct JobId(u64);

/// Sent to a job when it may run.
type Grant = oneshot::Sender<(JobId, Control)>;

#[derive(Debug)]
struct Waiting {
    job: Job,
    grant: Grant,
}

#[derive(Debug)]
struct Running {
    id: JobId,
    job: Job,
    control: Control,
}

/// The queue and the load of this machine, which is one device: its processor.
#[derive(Debug)]
pub(super) struct Board {
    capacity_bytes: u64,
    jobs_max: usize,
    waiting: Vec<Waiting>,
    running: Vec<Running>,
    next_id: u64,
}

impl Board {
    pub(super) fn new(capacity_bytes: u64, jobs_max: usize) -> Self {
        // A machine without a place would never do anything.
        let jobs_max = jobs_max.max(1);
        Self { capacity_bytes, jobs_max, waiting: Vec::new(), running: Vec::new(), next_id: 0 }
    }

    /// Puts a job into the queue.
    pub(super) fn enter(&mut self, job: Job, grant: Grant) {
        self.waiting.push(Waiting { job, grant });
        self.dispatch();
    }

    /// Takes a job that has ended off the machine.
    pub(super) fn leave(&mut self, id: JobId) {
        self.running.retain(|running| running.id != id);
        self.dispatch();
    }

    /// Starts and stops until nothing more can be decided.
    fn dispatch(&mut self) {
        self.waiting.retain(|waiting| !waiting.grant.is_closed());
        // Room that is being made belongs to the job it is made for.
        while !self.running.iter().any(|running| running.control.is_stopped()) {
            let queue: Vec<Job> = self.waiting.iter().map(|waiting| waiting.job).collect();
            match decide(&queue, &[self.load()]) {
                None => return,
                Some(Decision::Start(Assignment { job_index, .. })) => self.start(job_index),
                Some(Decision::Preempt(Preemption { stopped, .. })) => self.stop(&stopped),
            }
        }
    }

    fn load(&self) -> DeviceLoad {
        DeviceLoad {
            capacity_bytes: self.capacity_bytes,
            jobs_max: self.jobs_max,
            running: self.running.iter().map(|running| running.job).collect(),
        }
    }

    fn stop(&self, places: &[usize]) {
        for place in places {
            self.running[*place].control.stop();
        }
    }

    fn start(&mut self, job_index: usize) {
        let Waiting { job, grant } = self.waiting.remove(job_index);
        let (id, control) = (JobId(self.next_id), Control::default());
        self.next_id += 1;
        // A job whose future was dropped meanwhile leaves its room to the next.
        if grant.send((id, control.clone())).is_ok() {
            self.running.push(Running { id, job, control });
        }
    }
}
