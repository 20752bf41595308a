//! A thousand seeded workloads in virtual time prove what the schedule promises.
//!
//! What is asserted of every workload:
//! - no device ever holds more than its memory, whatever the estimates were;
//! - whenever nobody is being stopped, no waiting job could get room by stopping lower priorities alone, except
//!   room that is kept for an equal that was overtaken too often; and being stopped takes no longer than a step
//!   or a table of the job that is stopped. So priorities are inverted for one boundary at most, and plotting
//!   gives way within one table;
//! - while a job waits, less urgent jobs of its priority start on devices that it could use at most
//!   [`OVERTAKEN_MAX`] times;
//! - deadlines are kept whenever the total work fits: the work of all more urgent jobs, done one after the
//!   other, with that of the job itself, what blocks it (equals that ran when it came or came back, and those
//!   that may overtake it), and one boundary for each start, before the deadline;
//! - every job ends, and the same bound holds for its end without a deadline, so none starves;
//! - the same seed gives the same history.

mod machine;
mod workload;

use super::JobId;
use super::placement::OVERTAKEN_MAX;
use machine::{End, History, Life, simulate};
use workload::Workload;

const WORKLOADS: u64 = 1_000;

/// What all workloads together must have shown, so that no promise holds for want of a case.
#[derive(Default)]
struct Seen {
    deadlines: usize,
    tight_deadlines: usize,
    stops_of_plotting: usize,
    out_of_memory: usize,
    halved: usize,
    overtaken: u32,
    refused: usize,
}

#[test]
fn a_thousand_workloads_keep_every_promise() {
    let mut seen = Seen::default();
    for seed in 0..WORKLOADS {
        let workload = Workload::of_seed(seed);
        let history = simulate(&workload);
        every_job_ends(seed, &workload, &history);
        response_times_are_bounded(seed, &history, &mut seen);
        seen.stops_of_plotting += history.stops_of_plotting;
        seen.out_of_memory += history.out_of_memory;
        seen.halved += history.halved;
        let overtaken = history.lives.values().map(|life| life.overtaken_most).max().unwrap_or(0);
        assert!(overtaken <= OVERTAKEN_MAX, "seed {seed}: overtaken {overtaken} times");
        seen.overtaken = seen.overtaken.max(overtaken);
    }
    assert!(seen.deadlines > 5_000, "{} deadlines were certain", seen.deadlines);
    assert!(seen.tight_deadlines > 200, "{} of them had to be waited for", seen.tight_deadlines);
    assert!(seen.stops_of_plotting > 500, "{} stops of plotting", seen.stops_of_plotting);
    assert!(seen.out_of_memory > 1_000, "{} times out of memory", seen.out_of_memory);
    assert!(seen.halved > 1_000, "{} starts with a part of the batch", seen.halved);
    assert_eq!(seen.overtaken, OVERTAKEN_MAX, "the bound on overtaking was reached");
    assert!(seen.refused > 0, "no job turned out too large");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..50 {
        let histories = [0, 1].map(|_| simulate(&Workload::of_seed(seed)).log);
        assert!(!histories[0].is_empty());
        assert_eq!(histories[0], histories[1], "seed {seed}");
    }
}

fn every_job_ends(seed: u64, workload: &Workload, history: &History) {
    assert_eq!(history.lives.len() + history.refused, workload.orders.len(), "seed {seed}");
    for (id, life) in &history.lives {
        assert!(life.end.is_some(), "seed {seed}: {id:?} never ends");
    }
}

/// Every end comes before the bound, hence every deadline behind the bound is kept.
fn response_times_are_bounded(seed: u64, history: &History, seen: &mut Seen) {
    seen.refused += history.refused;
    for (id, life) in &history.lives {
        let Some((end, how)) = life.end else { continue };
        seen.refused += usize::from(how == End::TooLarge);
        let bound = response_bound(*id, life, history);
        assert!(end <= bound, "seed {seed}: {id:?} ended at {end}, the bound is {bound}");
        let deadline = u64::from(life.order.job.deadline_block.0);
        if how == End::Finished && bound <= deadline {
            assert!(end <= deadline, "seed {seed}: {id:?} ended at {end}, after {deadline}");
            seen.deadlines += 1;
            seen.tight_deadlines += usize::from(end - life.arrival > life.worked());
        }
    }
}

/// The latest moment at which a job ends, if all work that may come before it is done one after the other.
fn response_bound(id: JobId, life: &Life, history: &History) -> u64 {
    let others = || history.lives.iter().filter(|(other, _)| **other != id);
    let more_urgent = || others().filter(|(other, one)| one.urgency(**other) < life.urgency(id));
    let after = |(_, one): (&JobId, &Life)| one.worked_after(life.arrival);
    let before: u64 = more_urgent().map(after).sum();
    let blocking: u64 =
        others().filter(|(other, _)| life.blocked_by.contains(other)).map(after).sum();
    // Each time that it waits it may be overtaken so many times.
    let equals = others().filter(|(_, one)| one.priority() == life.priority());
    let overtaking =
        equals.map(after).max().unwrap_or(0) * u64::from(OVERTAKEN_MAX) * life.starts();
    // A start may wait for one boundary; so may each start of what is more urgent.
    let starts: u64 = more_urgent().map(|(_, one)| one.starts()).sum::<u64>() + life.starts();
    let boundary = history.lives.values().map(|one| one.order.boundary).max().unwrap_or(0);
    life.arrival + before + blocking + overtaking + life.worked() + starts * boundary
}
