//! Processes of a node: they give the same bits as its threads, however they die.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_executor::scheduler::memory::MemoryNeed;
use aipot_executor::scheduler::{Job as Place, Priority};
use aipot_executor::worker::process::{ProcessPool, ProcessSettings};
use aipot_executor::worker::protocol::Failure;
use aipot_executor::worker::recipe::{RecipeJob, RecipePurpose};
use aipot_executor::worker::training::TrainingError;
use aipot_executor::worker::{Control, JobEnd, Workplace};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

use crate::orders::{Order, until, within, worker};

/// Processes of the binary under test.
fn settings(folder: &Path) -> ProcessSettings {
    ProcessSettings {
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(10),
        ..ProcessSettings::new(env!("CARGO_BIN_EXE_aipot"), folder)
    }
}

fn in_processes(settings: ProcessSettings) -> Workplace {
    Workplace::Processes(Arc::new(ProcessPool::new(settings)))
}

/// The worker of a node's folder, found among all processes of this machine.
pub(crate) fn process_in(folder: &Path) -> Option<Pid> {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap();
    let names = processes.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let numbers: Vec<i32> = names.filter_map(|name| name.parse().ok()).collect();
    let found = numbers.into_iter().find(|number| {
        let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let has =
            |wanted: &str| line.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes());
        has(folder) && has("--stdio")
    });
    found.and_then(Pid::from_raw)
}

/// Whether the order has a checkpoint.
fn has_checkpoint(folder: &TempDir, order: &Order) -> bool {
    let checkpoints = folder.path().join("checkpoints");
    checkpoints.join(order.specification.id().to_string()).is_file()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_trains_to_the_bits_of_a_thread_and_is_used_again() {
    let folder = tempdir().unwrap();
    let order = Order::free(4);
    let worker = worker(folder.path(), in_processes(settings(folder.path())));
    let mut progress = worker.progress();
    let model = order.train_with(&worker, folder.path()).await.unwrap();
    assert!(model == order.model().await);
    let mut last = progress.recv().await.unwrap();
    while let Ok(report) = progress.try_recv() {
        last = report;
    }
    assert_eq!((last.step, last.step_count), (50, 50));
    let process = process_in(folder.path()).unwrap();
    worker.remove_checkpoint(&order.specification.id());
    assert!(order.train_with(&worker, folder.path()).await.unwrap() == model);
    assert_eq!(process_in(folder.path()), Some(process));
    let results = std::fs::read_dir(folder.path().join("results")).unwrap();
    assert_eq!(results.count(), 0, "a result is taken once, and gone then");
    drop(worker);
    until("the process has ended", || process_in(folder.path()).is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipe_in_a_process_leaves_its_trace_with_the_node() {
    let (folder, other) = (tempdir().unwrap(), tempdir().unwrap());
    let order = Order::fixed(120);
    let job = RecipeJob {
        specification: order.specification.clone(),
        purpose: RecipePurpose::Claim,
        deadline_block: BlockNumber(9),
    };
    let here = worker(other.path(), Workplace::Here);
    let expected = here.run_recipe(job.clone(), order.store(other.path())).await.unwrap();
    let there = worker(folder.path(), in_processes(settings(folder.path())));
    let result = there.run_recipe(job, order.store(folder.path())).await.unwrap();
    assert!(result == expected);
    let trace = there.read_trace(&order.specification.id()).unwrap();
    assert_eq!(trace.opening(), expected.trace);
}

/// Does something to the process of a training that has a checkpoint, and expects the same model.
async fn disturb(signal: Signal, settings: ProcessSettings, folder: &TempDir) {
    let order = Order::free(1_500);
    let worker = worker(folder.path(), in_processes(settings));
    let training = order.train_with(&worker, folder.path());
    let disturbing = async {
        until("there is a checkpoint", || has_checkpoint(folder, &order)).await;
        let process = process_in(folder.path()).unwrap();
        kill_process(process, signal).unwrap();
        let another = || process_in(folder.path()).is_some_and(|found| found != process);
        until("there is another process", another).await;
    };
    let (model, ()) = tokio::join!(training, disturbing);
    assert!(model.unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_is_replaced_by_one_that_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    disturb(Signal::KILL, settings(folder.path()), &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_falls_silent_is_replaced_by_one_that_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    let silence_max = Duration::from_millis(2_500);
    let settings = ProcessSettings { silence_max, ..settings(folder.path()) };
    disturb(Signal::STOP, settings, &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_gives_way_to_a_challenge_and_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    let order = Order::free(600);
    let worker = worker(folder.path(), in_processes(settings(folder.path())));
    let mut progress = worker.progress();
    let training = order.train_with(&worker, folder.path());
    let challenge = async {
        within("training has begun", progress.recv()).await.unwrap();
        let place = Place {
            priority: Priority::Challenge,
            deadline_block: BlockNumber(1),
            memory: MemoryNeed::whole(1),
        };
        within("the challenge runs", worker.run(place, |_: &Control| JobEnd::Finished(()))).await
    };
    let (model, challenged) = tokio::join!(training, challenge);
    challenged.unwrap();
    assert!(model.unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_whose_time_is_up_gives_the_model_as_it_is() {
    let folder = tempdir().unwrap();
    let order = Order::free(100_000);
    let worker = worker(folder.path(), in_processes(settings(folder.path())));
    let job = order.training();
    let is_urgent = Arc::clone(&job.is_urgent);
    let mut progress = worker.progress();
    let hurrying = async {
        within("training has begun", progress.recv()).await.unwrap();
        is_urgent.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let training = worker.train(job, order.store(folder.path()));
    let (model, ()) = tokio::join!(within("it ends", training), hurrying);
    assert!(!model.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_that_nobody_waits_for_stops_with_a_checkpoint() {
    let folder = tempdir().unwrap();
    let order = Order::free(100_000);
    let worker = worker(folder.path(), in_processes(settings(folder.path())));
    let mut progress = worker.progress();
    tokio::select! {
        _ = order.train_with(&worker, folder.path()) => panic!("it was to be broken off"),
        report = progress.recv() => drop(report.unwrap()),
    }
    until("the checkpoint is written", || has_checkpoint(&folder, &order)).await;
    // The machine is free again.
    let place = Place {
        priority: Priority::Plotting,
        deadline_block: BlockNumber(1),
        memory: MemoryNeed::whole(1),
    };
    within("it runs", worker.run(place, |_: &Control| JobEnd::Finished(()))).await.unwrap();
}

/// What a node says about a program that is no worker.
async fn failure_of(program: &str) -> String {
    let folder = tempdir().unwrap();
    let settings = ProcessSettings {
        program: program.into(),
        deaths_max: 3,
        silence_max: Duration::from_secs(1),
        ..settings(folder.path())
    };
    let worker = worker(folder.path(), in_processes(settings));
    let error = Order::free(1).train_with(&worker, folder.path()).await.unwrap_err();
    assert!(!error.is_permanent(), "{error}");
    let TrainingError::Elsewhere(Failure::GivenUp { tries: 3, reason }) = error else {
        panic!("{error:?}")
    };
    reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_no_worker_is_given_up() {
    assert!(failure_of("/bin/false").await.contains("exit status: 1"));
    assert!(failure_of("/nowhere/aipot").await.contains("cannot be started"));
    // `yes` itself would refuse the arguments of a worker.
    let folder = tempdir().unwrap();
    let program = folder.path().join("babble");
    std::fs::write(&program, "#!/bin/sh\nexec yes\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let babble = failure_of(program.to_str().unwrap()).await;
    assert!(babble.contains("at most 65536 are allowed"), "{babble}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_is_damaged_on_disk_is_not_trained_on() {
    let folder = tempdir().unwrap();
    let order = Order::free(1);
    let store = order.store(folder.path());
    let root = order.specification.data.train.root.0;
    let file = store.file(aipot_executor::store::artefacts::ContentHash(root)).unwrap();
    std::fs::write(file, b"other bytes").unwrap();
    let worker = worker(folder.path(), in_processes(settings(folder.path())));
    let error = worker.train(order.training(), store).await.unwrap_err();
    let TrainingError::Elsewhere(Failure::Unavailable { reason }) = error else {
        panic!("{error:?}")
    };
    assert!(reason.contains("damaged"), "{reason}");
}
