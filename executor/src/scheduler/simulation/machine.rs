//! A box in virtual time: jobs that run step by step, where the schedule puts them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::placement::{OVERTAKEN_MAX, Waiting, urgency};
use super::super::schedule::{Schedule, Step};
use super::super::{JobId, Place, Priority};
use super::workload::{Order, Workload};

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Finished,
    /// It needs more than any device has.
    TooLarge,
}

/// A job from its arrival to its end.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) order: Order,
    pub(super) arrival: u64,
    /// Equals that ran when it came, or came back.
    pub(super) blocked_by: BTreeSet<JobId>,
    pub(super) end: Option<(u64, End)>,
    /// The most that it was overtaken in one go of waiting.
    pub(super) overtaken_most: u32,
    overtaken: u32,
    /// When it started, and stopped.
    spans: Vec<(u64, u64)>,
    steps_done: u64,
    has_failed: bool,
}

impl Life {
    pub(super) fn priority(&self) -> Priority {
        self.order.job.priority
    }

    pub(super) fn urgency(&self, id: JobId) -> impl Ord + Copy + use<> {
        urgency(&self.order.job, id)
    }

    /// Time on a device, with everything that was done twice.
    pub(super) fn worked(&self) -> u64 {
        self.spans.iter().map(|(start, end)| end - start).sum()
    }

    /// The same, without what was done before a moment.
    pub(super) fn worked_after(&self, moment: u64) -> u64 {
        self.spans.iter().map(|(start, end)| end.saturating_sub(moment.max(*start))).sum()
    }

    pub(super) fn starts(&self) -> u64 {
        u64::try_from(self.spans.len()).unwrap()
    }
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) lives: BTreeMap<JobId, Life>,
    /// Everything, in order.
    pub(super) log: Vec<(u64, JobId, &'static str)>,
    /// Jobs that were refused at the door.
    pub(super) refused: usize,
    pub(super) stops_of_plotting: usize,
    pub(super) out_of_memory: usize,
    pub(super) halved: usize,
}

/// A job on a device.
#[derive(Clone, Copy, Debug)]
struct Going {
    place: Place,
    /// The end of the step that it does.
    boundary: u64,
    told_to_stop: Option<u64>,
    is_measured: bool,
    /// Bytes that it takes in truth.
    taken_bytes: u64,
}

struct Machine {
    schedule: Schedule,
    history: History,
    going: BTreeMap<JobId, Going>,
    now: u64,
}

/// Runs a workload to its end.
pub(super) fn simulate(workload: &Workload) -> History {
    let mut machine = Machine {
        schedule: Schedule::new(workload.devices.iter().copied()),
        history: History::default(),
        going: BTreeMap::new(),
        now: 0,
    };
    let mut arrivals = workload.orders.iter().peekable();
    loop {
        let boundary = machine.going.iter().map(|(id, going)| (going.boundary, *id)).min();
        let arrival = arrivals.peek().map(|order| order.arrival);
        match (boundary, arrival) {
            (None, None) => return machine.history,
            (Some((at, id)), None) => machine.step(at, id),
            (Some((at, id)), Some(arrival)) if at < arrival => machine.step(at, id),
            (_, Some(_)) => machine.arrive(arrivals.next().expect("an arrival was seen")),
        }
        machine.dispatch();
        machine.check();
    }
}

impl Machine {
    fn arrive(&mut self, order: &Order) {
        self.now = order.arrival;
        let Ok(id) = self.schedule.enter(order.job) else {
            self.history.refused += 1;
            return;
        };
        let life = Life {
            order: *order,
            arrival: order.arrival,
            blocked_by: BTreeSet::new(),
            end: None,
            overtaken_most: 0,
            overtaken: 0,
            spans: Vec::new(),
            steps_done: 0,
            has_failed: false,
        };
        self.history.lives.insert(id, life);
        self.note_blocking(id);
    }

    fn note_blocking(&mut self, id: JobId) {
        let priority = self.history.lives[&id].priority();
        let equals = self.going.keys().filter(|one| self.history.lives[one].priority() == priority);
        let equals: Vec<JobId> = equals.copied().collect();
        self.life(id).blocked_by.extend(equals);
    }

    fn life(&mut self, id: JobId) -> &mut Life {
        self.history.lives.get_mut(&id).expect("a job that was let in has a life")
    }

    /// A job comes to the end of a step, or does not because memory is refused.
    fn step(&mut self, at: u64, id: JobId) {
        self.now = at;
        let going = self.going[&id];
        let life = self.life(id);
        let order = life.order;
        let fails = order.fails_at == Some(life.steps_done) && !life.has_failed;
        // The budget refuses before more is taken than was reserved.
        if fails || order.truth().bytes(going.place.micro_rows) > going.place.reserved_bytes {
            life.has_failed |= fails;
            life.steps_done -= life.steps_done % order.snapshot;
            self.run_out(id, &order);
            return;
        }
        life.steps_done += 1;
        if life.steps_done == order.steps {
            self.leave(id, "finished");
            self.schedule.leave(id);
            self.end(id, End::Finished);
            return;
        }
        if !going.is_measured {
            self.schedule.measure(id, order.measured());
        }
        if let Some(told) = going.told_to_stop {
            assert!(at - told <= order.boundary, "{id:?} was told to stop at {told}");
            self.leave(id, "gave way");
            if self.schedule.give_way(id).is_err() {
                self.end(id, End::TooLarge);
            }
            return;
        }
        let going = self.going.get_mut(&id).expect("the job goes");
        (going.is_measured, going.boundary) = (true, at + order.boundary);
    }

    fn run_out(&mut self, id: JobId, order: &Order) {
        self.history.out_of_memory += 1;
        self.leave(id, "out of memory");
        self.schedule.measure(id, order.measured());
        if self.schedule.run_out(id).is_err() {
            self.end(id, End::TooLarge);
        }
    }

    fn leave(&mut self, id: JobId, how: &'static str) {
        self.going.remove(&id);
        let now = self.now;
        self.life(id).spans.last_mut().expect("it has started").1 = now;
        self.note_blocking(id);
        self.history.log.push((now, id, how));
    }

    fn end(&mut self, id: JobId, how: End) {
        self.life(id).end = Some((self.now, how));
    }

    fn dispatch(&mut self) {
        while let Some(step) = self.schedule.next_step() {
            match step {
                Step::Start(id, place) => self.start(id, place),
                Step::Stop(id) => {
                    let going = self.going.get_mut(&id).expect("only running jobs are stopped");
                    assert!(
                        going.told_to_stop.replace(self.now).is_none(),
                        "{id:?} was told twice"
                    );
                    let priority = self.history.lives[&id].priority();
                    self.history.stops_of_plotting += usize::from(priority == Priority::Plotting);
                    self.history.log.push((self.now, id, "told to stop"));
                }
            }
        }
    }

    fn start(&mut self, id: JobId, place: Place) {
        let device = self.schedule.loads()[place.device_index].device;
        let (priority, key) =
            (self.history.lives[&id].priority(), self.history.lives[&id].urgency(id));
        let waiting: Vec<Waiting> = self.schedule.waiting().copied().collect();
        for other in waiting.iter().filter(|other| other.may_use(&device)) {
            let life = self.life(other.id);
            let is_overtaken = life.priority() == priority && life.urgency(other.id) < key;
            life.overtaken += u32::from(is_overtaken);
            life.overtaken_most = life.overtaken_most.max(life.overtaken);
        }
        let now = self.now;
        let life = self.life(id);
        life.overtaken = 0;
        life.spans.push((now, now));
        let order = life.order;
        self.history.halved += usize::from(place.micro_rows < order.job.memory.rows_max);
        let going = Going {
            place,
            boundary: now + order.boundary,
            told_to_stop: None,
            is_measured: false,
            // What does not fit into the reservation is refused, so no more is ever taken.
            taken_bytes: order.truth().bytes(place.micro_rows).min(place.reserved_bytes),
        };
        self.going.insert(id, going);
        self.history.log.push((now, id, "started"));
    }

    /// What holds after every event.
    fn check(&self) {
        for (index, load) in self.schedule.loads().iter().enumerate() {
            let here = self.going.values().filter(|going| going.place.device_index == index);
            let taken: u64 = here.clone().map(|going| going.taken_bytes).sum();
            assert!(taken <= load.device.capacity_bytes, "{taken} bytes on device {index}");
            assert!(here.count() <= load.device.jobs_max, "too many jobs on device {index}");
        }
        if self.going.values().any(|going| going.told_to_stop.is_some()) {
            return;
        }
        for waiting in self.schedule.waiting() {
            assert!(!self.is_inverted(waiting), "{:?} waits for lower priorities", waiting.id);
        }
    }

    /// Whether a job waits although stopping lower priorities would make room for it.
    fn is_inverted(&self, waiting: &Waiting) -> bool {
        let key = urgency(&waiting.job, waiting.id);
        let kept_for = self.schedule.waiting().filter(|other| {
            other.overtaken >= OVERTAKEN_MAX
                && other.job.priority == waiting.job.priority
                && urgency(&other.job, other.id) < key
        });
        let kept_for: Vec<&Waiting> = kept_for.collect();
        let loads = self.schedule.loads().iter();
        let mut open = loads.filter(|load| !kept_for.iter().any(|one| one.may_use(&load.device)));
        open.any(|load| {
            let stays =
                load.running.iter().filter(|running| running.job.priority <= waiting.job.priority);
            let reserved: u64 = stays.clone().map(|running| running.place.reserved_bytes).sum();
            let lower = load.running.len() > stays.clone().count();
            lower
                && waiting.may_use(&load.device)
                && stays.count() < load.device.jobs_max
                && load.device.capacity_bytes.saturating_sub(reserved)
                    >= waiting.job.memory.smallest_bytes()
        })
    }
}
