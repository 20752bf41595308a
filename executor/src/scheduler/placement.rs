//! The next thing to do, from who waits and what runs.

use std::cmp::Reverse;

use super::{Device, Job, JobId, Place, Priority};

/// Less urgent jobs of the same priority that may start before a job that finds no room, while they would
/// take the room that it waits for. Then the room is kept for it.
///
/// A few, so that small jobs use what a large one cannot; no more, so that it does not wait for ever.
pub const OVERTAKEN_MAX: u32 = 4;

/// A job that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its name, by which earlier arrivals go first. A job that gave way keeps it.
    pub id: JobId,
    /// What it is.
    pub job: Job,
    /// Less urgent jobs of the same priority that started meanwhile.
    pub overtaken: u32,
    /// It ran out of memory on a device of this capacity, so only larger ones are tried.
    pub larger_than_bytes: Option<u64>,
}

/// A job that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Running {
    /// Its name.
    pub id: JobId,
    /// What it is.
    pub job: Job,
    /// Where it runs.
    pub place: Place,
    /// Whether it was told to stop.
    pub is_stopping: bool,
}

/// A device and what runs on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceLoad {
    /// The device.
    pub device: Device,
    /// Jobs that run there.
    pub running: Vec<Running>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Start a job.
    Start(JobId, Place),
    /// Stop jobs; the one that they give way to starts once they have stopped.
    Stop(Vec<JobId>),
}

/// What goes first: the value of the job, its deadline, its arrival.
pub(super) fn urgency(job: &Job, id: JobId) -> impl Ord + Copy + use<> {
    (job.priority, job.deadline_block, id)
}

impl DeviceLoad {
    /// Memory that no running job has reserved.
    pub fn free_bytes(&self) -> u64 {
        let reserved = self.running.iter().map(|running| running.place.reserved_bytes);
        reserved.fold(self.device.capacity_bytes, u64::saturating_sub)
    }

    /// Memory that is reserved above what there is, after a job turned out to need more.
    fn excess_bytes(&self) -> u64 {
        let reserved = self.running.iter().map(|running| running.place.reserved_bytes);
        reserved.fold(0, u64::saturating_add).saturating_sub(self.device.capacity_bytes)
    }

    fn holds(&self, waiting: &Waiting, micro_rows: u32) -> bool {
        waiting.may_use(&self.device)
            && self.running.len() < self.device.jobs_max
            && self.free_bytes() >= waiting.job.memory.bytes(micro_rows)
    }

    fn without(&self, stopped: &[JobId]) -> Self {
        let kept = self.running.iter().filter(|running| !stopped.contains(&running.id));
        Self { device: self.device, running: kept.copied().collect() }
    }
}

impl Waiting {
    /// Whether the job could run on an empty device of this kind.
    pub fn may_use(&self, device: &Device) -> bool {
        device.jobs_max > 0
            && device.capacity_bytes >= self.job.memory.smallest_bytes()
            && self.larger_than_bytes.is_none_or(|bytes| device.capacity_bytes > bytes)
    }
}

/// The next thing to do, `None` when everything that can run does.
///
/// A job that gets room by pre-emption goes before a less urgent one that would fit as it is. A job that was
/// overtaken too often keeps those of its priority from the devices that it waits for.
pub fn decide(queue: &[Waiting], loads: &[DeviceLoad]) -> Option<Decision> {
    if let Some(stopped) = relief(loads) {
        return Some(Decision::Stop(stopped));
    }
    let mut order: Vec<&Waiting> = queue.iter().collect();
    order.sort_by_key(|waiting| urgency(&waiting.job, waiting.id));
    let mut kept: Vec<Option<Priority>> = vec![None; loads.len()];
    for waiting in order {
        let is_open = |device: usize| kept[device] != Some(waiting.job.priority);
        if let Some(place) = tightest_fit(waiting, loads, &is_open) {
            return Some(Decision::Start(waiting.id, place));
        }
        if let Some(stopped) = cheapest_room(waiting, loads, &is_open) {
            return Some(Decision::Stop(stopped));
        }
        if waiting.overtaken >= OVERTAKEN_MAX {
            let waited_for = loads.iter().zip(&mut kept);
            let waited_for = waited_for.filter(|(load, _)| waiting.may_use(&load.device));
            waited_for.for_each(|(_, kept)| *kept = Some(waiting.job.priority));
        }
    }
    None
}

/// The least urgent jobs of a device on which more is reserved than there is.
fn relief(loads: &[DeviceLoad]) -> Option<Vec<JobId>> {
    let load = loads.iter().find(|load| load.excess_bytes() > 0)?;
    let mut running = load.running.clone();
    running.sort_by_key(|running| Reverse(urgency(&running.job, running.id)));
    let mut stopped = Vec::new();
    for running in running {
        if load.without(&stopped).excess_bytes() == 0 {
            break;
        }
        stopped.push(running.id);
    }
    Some(stopped)
}

/// The device with the least room to spare, with the largest micro-batch that fits on any device.
fn tightest_fit(
    waiting: &Waiting,
    loads: &[DeviceLoad],
    is_open: &impl Fn(usize) -> bool,
) -> Option<Place> {
    waiting.job.memory.halvings().find_map(|micro_rows| {
        let reserved_bytes = waiting.job.memory.bytes(micro_rows);
        let fitting = loads.iter().enumerate();
        let fitting =
            fitting.filter(|(device, load)| is_open(*device) && load.holds(waiting, micro_rows));
        let (device_index, _) =
            fitting.min_by_key(|(_, load)| load.free_bytes() - reserved_bytes)?;
        Some(Place { device_index, micro_rows, reserved_bytes })
    })
}

/// The jobs whose stop makes room: the least valuable, and the fewest of them, of all devices.
fn cheapest_room(
    waiting: &Waiting,
    loads: &[DeviceLoad],
    is_open: &impl Fn(usize) -> bool,
) -> Option<Vec<JobId>> {
    let rooms = loads.iter().enumerate().filter(|(device, _)| is_open(*device));
    let rooms = rooms.filter_map(|(_, load)| Some((load, room_on(waiting, load)?)));
    let cheapest = rooms.min_by_key(|(load, stopped)| {
        let stays = load.without(stopped);
        let gone = load.running.iter().filter(|running| !stays.running.contains(running));
        (Reverse(gone.map(|running| running.job.priority).min()), stopped.len())
    });
    cheapest.map(|(_, stopped)| stopped)
}

/// Jobs of a lower priority on `load` whose end makes room for one row at a time: the least urgent first, and
/// none whose room turns out not to be needed.
fn room_on(waiting: &Waiting, load: &DeviceLoad) -> Option<Vec<JobId>> {
    let lower = load.running.iter().filter(|running| running.job.priority > waiting.job.priority);
    let mut lower: Vec<&Running> = lower.collect();
    lower.sort_by_key(|running| Reverse(urgency(&running.job, running.id)));
    let lower: Vec<JobId> = lower.into_iter().map(|running| running.id).collect();
    let is_enough = |stopped: &[JobId]| load.without(stopped).holds(waiting, 1);
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
    Some(stopped)
}

#[cfg(test)]
mod tests;
