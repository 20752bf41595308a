//! Work on the machine: checkpoints, crashes, pre-emption, refusals.

use std::sync::atomic::{AtomicBool, Ordering};

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::order::{
    Architecture, CommitteeSpecification, DataFormat, DataSpecification, Loss, Metric,
    ModelSpecification, OrderSpecification, PaySpecification, Profile, Recipe, TrainSpecification,
    Windows,
};
use aipot_domain_runtime::primitives::{Amount, BlockNumber, Commitment};
use aipot_trainer::dataset::digits::{DIGITS_DIVISOR, digits};
use aipot_trainer::dataset::{data_file, pack_csv};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::training::{TrainingData, TrainingError, TrainingJob};
use super::*;
use crate::scheduler::Priority;
use crate::scheduler::memory::MemoryNeed;
use crate::store::artefacts::{ArtefactError, ContentHash};

const EXAMPLES: u32 = 128;

/// The first of the digits.
pub(super) fn digits_file() -> Vec<u8> {
    let mut bytes = pack_csv(digits()).unwrap().bytes.into_owned();
    bytes.truncate(usize::try_from(EXAMPLES).unwrap() * 65);
    bytes
}

pub(super) fn order(epochs: u32) -> OrderSpecification {
    OrderSpecification {
        version: 1,
        model: ModelSpecification {
            architecture: Architecture::Mlp {
                hidden_widths: BoundedVec::try_from(vec![16]).unwrap(),
            },
            initial_seed: 7,
            base: None,
        },
        data: DataSpecification {
            train: data_file(&digits_file()),
            format: DataFormat::Records { value_bytes: 1 },
            train_example_count: EXAMPLES,
            test_example_count: 16,
            feature_count: 64,
            feature_divisor: DIGITS_DIVISOR,
            class_count: 10,
            test_commitment: Commitment([1; 32]),
        },
        train: TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: Metric::Accuracy,
            recipe: Recipe::Free,
            parameters_max: 10_000,
            epochs,
            batch_size: 32,
        },
        profile: Profile::P0,
        pay: PaySpecification {
            reward: Amount::tokens(100),
            client_bond: Amount::tokens(10),
            provider_stake_min: Amount::tokens(10),
            validator_stake_min: Amount::tokens(10),
            metric_min_millionths: 0,
        },
        committee: CommitteeSpecification { provider_count: 1, validator_count: 1 },
        windows: Windows {
            open: 1,
            train: 1,
            reveal: 1,
            availability: 1,
            test_reveal: 1,
            evaluation_commit: 1,
            evaluation_reveal: 1,
            challenge: 1,
            challenge_extension: 1,
        },
    }
}

fn worker(folder: &TempDir, jobs_max: usize) -> Worker {
    Worker::new(WorkerConfiguration {
        folder: folder.path().to_path_buf(),
        threads: 1,
        memory_bytes: 1 << 30,
        jobs_max,
        more_devices: Vec::new(),
        checkpoint_steps: 4,
        checkpoint_time: Duration::from_hours(1),
        strategy: StrategySettings::default(),
    })
}

/// Gives its bytes whatever hash is asked for; the order's own checks come after it.
pub(super) struct Fixed(pub(super) Vec<u8>);

impl TrainingData for Fixed {
    fn training_data(&self, _hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        Ok(self.0.clone())
    }
}

fn job(specification: OrderSpecification) -> TrainingJob {
    let is_urgent = Arc::new(AtomicBool::new(false));
    TrainingJob { specification, seed: 3, deadline_block: BlockNumber(9), is_urgent }
}

fn checkpoint_path(folder: &TempDir, specification: &OrderSpecification) -> PathBuf {
    folder.path().join("checkpoints").join(specification.id().to_string())
}

fn place(priority: Priority, reserved_bytes: u64) -> Job {
    Job { priority, deadline_block: BlockNumber(1), memory: MemoryNeed::whole(reserved_bytes) }
}

async fn trained(worker: &Worker, specification: &OrderSpecification) -> Vec<u8> {
    let data = Arc::new(Fixed(digits_file()));
    worker.train(job(specification.clone()), data).await.unwrap()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_model() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let specification = order(2);
    let model = trained(&worker(&first, 1), &specification).await;
    assert_eq!(model, trained(&worker(&second, 1), &specification).await);
}

#[tokio::test]
async fn a_training_broken_off_goes_on_from_its_checkpoint_to_the_same_model() {
    let (undisturbed, disturbed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let specification = order(200);
    let expected = trained(&worker(&undisturbed, 1), &specification).await;

    let first = worker(&disturbed, 1);
    let training = first.train(job(specification.clone()), Arc::new(Fixed(digits_file())));
    let checkpoint = checkpoint_path(&disturbed, &specification);
    let crash = async {
        // The first checkpoint stands at step 4 of 800; the training goes on on a thread of its own.
        while !checkpoint.is_file() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = training => panic!("the training was to be broken off"),
        () = crash => {}
    }
    assert!(checkpoint.is_file());

    let second = worker(&disturbed, 1);
    let mut progress = second.progress();
    assert_eq!(trained(&second, &specification).await, expected);
    assert!(progress.recv().await.unwrap().step > 4);
}

#[tokio::test]
async fn a_damaged_checkpoint_costs_time_but_no_model() {
    let (undisturbed, disturbed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let specification = order(2);
    let expected = trained(&worker(&undisturbed, 1), &specification).await;
    let path = checkpoint_path(&disturbed, &specification);
    durable::write(&path, b"not a checkpoint").unwrap();
    assert_eq!(trained(&worker(&disturbed, 1), &specification).await, expected);
}

#[tokio::test]
async fn checkpoints_that_cannot_be_written_do_not_stop_the_training() {
    let (undisturbed, disturbed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let specification = order(2);
    let expected = trained(&worker(&undisturbed, 1), &specification).await;
    // A file where the folder should be refuses every write, as a full disk does.
    std::fs::write(disturbed.path().join("checkpoints"), b"").unwrap();
    assert_eq!(trained(&worker(&disturbed, 1), &specification).await, expected);
}

#[tokio::test]
async fn an_urgent_training_ends_at_once_with_the_model_as_it_is() {
    let folder = TempDir::new().unwrap();
    let job = job(order(100_000));
    job.is_urgent.store(true, Ordering::Relaxed);
    let worker = worker(&folder, 1);
    let model = worker.train(job, Arc::new(Fixed(digits_file()))).await.unwrap();
    assert!(!model.is_empty());
}

#[tokio::test]
async fn wrong_training_data_is_a_permanent_error_with_both_sides() {
    let folder = TempDir::new().unwrap();
    let mut bytes = digits_file();
    bytes[0] = if bytes[0] == b'0' { b'1' } else { b'0' };
    let error = worker(&folder, 1).train(job(order(1)), Arc::new(Fixed(bytes))).await.unwrap_err();
    assert!(error.is_permanent());
    assert!(matches!(error, TrainingError::Data { .. }), "{error}");
    assert!(error.to_string().contains("the order says"), "{error}");
}

#[tokio::test]
async fn a_job_larger_than_the_machine_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let huge = place(Priority::Training, u64::MAX);
    let error = worker(&folder, 1).run(huge, |_| JobEnd::Finished(())).await.unwrap_err();
    assert!(
        matches!(
            error,
            WorkerError::DoesNotFit(DoesNotFit::TooLarge { needed_bytes: u64::MAX, .. })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn validation_stops_training_which_runs_again_afterwards() {
    let folder = TempDir::new().unwrap();
    let worker = worker(&folder, 1);
    let (begun, mut begins) = mpsc::unbounded_channel();
    let goes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let training = worker.run(place(Priority::Training, 1), move |control: &Control| {
        begun.send(()).unwrap();
        if goes.fetch_add(1, Ordering::Relaxed) > 0 {
            return JobEnd::Finished("trained");
        }
        while !control.is_stopped() {
            std::thread::yield_now();
        }
        JobEnd::Stopped
    });
    let validation = async {
        begins.recv().await.unwrap();
        worker.run(place(Priority::Validation, 1), |_| JobEnd::Finished("validated")).await
    };
    let (trained, validated) = tokio::join!(training, validation);
    assert_eq!((trained.unwrap(), validated.unwrap()), ("trained", "validated"));
}

#[tokio::test]
async fn dropped_work_is_stopped_and_leaves_its_room() {
    let folder = TempDir::new().unwrap();
    let worker = worker(&folder, 1);
    let (begun, mut begins) = mpsc::unbounded_channel();
    let endless = worker.run(place(Priority::Challenge, 1), move |control: &Control| {
        begun.send(()).unwrap();
        while !control.is_stopped() {
            std::thread::yield_now();
        }
        JobEnd::<()>::Stopped
    });
    tokio::select! {
        _ = endless => panic!("the work has no end"),
        _ = begins.recv() => {}
    }
    let end = worker.run(place(Priority::Plotting, 1), |_| JobEnd::Finished("plotted")).await;
    assert_eq!(end.unwrap(), "plotted");
}

#[tokio::test]
async fn work_that_panics_leaves_its_room() {
    let folder = TempDir::new().unwrap();
    let worker = worker(&folder, 1);
    let broken = worker.run::<(), _>(place(Priority::Training, 1), |_| panic!("as meant"));
    assert!(matches!(broken.await, Err(WorkerError::BrokenOff { .. })));
    let end = worker.run(place(Priority::Plotting, 1), |_| JobEnd::Finished(())).await;
    assert!(end.is_ok());
}

pub(crate) mod orders;
mod out_of_memory;
mod search;
mod time_limit;
