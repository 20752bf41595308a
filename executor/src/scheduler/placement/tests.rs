//! The rules of the schedule, one by one and as properties.

use aipot_domain_runtime::primitives::BlockNumber;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::memory::MemoryNeed;
use super::*;

fn job(priority: Priority, deadline: u32, bytes: u64) -> Job {
    let memory = MemoryNeed::whole(bytes);
    Job { priority, deadline_block: BlockNumber(deadline), memory }
}

fn queue(jobs: &[Job]) -> Vec<Waiting> {
    let jobs = (0..).map(JobId).zip(jobs);
    jobs.map(|(id, job)| Waiting { id, job: *job, overtaken: 0, larger_than_bytes: None }).collect()
}

/// Running jobs have names from 100.
fn device(capacity_bytes: u64, jobs_max: usize, running: &[Job]) -> DeviceLoad {
    let running = (100..).map(JobId).zip(running).map(|(id, job)| {
        let reserved_bytes = job.memory.smallest_bytes();
        let place = Place { device_index: 0, micro_rows: 1, reserved_bytes };
        Running { id, job: *job, place, is_stopping: false }
    });
    DeviceLoad { device: Device { capacity_bytes, jobs_max }, running: running.collect() }
}

fn started(decision: Option<Decision>) -> (u64, usize, u32) {
    match decision {
        Some(Decision::Start(id, place)) => (id.0, place.device_index, place.micro_rows),
        other => panic!("a start was expected, not {other:?}"),
    }
}

fn stopped(decision: Option<Decision>) -> Vec<u64> {
    match decision {
        Some(Decision::Stop(ids)) => ids.into_iter().map(|id| id.0).collect(),
        other => panic!("a stop was expected, not {other:?}"),
    }
}

#[test]
fn the_more_valuable_job_goes_first_even_with_a_later_deadline() {
    let queue = queue(&[
        job(Priority::Plotting, 1, 1),
        job(Priority::Training, 2, 1),
        job(Priority::Validation, 3, 1),
        job(Priority::Challenge, 4, 1),
    ]);
    assert_eq!(started(decide(&queue, &[device(10, 1, &[])])), (3, 0, 1));
}

#[test]
fn the_earlier_deadline_goes_first_among_equals_then_the_earlier_arrival() {
    let jobs = [9, 4, 4].map(|deadline| job(Priority::Training, deadline, 1));
    let mut waiting = queue(&jobs);
    waiting.reverse();
    assert_eq!(started(decide(&waiting, &[device(10, 1, &[])])), (1, 0, 1));
}

#[test]
fn the_tightest_device_is_taken_and_ties_go_to_the_earlier() {
    let queue = queue(&[job(Priority::Training, 1, 4)]);
    let loads = [device(9, 1, &[]), device(5, 1, &[]), device(5, 1, &[])];
    assert_eq!(started(decide(&queue, &loads)), (0, 1, 1));
}

#[test]
fn a_less_urgent_job_fills_the_room_that_the_urgent_one_cannot_use() {
    let queue = queue(&[job(Priority::Training, 1, 8), job(Priority::Training, 2, 3)]);
    let loads = [device(8, 4, &[job(Priority::Training, 1, 4)])];
    assert_eq!(started(decide(&queue, &loads)), (1, 0, 1));
}

#[test]
fn room_is_kept_for_a_job_that_was_overtaken_too_often() {
    let mut queue = queue(&[
        job(Priority::Training, 1, 8),
        job(Priority::Training, 2, 3),
        job(Priority::Plotting, 9, 3),
    ]);
    queue[0].overtaken = OVERTAKEN_MAX;
    let busy = device(8, 4, &[job(Priority::Training, 1, 4)]);
    assert_eq!(
        started(decide(&queue, std::slice::from_ref(&busy))).0,
        2,
        "plotting makes room later"
    );
    let too_small_for_the_first = device(7, 1, &[]);
    assert_eq!(started(decide(&queue, &[busy, too_small_for_the_first])), (1, 1, 1));
}

#[test]
fn a_batch_is_halved_before_anybody_is_stopped() {
    let memory = MemoryNeed { fixed_bytes: 2, row_bytes: 1, rows_max: 12 };
    let queue = queue(&[Job { memory, ..job(Priority::Training, 1, 0) }]);
    let loads = [device(10, 2, &[job(Priority::Plotting, 1, 4)])];
    assert_eq!(started(decide(&queue, &loads)), (0, 0, 3), "3 rows of 1 byte and 2 bytes in 6");
    let empty = [loads[0].clone(), device(20, 1, &[])];
    assert_eq!(started(decide(&queue, &empty)), (0, 1, 12));
}

#[test]
fn a_job_that_ran_out_of_memory_is_tried_on_larger_devices_alone() {
    let mut queue = queue(&[job(Priority::Training, 1, 4)]);
    queue[0].larger_than_bytes = Some(8);
    assert_eq!(decide(&queue, &[device(8, 1, &[])]), None);
    assert_eq!(started(decide(&queue, &[device(8, 1, &[]), device(9, 1, &[])])), (0, 1, 1));
}

#[test]
fn several_orders_share_a_device_until_its_places_are_taken() {
    let running = [job(Priority::Training, 1, 2), job(Priority::Training, 1, 2)];
    let queue = queue(&[job(Priority::Training, 1, 2)]);
    assert_eq!(started(decide(&queue, &[device(10, 3, &running)])), (0, 0, 1));
    assert_eq!(decide(&queue, &[device(10, 2, &running)]), None);
}

#[test]
fn validation_stops_the_training_with_the_latest_deadline() {
    let running = [job(Priority::Training, 5, 4), job(Priority::Training, 9, 4)];
    let queue = queue(&[job(Priority::Validation, 1, 4)]);
    assert_eq!(stopped(decide(&queue, &[device(8, 2, &running)])), [101]);
}

#[test]
fn plotting_gives_way_before_training_does() {
    let busy = device(8, 1, &[job(Priority::Training, 9, 4)]);
    let mut plotting = device(8, 1, &[job(Priority::Plotting, 1, 4)]);
    plotting.running[0].id = JobId(200);
    let queue = queue(&[job(Priority::Challenge, 1, 8)]);
    assert_eq!(stopped(decide(&queue, &[busy, plotting])), [200]);
}

#[test]
fn a_running_job_whose_room_is_not_needed_is_spared() {
    let running = [job(Priority::Plotting, 9, 1), job(Priority::Training, 1, 7)];
    let queue = queue(&[job(Priority::Challenge, 1, 7)]);
    assert_eq!(stopped(decide(&queue, &[device(8, 2, &running)])), [101]);
}

#[test]
fn training_never_stops_training() {
    let queue = queue(&[job(Priority::Training, 1, 4)]);
    assert_eq!(decide(&queue, &[device(4, 1, &[job(Priority::Training, 9, 4)])]), None);
}

#[test]
fn a_job_too_large_for_every_device_stops_nobody() {
    let queue = queue(&[job(Priority::Challenge, 1, 100)]);
    assert_eq!(decide(&queue, &[device(8, 2, &[job(Priority::Plotting, 9, 4)])]), None);
}

#[test]
fn the_least_urgent_jobs_leave_a_device_on_which_more_is_reserved_than_there_is() {
    let running = [job(Priority::Training, 9, 4), job(Priority::Training, 1, 4)];
    assert_eq!(stopped(decide(&[], &[device(7, 2, &running)])), [100]);
}

fn any_job() -> impl Strategy<Value = Job> {
    let priority = prop_oneof![
        Just(Priority::Challenge),
        Just(Priority::Validation),
        Just(Priority::Training),
        Just(Priority::Plotting)
    ];
    let memory = (0_u64..6, 0_u64..3, 1_u32..5).prop_map(|(fixed_bytes, row_bytes, rows_max)| {
        MemoryNeed { fixed_bytes, row_bytes, rows_max }
    });
    (priority, 0_u32..8, memory)
        .prop_map(|(priority, deadline, memory)| Job { memory, ..job(priority, deadline, 0) })
}

fn any_device() -> impl Strategy<Value = DeviceLoad> {
    (0_u64..20, 0_usize..5, vec(any_job(), 0..5)).prop_map(|(capacity, places, jobs)| {
        let mut fitting = Vec::new();
        for job in jobs {
            let load = device(capacity, places, &fitting);
            if load.holds(&queue(&[job])[0], 1) {
                fitting.push(job);
            }
        }
        device(capacity, places, &fitting)
    })
}

proptest! {
    #[test]
    fn a_started_job_fits_and_no_more_urgent_one_could_get_room(
        jobs in vec(any_job(), 0..8),
        loads in vec(any_device(), 0..4),
    ) {
        let queue = queue(&jobs);
        if let Some(Decision::Start(id, place)) = decide(&queue, &loads) {
            let chosen = queue.iter().find(|waiting| waiting.id == id).unwrap();
            prop_assert!(loads[place.device_index].holds(chosen, place.micro_rows));
            prop_assert_eq!(place.reserved_bytes, chosen.job.memory.bytes(place.micro_rows));
            let key = urgency(&chosen.job, id);
            let more_urgent = queue.iter().filter(|other| urgency(&other.job, other.id) < key);
            for other in more_urgent {
                prop_assert!(!loads.iter().any(|load| load.holds(other, 1)));
                prop_assert!(!loads.iter().any(|load| room_on(other, load).is_some()));
            }
        }
    }

    #[test]
    fn preemption_stops_only_lower_priorities_and_no_more_than_needed(
        one in any_job(),
        load in any_device(),
    ) {
        let waiting = queue(&[one])[0];
        if load.holds(&waiting, 1) {
            return Ok(());
        }
        let is_lower = |running: &&Running| running.job.priority > one.priority;
        let all: Vec<JobId> = load.running.iter().filter(is_lower).map(|lower| lower.id).collect();
        match room_on(&waiting, &load) {
            None => prop_assert!(!load.without(&all).holds(&waiting, 1)),
            Some(stopped) => {
                prop_assert!(stopped.iter().all(|id| all.contains(id)));
                prop_assert!(load.without(&stopped).holds(&waiting, 1));
                for spared in &stopped {
                    let fewer: Vec<JobId> =
                        stopped.iter().copied().filter(|id| id != spared).collect();
                    prop_assert!(!load.without(&fewer).holds(&waiting, 1));
                }
            }
        }
    }
}
