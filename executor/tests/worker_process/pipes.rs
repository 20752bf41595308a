//! `aipot worker --stdio` as a node meets it: it says what happens, and never outlives its node.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use aipot_executor::worker::protocol::{
    Blob, Failure, FromWorker, Job, JobId, Limits, ToWorker, decode_from_worker, encode,
    read_frame, write_frame,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

use crate::orders::Order;

/// The process, with this test as its node.
struct Desk {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_aipot"))
            .args(["worker", "--stdio", "--device", "cpu", "--folder"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output, folder }
    }

    fn tell(&mut self, message: &ToWorker) {
        write_frame(self.input.as_mut().unwrap(), &encode(message).unwrap()).unwrap();
    }

    fn start(&mut self, job: &Job) {
        self.tell(&ToWorker::Start(Box::new(job.clone())));
    }

    /// Writes the data of an order, and makes a job of it.
    fn job(&self, order: &Order) -> Job {
        let path = self.folder.path().join("data");
        std::fs::write(&path, &order.train).unwrap();
        order.job(Some(&path))
    }

    /// What it says next, `None` when it says nothing any more.
    fn hear(&mut self) -> Option<FromWorker> {
        let frame = read_frame(&mut self.output).unwrap()?;
        Some(decode_from_worker(&frame).unwrap())
    }

    /// Waits until a step is done; the steps of the run.
    fn begun(&mut self) -> u64 {
        loop {
            match self.hear() {
                Some(FromWorker::Heartbeat) => {}
                Some(FromWorker::Progress { step_count, .. }) => return step_count,
                other => panic!("{other:?}"),
            }
        }
    }

    /// What it says next beside that it lives.
    fn news(&mut self) -> Option<FromWorker> {
        loop {
            match self.hear() {
                Some(
                    FromWorker::Heartbeat
                    | FromWorker::Progress { .. }
                    | FromWorker::Checkpoint { .. },
                ) => {}
                news => return news,
            }
        }
    }

    fn failure(&mut self, job: &Job) -> Failure {
        self.start(job);
        let Some(FromWorker::Failure { job: id, failure }) = self.news() else {
            panic!("no failure")
        };
        assert_eq!(id, job.id());
        failure
    }

    fn has_checkpoint(&self, job: &JobId) -> bool {
        let checkpoints = self.folder.path().join("checkpoints");
        checkpoints.join(job.order.to_string()).is_file()
    }

    fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Far more than any of these tests waits for.
fn endless() -> Order {
    Order::free(100_000)
}

#[test]
fn a_job_ends_with_a_model_in_a_file() {
    let mut desk = Desk::new();
    let job = desk.job(&Order::free(2));
    desk.start(&job);
    assert_eq!(desk.begun(), 25);
    let Some(FromWorker::Result { job: id, model, trace: None, trace_file: None }) = desk.news()
    else {
        panic!("no result")
    };
    assert_eq!(id, job.id());
    let file = desk.folder.path().join("results").join(id.to_string());
    assert_eq!(Blob::of(&std::fs::read(file).unwrap()), model);
}

#[test]
fn a_process_lives_as_long_as_its_input() {
    let mut desk = Desk::new();
    drop(desk.input.take());
    assert_eq!(desk.news(), None);
    assert!(desk.ended().success());
}

#[test]
fn a_process_whose_node_dies_leaves_a_checkpoint() {
    let mut desk = Desk::new();
    let job = desk.job(&endless());
    desk.start(&job);
    desk.begun();
    drop(desk.input.take());
    assert_eq!(desk.news(), Some(FromWorker::Paused(job.id())));
    assert_eq!(desk.news(), None);
    assert!(desk.ended().success());
    assert!(desk.has_checkpoint(&job.id()));
}

#[test]
fn a_signal_to_end_is_heeded_at_the_next_step() {
    let mut desk = Desk::new();
    let job = desk.job(&endless());
    desk.start(&job);
    desk.begun();
    let process = Pid::from_child(&desk.child);
    kill_process(process, Signal::TERM).unwrap();
    assert_eq!(desk.news(), Some(FromWorker::Paused(job.id())));
    assert!(desk.ended().success());
    assert!(desk.has_checkpoint(&job.id()));
}

#[test]
fn a_job_that_is_cancelled_says_so_and_the_next_one_begins() {
    let mut desk = Desk::new();
    let job = desk.job(&endless());
    desk.start(&job);
    desk.begun();
    // Meant for another job.
    desk.tell(&ToWorker::Pause(Order::free(1).job(None).id()));
    desk.tell(&ToWorker::Cancel(job.id()));
    let failure = Failure::Cancelled;
    assert_eq!(desk.news(), Some(FromWorker::Failure { job: job.id(), failure }));
    let next = desk.job(&Order::free(1));
    desk.start(&next);
    assert!(matches!(desk.news(), Some(FromWorker::Result { job, .. }) if job == next.id()));
}

#[test]
fn a_process_speaks_every_second_and_of_its_checkpoints() {
    let mut desk = Desk::new();
    let job = desk.job(&endless());
    desk.start(&job);
    let (mut heartbeats, mut checkpoints) = (0, 0);
    while heartbeats < 2 || checkpoints < 1 {
        match desk.hear().unwrap() {
            FromWorker::Heartbeat => heartbeats += 1,
            FromWorker::Checkpoint { job: id, step } => {
                assert!(id == job.id() && step > 0);
                checkpoints += 1;
            }
            FromWorker::Progress { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_a_job_may_take_is_kept_to() {
    let mut desk = Desk::new();
    let job = desk.job(&endless());
    let small = Job { limits: Limits { memory_bytes: 1_000, ..job.limits }, ..job.clone() };
    let failure = desk.failure(&small);
    assert!(matches!(failure, Failure::OutOfMemory { capacity_bytes: 1_000, .. }), "{failure}");
    let short = Job { limits: Limits { time_limit_s: 0, ..job.limits }, ..job };
    assert_eq!(desk.failure(&short), Failure::TimeLimit { time_limit_s: 0 });
}

#[test]
fn data_that_is_missing_or_too_short_is_a_failure() {
    let mut desk = Desk::new();
    let order = Order::free(1);
    let gone = order.job(Some(Path::new("/nowhere")));
    assert!(matches!(desk.failure(&gone), Failure::Unavailable { .. }));
    assert!(matches!(desk.failure(&order.job(None)), Failure::Unavailable { .. }));
    let mut other = order.job(None);
    let path = desk.folder.path().join("short");
    std::fs::write(&path, b"short").unwrap();
    let blob = Blob::of(b"short");
    other.specification.data.train.root.0 = blob.root;
    other.data[0].blob = blob;
    other.data[0].path = Some(path.to_str().unwrap().to_owned());
    let failure = desk.failure(&other);
    assert!(matches!(failure, Failure::BadData { .. }), "{failure}");
}

#[test]
fn a_node_that_is_not_understood_is_left() {
    let garbage: [&[u8]; 3] = [&[0xff; 8], &[3, 0, 0, 0, 1, 0, 9], &[2, 0, 0, 0, 7, 0]];
    for bytes in garbage {
        let mut desk = Desk::new();
        desk.input.as_mut().unwrap().write_all(bytes).unwrap();
        assert_eq!(desk.news(), None);
        assert_eq!(desk.ended().code(), Some(1));
    }
}
