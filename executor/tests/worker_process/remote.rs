//! Machines of one provider: an order is trained once, to the same bits, whichever of them live.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aipot_domain_runtime::primitives::BlockNumber;
use aipot_executor::worker::protocol::Failure;
use aipot_executor::worker::recipe::{RecipeJob, RecipePurpose};
use aipot_executor::worker::remote::RemoteProvider;
use aipot_executor::worker::training::TrainingError;
use aipot_executor::worker::{Worker, Workplace};
use tempfile::{TempDir, tempdir};
use tokio::task::{JoinHandle, block_in_place, spawn_blocking};

use crate::machines::Machine;
use crate::orders::{Order, within, worker};
use crate::processes::process_in;
use crate::streams::StreamServer;
use rustix::process::{Signal, kill_process};

/// A provider's node, as far as it has orders trained.
async fn provider(server: &StreamServer, folder: &Path) -> Worker {
    let provider = RemoteProvider::connect(server.settings(), folder).await.unwrap();
    worker(folder, Workplace::Remote(Arc::new(provider)))
}

/// A training that goes on while the test does other things.
fn begin(
    order: &Arc<Order>,
    worker: &Worker,
    folder: &TempDir,
) -> JoinHandle<Result<Vec<u8>, TrainingError>> {
    let (order, worker, folder) = (Arc::clone(order), worker.clone(), folder.path().to_path_buf());
    tokio::spawn(async move { order.train_with(&worker, &folder).await })
}

/// Waits until one of two machines trains; that one, and the other.
fn who_trains(machines: &mut [Machine; 2]) -> (&mut Machine, &mut Machine) {
    let [first, second] = machines;
    let start = std::time::Instant::now();
    loop {
        if first.has_said("training") {
            return (first, second);
        }
        if second.has_said("training") {
            return (second, first);
        }
        assert!(start.elapsed() < crate::orders::DEADLINE, "nobody trains");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_machine_trains_to_the_same_bits() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let mut progress = node.progress();
    let machine = Machine::start(&server);
    let order = Order::free(4);
    let model = order.train_with(&node, folder.path()).await.unwrap();
    assert!(model == order.model().await);
    assert_eq!(progress.recv().await.unwrap().step_count, 50);
    let end = spawn_blocking(move || machine.says("end")).await.unwrap();
    assert_eq!(end["end"], "handed in");
    // Once more, as after a restart: the result is still there, though no machine is.
    let model_again = order.train_with(&node, folder.path()).await.unwrap();
    assert!(model_again == model);
    assert_eq!((server.count("jobs").await, server.count("results").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_forgotten_is_trained_again_when_somebody_asks() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let _machine = Machine::start(&server);
    let order = Order::free(2);
    let model = order.train_with(&node, folder.path()).await.unwrap();
    assert_eq!(server.count("results").await, 1);
    node.remove_checkpoint(&order.specification.id());
    within("the result is forgotten", async {
        while server.count("results").await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The server still knows the name of the first result, which must not keep the second one out.
    assert!(order.train_with(&node, folder.path()).await.unwrap() == model);
    assert_eq!(server.count("results").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipe_comes_back_with_its_trace() {
    let (server, folder, other) = (StreamServer::start(), tempdir().unwrap(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let _machine = Machine::start(&server);
    let order = Order::fixed(120);
    let job = RecipeJob {
        specification: order.specification.clone(),
        purpose: RecipePurpose::Audit,
        deadline_block: BlockNumber(9),
    };
    let running = node.run_recipe(job.clone(), order.store(folder.path()));
    let result = within("the recipe is run", running).await.unwrap();
    let here = worker(other.path(), Workplace::Here);
    assert!(result == here.run_recipe(job, order.store(other.path())).await.unwrap());
    let trace = node.read_trace(&order.specification.id()).unwrap();
    assert_eq!(trace.opening(), result.trace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_killed_is_followed_by_another_one_to_the_same_bits() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let mut machines = [Machine::start(&server), Machine::start(&server)];
    let order = Arc::new(Order::free(600));
    let training = begin(&order, &node, &folder);
    block_in_place(|| {
        let (killed, other) = who_trains(&mut machines);
        killed.kill();
        assert_eq!(other.says("end")["end"], "handed in");
    });
    assert!(training.await.unwrap().unwrap() == order.model().await);
    assert_eq!((server.count("jobs").await, server.count("results").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_stopped_gives_its_job_and_its_checkpoint_to_another_one() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let mut machines = [Machine::start(&server), Machine::start(&server)];
    let order = Arc::new(Order::free(600));
    let training = begin(&order, &node, &folder);
    block_in_place(|| {
        let (stopped, other) = who_trains(&mut machines);
        assert_eq!(stopped.stop(), Some(0));
        assert_eq!(stopped.says("end")["end"], "given back");
        let first = other.says("training")["step"].as_u64().unwrap();
        assert!(first > 1, "it begins again at step {first}");
    });
    assert!(training.await.unwrap().unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_survives_its_process_and_the_bits_are_the_same() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let machine = Machine::with(&server, &["--processes", "true"]);
    let order = Arc::new(Order::free(600));
    let training = begin(&order, &node, &folder);
    block_in_place(|| {
        machine.says("training");
        let process = process_in(machine.folder.path()).unwrap();
        kill_process(process, Signal::KILL).unwrap();
        assert_eq!(machine.says("end")["end"], "handed in");
    });
    assert!(training.await.unwrap().unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_costs_nothing_but_time() {
    let (mut server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let machine = Machine::start(&server);
    let order = Arc::new(Order::free(600));
    let training = begin(&order, &node, &folder);
    block_in_place(|| {
        machine.says("training");
        server.restart();
    });
    assert!(training.await.unwrap().unwrap() == order.model().await);
    assert_eq!(server.count("results").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_went_away_finds_its_result() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let order = Arc::new(Order::free(20));
    // A crash: the node has no time to take anything back.
    let crashing = tokio::runtime::Runtime::new().unwrap();
    let (settings, job) = (server.settings(), Arc::clone(&order));
    let place = folder.path().to_path_buf();
    crashing.spawn(async move {
        let provider = RemoteProvider::connect(settings, &place).await.unwrap();
        let node = worker(&place, Workplace::Remote(Arc::new(provider)));
        job.train_with(&node, &place).await
    });
    within("the job is in the queue", server.has("jobs")).await;
    crashing.shutdown_background();
    let mut machine = Machine::start(&server);
    block_in_place(|| {
        assert_eq!(machine.says("end")["end"], "handed in");
        machine.kill();
    });
    let node = provider(&server, folder.path()).await;
    let model = order.train_with(&node, folder.path()).await.unwrap();
    assert!(model == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_nobody_waits_for_is_taken_back() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let mut progress = node.progress();
    let machine = Machine::start(&server);
    let order = Order::free(100_000);
    tokio::select! {
        _ = order.train_with(&node, folder.path()) => panic!("it was to be broken off"),
        report = progress.recv() => drop(report.unwrap()),
    }
    let end = spawn_blocking(move || machine.says("end")).await.unwrap();
    assert_eq!(end["end"], "unwanted");
    assert_eq!((server.count("jobs").await, server.count("results").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_too_large_for_one_machine_waits_for_a_larger_one() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let order = Arc::new(Order::large());
    let training = begin(&order, &node, &folder);
    let small = Machine::with(&server, &["--memory-mib", "1"]);
    block_in_place(|| assert_eq!(small.says("end")["end"], "given back"));
    drop(small);
    let _large = Machine::start(&server);
    assert!(training.await.unwrap().unwrap() == order.model().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_every_machine_dies_of_is_given_up() {
    let (server, folder) = (StreamServer::start(), tempdir().unwrap());
    let node = provider(&server, folder.path()).await;
    let order = Arc::new(Order::free(100_000));
    let training = begin(&order, &node, &folder);
    block_in_place(|| {
        for _ in 0..3 {
            let mut machine = Machine::start(&server);
            machine.says("job");
            machine.kill();
        }
        let last = Machine::start(&server);
        assert_eq!(last.says("end")["end"], "failed");
    });
    let error = training.await.unwrap().unwrap_err();
    assert!(
        matches!(error, TrainingError::Elsewhere(Failure::GivenUp { tries: 3, .. })),
        "{error}"
    );
    assert_eq!((server.count("jobs").await, server.count("results").await), (0, 0));
}

#[test]
fn the_command_says_what_it_needs_and_how_it_went_wrong() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_aipot")).args(arguments).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let (code, help) = run(&["worker", "--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("Example: aipot worker --nats"), "{help}");
    let (code, said) = run(&["worker"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("worker_nats"), "{said}");
    let (code, said) = run(&["worker", "--nats", "nats://127.0.0.1:1", "--stream", "a.b"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("1 to 32 letters"), "{said}");
    let folder = tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let (code, said) =
        run(&["--json", "worker", "--nats", "nats://127.0.0.1:1", "--folder", folder]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(r#""kind":"unreachable""#), "{said}");
    let (code, said) = run(&["worker", "--stdio", "--folder", folder, "--device", "cuda"]);
    assert_eq!(code, Some(2), "{said}");
}
