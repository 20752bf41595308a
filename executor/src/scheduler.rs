//! Which waiting job starts next, where, and which running job makes room for it. Pure.
//!
//! A device is memory and a number of places. The most valuable thing that fits runs: challenge
//! before validation before paid training before plotting; among equals the earlier deadline.

use aipot_domain_runtime::primitives::BlockNumber;

/// What a job is worth; the earlier variant goes first.
///
/// # Source
/// `design.md`, "Rules of the house": challenge, validation, training, plotting, in that order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Priority {
    /// A move of a game, or an evaluation computed again by a challenger.
    Challenge,
    /// A revealed model is evaluated.
    Validation,
    /// A model is trained for an order.
    Training,
    /// Space is plotted; always gives way.
    Plotting,
}

/// Work that needs a place on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// What it is worth.
    pub priority: Priority,
    /// Block before which it must be done.
    pub deadline_block: BlockNumber,
    /// Memory that it needs at its peak.
    pub reserved_bytes: u64,
}

/// A device and what runs on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceLoad {
    /// Memory that jobs may use in all.
    pub capacity_bytes: u64,
    /// Jobs that may run at once.
    pub jobs_max: usize,
    /// Jobs that run.
    pub running: Vec<Job>,
}

impl DeviceLoad {
    /// Memory that no running job has reserved.
    pub fn free_bytes(&self) -> u64 {
        let reserved = self.running.iter().map(|job| job.reserved_bytes);
        reserved.fold(self.capacity_bytes, u64::saturating_sub)
    }

    fn fits(&self, job: &Job) -> bool {
        self.running.len() < self.jobs_max && self.free_bytes() >= job.reserved_bytes
    }
}

/// A waiting job and the device on which it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// Place of the job in the queue.
    pub job_index: usize,
    /// Place of the device in the list of loads.
    pub device_index: usize,
}

/// A waiting job and the running jobs that make room for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preemption {
    /// Place of the job in the queue.
    pub job_index: usize,
    /// Place of the device in the list of loads.
    pub device_index: usize,
    /// Places of the jobs to be stopped in the list of running jobs, ascending.
    pub stopped: Vec<usize>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Start a job.
    Start(Assignment),
    /// Stop jobs; the one that they give way to starts once they have stopped.
    Preempt(Preemption),
}

/// The next thing to do, `None` when everything that can run does.
///
/// A job that gets room by pre-emption goes before a less urgent one that would fit as it is.
pub fn decide(queue: &[Job], loads: &[DeviceLoad]) -> Option<Decision> {
    by_urgency(queue).into_iter().find_map(|job_index| {
        let job = &queue[job_index];
        if let Some(device_index) = tightest_fit(job, loads) {
            return Some(Decision::Start(Assignment { job_index, device_index }));
        }
        let (device_index, stopped) = cheapest_room(job, loads)?;
        Some(Decision::Preempt(Preemption { job_index, device_index, stopped }))
    })
}

/// Picks the most urgent job that fits somewhere, and for it the device with the least room to spare.
///
/// Returns `None` when nothing that waits fits. Ties go to the earlier job and the earlier device.
pub fn assign(queue: &[Job], loads: &[DeviceLoad]) -> Option<Assignment> {
    by_urgency(queue).into_iter().find_map(|job_index| {
        let device_index = tightest_fit(&queue[job_index], loads)?;
        Some(Assignment { job_index, device_index })
    })
}

/// Picks the most urgent job that fits nowhere but would if less valuable jobs were stopped.
///
/// Only a job of a lower priority gives way, so that two trainings never chase each other.
pub fn preempt(queue: &[Job], loads: &[DeviceLoad]) -> Option<Preemption> {
    by_urgency(queue).into_iter().find_map(|job_index| {
        let job = &queue[job_index];
        if tightest_fit(job, loads).is_some() {
            return None;
        }
        let (device_index, stopped) = cheapest_room(job, loads)?;
        Some(Preemption { job_index, device_index, stopped })
    })
}

/// Places of the queue, the most urgent job first; stable, so ties stay in order.
fn by_urgency(queue: &[Job]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..queue.len()).collect();
    order.sort_by_key(|&job| (queue[job].priority, queue[job].deadline_block));
    order
}

fn tightest_fit(job: &Job, loads: &[DeviceLoad]) -> Option<usize> {
    let fitting = loads.iter().enumerate().filter(|(_, load)| load.fits(job));
    fitting.min_by_key(|(_, load)| load.free_bytes() - job.reserved_bytes).map(|(device, _)| device)
}

/// The device on which the least valuable jobs, and the fewest of them, make room for `job`.
fn cheapest_room(job: &Job, loads: &[DeviceLoad]) -> Option<(usize, Vec<usize>)> {
    let rooms = loads.iter().enumerate();
    let rooms = rooms.filter_map(|(device, load)| Some((device, room_on(job, load)?)));
    rooms.min_by_key(|(device, stopped)| {
        let most_valuable = stopped.iter().map(|&one| loads[*device].running[one].priority).min();
        (std::cmp::Reverse(most_valuable), stopped.len())
    })
}

/// Jobs of `load` whose end makes room for `job`: the least valuable first, those with the latest
/// deadline first among equals, and none whose room turns out not to be needed.
fn room_on(job: &Job, load: &DeviceLoad) -> Option<Vec<usize>> {
    let mut lower: Vec<usize> = (0..load.running.len())
        .filter(|&running| load.running[running].priority > job.priority)
        .collect();
    lower.sort_by_key(|&running| {
        let running = &load.running[running];
        std::cmp::Reverse((running.priority, running.deadline_block))
    });
    let is_enough = |stopped: &[usize]| without(load, stopped).fits(job);
    let needed = (1..=lower.len()).find(|&count| is_enough(&lower[..count]))?;
    let mut stopped = lower[..needed].to_vec();
    // The most valuable ones come last: each is spared if the rest is enough without it.
    for place in (0..stopped.len()).rev() {
        let mut fewer = stopped.clone();
        fewer.remove(place);
        if !fewer.is_empty() && is_enough(&fewer) {
            stopped = fewer;
        }
    }
    stopped.sort_unstable();
    Some(stopped)
}

fn without(load: &DeviceLoad, stopped: &[usize]) -> DeviceLoad {
    let kept = load.running.iter().enumerate().filter(|(place, _)| !stopped.contains(place));
    let running = kept.map(|(_, job)| *job).collect();
    DeviceLoad { running, ..*load }
}

#[cfg(test)]
mod tests;
