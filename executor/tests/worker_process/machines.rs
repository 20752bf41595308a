//! Other machines of the provider: `aipot worker --nats` as processes with folders of their own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::orders::DEADLINE;
use crate::streams::StreamServer;

/// A machine that ends when it is dropped.
pub(crate) struct Machine {
    child: Child,
    events: Receiver<Value>,
    pub(crate) folder: TempDir,
}

impl Machine {
    pub(crate) fn start(server: &StreamServer) -> Self {
        Self::with(server, &["--processes", "false"])
    }

    pub(crate) fn with(server: &StreamServer, arguments: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_aipot"))
            .args(["--json", "worker", "--threads", "1", "--nats", &server.url(), "--folder"])
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            let said = lines.map_while(Result::ok);
            said.map(|line| serde_json::from_str(&line).unwrap())
                .try_for_each(|event| sender.send(event))
                .unwrap_or_default();
        });
        Self { child, events, folder }
    }

    /// Waits until it says that something happened.
    pub(crate) fn says(&self, event: &str) -> Value {
        loop {
            let said = self.events.recv_timeout(DEADLINE);
            let said = said.unwrap_or_else(|_| panic!("a machine never said {event}"));
            if said["event"] == event {
                return said;
            }
        }
    }

    /// Whether it has said that something happened, since it was last listened to.
    pub(crate) fn has_said(&self, event: &str) -> bool {
        self.events.try_iter().any(|said| said["event"] == event)
    }

    /// Kills it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
