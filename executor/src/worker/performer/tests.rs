//! What a job is told about time, and what it may give back.

use super::*;
use crate::worker::tests::order;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn the_clock_of_a_worker_reaches_its_block_when_the_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::new(WorkerConfiguration::for_folder(folder.path(), 1));
    let deadline = set_clock(&worker, Some(600_000));
    let left = worker.clock().time_until(deadline, Instant::now()).unwrap();
    assert!(left <= MINUTE * 10 && left > MINUTE * 9, "{left:?}");
    let later = worker.clock().time_until(deadline, Instant::now() + MINUTE * 4).unwrap();
    assert!(later <= MINUTE * 6 && later > MINUTE * 5, "{later:?}");
}

#[test]
fn a_worker_that_knows_no_time_hurries_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::new(WorkerConfiguration::for_folder(folder.path(), 1));
    let deadline = set_clock(&worker, None);
    assert_eq!(worker.clock().time_until(deadline, Instant::now() + MINUTE), None);
}

#[test]
fn a_model_larger_than_its_order_allows_is_no_model() {
    let bytes_max = model_bytes_max(&order(1));
    let weights = cost(&order(1)).unwrap().model_bytes;
    assert_eq!(bytes_max - weights, MODEL_HEADER_BYTES_MAX);
}

#[test]
fn a_new_checkpoint_is_seen_once() {
    let folder = tempfile::tempdir().unwrap();
    let job = JobId { order: order(1).id(), purpose: Purpose::Claim };
    let mut watch = CheckpointWatch::new(folder.path(), &job);
    assert!(!watch.has_changed());
    crate::worker::durable::write(watch.path(), b"a trace").unwrap();
    assert!(watch.has_changed());
    assert!(!watch.has_changed());
}
