//! A job from its arrival to its end: giving way, running out of memory, being measured.

use aipot_domain_runtime::primitives::BlockNumber;

use super::super::Priority;
use super::*;

const NEED: MemoryNeed = MemoryNeed { fixed_bytes: 10, row_bytes: 10, rows_max: 8 };

fn job(priority: Priority, memory: MemoryNeed) -> Job {
    Job { priority, deadline_block: BlockNumber(1), memory }
}

fn training() -> Job {
    job(Priority::Training, NEED)
}

fn schedule(capacities: &[u64]) -> Schedule {
    Schedule::new(capacities.iter().map(|&capacity_bytes| Device { capacity_bytes, jobs_max: 1 }))
}

fn started(schedule: &mut Schedule) -> (JobId, Place) {
    match schedule.next_step() {
        Some(Step::Start(id, place)) => (id, place),
        other => panic!("a start was expected, not {other:?}"),
    }
}

#[test]
fn a_job_that_gave_way_comes_back_before_those_that_arrived_later() {
    let mut schedule = schedule(&[100]);
    let first = schedule.enter(training()).unwrap();
    assert_eq!(started(&mut schedule).0, first);
    let second = schedule.enter(training()).unwrap();
    let urgent = schedule.enter(job(Priority::Challenge, NEED)).unwrap();
    assert_eq!(schedule.next_step(), Some(Step::Stop(first)));
    assert_eq!(schedule.next_step(), None, "the room is being made");
    schedule.give_way(first).unwrap();
    assert_eq!(started(&mut schedule).0, urgent);
    schedule.leave(urgent);
    assert_eq!(started(&mut schedule).0, first);
    schedule.leave(first);
    assert_eq!(started(&mut schedule).0, second);
}

#[test]
fn a_job_that_runs_out_of_memory_is_halved_three_times_then_needs_a_larger_device() {
    let mut schedule = schedule(&[100, 1_000]);
    let id = schedule.enter(training()).unwrap();
    let mut places = Vec::new();
    let end = loop {
        let (_, place) = started(&mut schedule);
        places.push((place.device_index, place.micro_rows));
        if let Err(error) = schedule.run_out(id) {
            break error;
        }
    };
    assert_eq!(places, [(0, 8), (0, 4), (0, 2), (0, 1), (1, 1)]);
    let expected = DoesNotFit::RanOut {
        failures: 5,
        micro_rows: 1,
        reserved_bytes: 20,
        capacity_bytes: 1_000,
    };
    assert_eq!(end, expected);
    assert_eq!((schedule.next_step(), schedule.waiting().count()), (None, 0));
}

#[test]
fn a_job_that_no_device_can_hold_is_refused_with_both_sides() {
    let refused = schedule(&[19, 7]).enter(training()).unwrap_err();
    assert_eq!(refused, DoesNotFit::TooLarge { needed_bytes: 20, capacity_bytes: 19 });
}

#[test]
fn a_job_that_takes_more_than_there_is_comes_back_with_fewer_rows() {
    let mut schedule = schedule(&[100]);
    let id = schedule.enter(training()).unwrap();
    assert_eq!(started(&mut schedule).1.micro_rows, 8);
    schedule.measure(id, MemoryNeed { fixed_bytes: 20, row_bytes: 20, rows_max: 8 });
    assert_eq!(schedule.next_step(), Some(Step::Stop(id)));
    schedule.give_way(id).unwrap();
    let (_, place) = started(&mut schedule);
    assert_eq!((place.micro_rows, place.reserved_bytes), (4, 100));
}

#[test]
fn a_job_measured_too_large_for_every_device_is_told_so() {
    let mut schedule = schedule(&[100]);
    let id = schedule.enter(training()).unwrap();
    started(&mut schedule);
    schedule.measure(id, MemoryNeed::whole(101));
    assert_eq!(schedule.next_step(), Some(Step::Stop(id)));
    let refused = schedule.give_way(id).unwrap_err();
    assert_eq!(refused, DoesNotFit::TooLarge { needed_bytes: 101, capacity_bytes: 100 });
}

#[test]
fn a_job_that_takes_less_than_estimated_leaves_room_for_another() {
    let device = Device { capacity_bytes: 100, jobs_max: 2 };
    let mut schedule = Schedule::new([device]);
    let first = schedule.enter(job(Priority::Training, MemoryNeed::whole(80))).unwrap();
    started(&mut schedule);
    let second = schedule.enter(job(Priority::Training, MemoryNeed::whole(40))).unwrap();
    assert_eq!(schedule.next_step(), None);
    schedule.measure(first, MemoryNeed::whole(60));
    assert_eq!(started(&mut schedule).0, second);
}

#[test]
fn a_device_without_a_place_gets_one() {
    let mut schedule = Schedule::new([Device { capacity_bytes: 100, jobs_max: 0 }]);
    schedule.enter(training()).unwrap();
    assert_eq!(started(&mut schedule).1.device_index, 0);
}
