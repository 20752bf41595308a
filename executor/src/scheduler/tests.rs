//! The rules of the schedule, one by one and as properties.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn job(priority: Priority, deadline: u32, reserved_bytes: u64) -> Job {
    Job { priority, deadline_block: BlockNumber(deadline), reserved_bytes }
}

fn device(capacity_bytes: u64, jobs_max: usize, running: &[Job]) -> DeviceLoad {
    DeviceLoad { capacity_bytes, jobs_max, running: running.to_vec() }
}

#[test]
fn the_more_valuable_job_goes_first_even_with_a_later_deadline() {
    let queue = [
        job(Priority::Plotting, 1, 1),
        job(Priority::Training, 2, 1),
        job(Priority::Validation, 3, 1),
        job(Priority::Challenge, 4, 1),
    ];
    let assignment = assign(&queue, &[device(10, 1, &[])]);
    assert_eq!(assignment, Some(Assignment { job_index: 3, device_index: 0 }));
}

#[test]
fn the_earlier_deadline_goes_first_among_equals() {
    let queue = [job(Priority::Training, 9, 1), job(Priority::Training, 4, 1)];
    let assignment = assign(&queue, &[device(10, 1, &[])]);
    assert_eq!(assignment, Some(Assignment { job_index: 1, device_index: 0 }));
}

#[test]
fn the_tightest_device_is_taken_and_ties_go_to_the_earlier() {
    let queue = [job(Priority::Training, 1, 4), job(Priority::Training, 1, 4)];
    let loads = [device(9, 1, &[]), device(5, 1, &[]), device(5, 1, &[])];
    assert_eq!(assign(&queue, &loads), Some(Assignment { job_index: 0, device_index: 1 }));
}

#[test]
fn a_less_urgent_job_fills_the_room_that_the_urgent_one_cannot_use() {
    let queue = [job(Priority::Training, 1, 8), job(Priority::Training, 2, 3)];
    let loads = [device(8, 4, &[job(Priority::Training, 1, 4)])];
    assert_eq!(assign(&queue, &loads), Some(Assignment { job_index: 1, device_index: 0 }));
}

#[test]
fn several_orders_share_a_device_until_its_places_are_taken() {
    let running = [job(Priority::Training, 1, 2), job(Priority::Training, 1, 2)];
    let queue = [job(Priority::Training, 1, 2)];
    assert!(assign(&queue, &[device(10, 3, &running)]).is_some());
    assert_eq!(assign(&queue, &[device(10, 2, &running)]), None);
}

#[test]
fn validation_stops_the_training_with_the_latest_deadline() {
    let running = [job(Priority::Training, 5, 4), job(Priority::Training, 9, 4)];
    let queue = [job(Priority::Validation, 1, 4)];
    let decision = decide(&queue, &[device(8, 2, &running)]);
    let expected = Preemption { job_index: 0, device_index: 0, stopped: vec![1] };
    assert_eq!(decision, Some(Decision::Preempt(expected)));
}

#[test]
fn plotting_gives_way_before_training_does() {
    let busy = device(8, 1, &[job(Priority::Training, 9, 4)]);
    let plotting = device(8, 1, &[job(Priority::Plotting, 1, 4)]);
    let queue = [job(Priority::Challenge, 1, 8)];
    let preemption = preempt(&queue, &[busy, plotting]).unwrap();
    assert_eq!((preemption.device_index, preemption.stopped), (1, vec![0]));
}

#[test]
fn a_running_job_whose_room_is_not_needed_is_spared() {
    let running = [job(Priority::Plotting, 9, 1), job(Priority::Training, 1, 7)];
    let queue = [job(Priority::Challenge, 1, 7)];
    let preemption = preempt(&queue, &[device(8, 2, &running)]).unwrap();
    assert_eq!(preemption.stopped, vec![1]);
}

#[test]
fn training_never_stops_training() {
    let queue = [job(Priority::Training, 1, 4)];
    assert_eq!(decide(&queue, &[device(4, 1, &[job(Priority::Training, 9, 4)])]), None);
}

#[test]
fn a_job_too_large_for_every_device_stops_nobody() {
    let queue = [job(Priority::Challenge, 1, 100)];
    assert_eq!(decide(&queue, &[device(8, 2, &[job(Priority::Plotting, 9, 4)])]), None);
}

fn any_job() -> impl Strategy<Value = Job> {
    let priority = prop_oneof![
        Just(Priority::Challenge),
        Just(Priority::Validation),
        Just(Priority::Training),
        Just(Priority::Plotting)
    ];
    (priority, 0_u32..8, 0_u64..10)
        .prop_map(|(priority, deadline, bytes)| job(priority, deadline, bytes))
}

fn any_device() -> impl Strategy<Value = DeviceLoad> {
    (0_u64..20, 0_usize..5, vec(any_job(), 0..5)).prop_map(|(capacity, places, jobs)| {
        let mut load = device(capacity, places, &[]);
        for job in jobs {
            if load.fits(&job) {
                load.running.push(job);
            }
        }
        load
    })
}

proptest! {
    #[test]
    fn an_assigned_job_fits_and_no_more_urgent_one_does(
        queue in vec(any_job(), 0..8),
        loads in vec(any_device(), 0..4),
    ) {
        let fits_somewhere = |job: &Job| loads.iter().any(|load| load.fits(job));
        match assign(&queue, &loads) {
            None => prop_assert!(!queue.iter().any(fits_somewhere)),
            Some(Assignment { job_index, device_index }) => {
                let chosen = &queue[job_index];
                prop_assert!(loads[device_index].fits(chosen));
                let urgency = |job: &Job| (job.priority, job.deadline_block);
                let is_beaten =
                    queue.iter().any(|job| fits_somewhere(job) && urgency(job) < urgency(chosen));
                prop_assert!(!is_beaten);
            }
        }
    }

    #[test]
    fn preemption_makes_room_by_stopping_only_lower_priorities_and_no_more_than_needed(
        queue in vec(any_job(), 1..8),
        loads in vec(any_device(), 1..4),
    ) {
        if let Some(Preemption { job_index, device_index, stopped }) = preempt(&queue, &loads) {
            let (job, load) = (&queue[job_index], &loads[device_index]);
            prop_assert!(!loads.iter().any(|load| load.fits(job)));
            prop_assert!(stopped.iter().all(|&one| load.running[one].priority > job.priority));
            prop_assert!(without(load, &stopped).fits(job));
            for spared in &stopped {
                let fewer: Vec<usize> =
                    stopped.iter().copied().filter(|one| one != spared).collect();
                prop_assert!(!without(load, &fewer).fits(job));
            }
        }
    }

    #[test]
    fn working_off_the_queue_ends_and_leaves_nothing_that_could_run(
        mut queue in vec(any_job(), 0..8),
        mut loads in vec(any_device(), 0..4),
    ) {
        // Each pre-empted job goes back into the queue; each step raises the value of what runs.
        for _ in 0..200 {
            match decide(&queue, &loads) {
                None => break,
                Some(Decision::Start(Assignment { job_index, device_index })) => {
                    let job = queue.remove(job_index);
                    loads[device_index].running.push(job);
                }
                Some(Decision::Preempt(Preemption { device_index, stopped, .. })) => {
                    for place in stopped.into_iter().rev() {
                        queue.push(loads[device_index].running.remove(place));
                    }
                }
            }
        }
        prop_assert_eq!(decide(&queue, &loads), None);
    }
}
