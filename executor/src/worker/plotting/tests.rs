//! Plotting waits, gives way, and goes on where it was.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use aipot_kernels::plotting::RECORD_BYTES;
use aipot_kernels::proof_of_space::Seed;

use super::*;
use crate::worker::{JobEnd, WorkerConfiguration};

/// Marks one record after the other as done; at the second one it says so and goes on only when asked to stop.
#[derive(Debug)]
struct Slow {
    calls: AtomicUsize,
    is_held: AtomicBool,
    reached: mpsc::SyncSender<usize>,
}

impl RecordEncoder for Slow {
    fn name(&self) -> String {
        "slow".to_owned()
    }

    fn encode(
        &self,
        _: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let waiting: Vec<_> = jobs.iter_mut().filter(|job| !job.is_done).collect();
        for (place, job) in waiting.into_iter().enumerate() {
            if place == 1 && self.is_held.load(Ordering::SeqCst) {
                self.reached.send(place).unwrap();
                while keep_going() {
                    std::thread::yield_now();
                }
                return Err(EncodeError::Stopped { table: 1 });
            }
            job.is_done = true;
        }
        Ok(())
    }
}

/// Records to encode, and how many of them are done in the end.
fn encode(encoder: &PatientEncoder, keep_going: KeepGoing<'_>) -> (Result<(), EncodeError>, usize) {
    let mut records = vec![vec![0; RECORD_BYTES]; 3];
    let mut found = vec![[0; 8192]; 3];
    let mut jobs: Vec<_> = records
        .iter_mut()
        .zip(&mut found)
        .map(|(record, found)| RecordJob {
            seed: Seed::new([7; 32]),
            record,
            found,
            sample_ranks: &[],
            sample_proofs: Vec::new(),
            is_done: false,
        })
        .collect();
    let end = encoder.encode(Variant::V1, &mut jobs, keep_going);
    (end, jobs.iter().filter(|job| job.is_done).count())
}

fn slow(is_held: bool) -> (Arc<Slow>, mpsc::Receiver<usize>) {
    let (reached, at) = mpsc::sync_channel(8);
    (Arc::new(Slow { calls: AtomicUsize::new(0), is_held: AtomicBool::new(is_held), reached }), at)
}

fn training(reserved_bytes: u64) -> Job {
    Job { priority: Priority::Training, deadline_block: BlockNumber(9), reserved_bytes }
}

#[tokio::test(flavor = "multi_thread")]
async fn plotting_gives_way_to_training_and_goes_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::new(WorkerConfiguration::for_folder(folder.path(), 1));
    let (slow, at) = slow(true);
    let patient = PatientEncoder::new(slow.clone(), worker.clone(), Appetite::WholeMachine);
    let plotting = tokio::task::spawn_blocking(move || encode(&patient, &|| true));
    let at = tokio::task::spawn_blocking(move || at.recv().unwrap());
    assert_eq!(at.await.unwrap(), 1);
    slow.is_held.store(false, Ordering::SeqCst);
    let trained = worker.run(training(1), |_| JobEnd::Finished("trained")).await.unwrap();
    assert_eq!(trained, "trained");
    let (end, done_count) = plotting.await.unwrap();
    assert!(end.is_ok(), "{end:?}");
    assert_eq!((done_count, slow.calls.load(Ordering::SeqCst)), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn plotting_that_nobody_wants_any_more_stops_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::new(WorkerConfiguration::for_folder(folder.path(), 1));
    let (slow, _at) = slow(false);
    let patient = PatientEncoder::new(slow.clone(), worker.clone(), Appetite::WholeMachine);
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let (started, is_started) = tokio::sync::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let busy = tokio::spawn(async move {
        let work = move |_: &_| {
            let _sent = started.lock().unwrap().take().map(|started| started.send(()));
            assert!(released.lock().unwrap().recv().is_err());
            JobEnd::Finished(())
        };
        worker.run(training(1), work).await
    });
    is_started.await.unwrap();
    let (end, done_count) =
        tokio::task::spawn_blocking(move || encode(&patient, &|| false)).await.unwrap();
    assert!(matches!(end, Err(EncodeError::Stopped { .. })), "{end:?}");
    assert_eq!((done_count, slow.calls.load(Ordering::SeqCst)), (0, 0));
    drop(release);
    busy.await.unwrap().unwrap();
}
