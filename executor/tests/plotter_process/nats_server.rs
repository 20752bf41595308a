//! The real `nats-server` of Debian, on a free port of this machine only.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What plotting needs.
pub(crate) const PLOTTING_PAYLOAD: usize = 2 << 20;
/// What `nats-server` has when nobody says otherwise.
pub(crate) const DEFAULT_PAYLOAD: usize = 1 << 20;

const READY_DEADLINE: Duration = Duration::from_secs(30);

/// A server that ends when it is dropped.
pub(crate) struct NatsServer {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl NatsServer {
    /// Starts a server; a machine without one fails the test.
    pub(crate) fn start(max_payload: usize) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = TempDir::new().unwrap();
        let child = configure_and_spawn(&folder, port, max_payload);
        Self { folder, port, child }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server and starts it again in the same place, with this limit.
    pub(crate) fn restart(&mut self, max_payload: usize) {
        self.kill();
        self.child = configure_and_spawn(&self.folder, self.port, max_payload);
    }

    /// Ends the server; once more does no harm.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn configure_and_spawn(folder: &TempDir, port: u16, max_payload: usize) -> Child {
    let configuration = format!("listen: \"127.0.0.1:{port}\"\nmax_payload: {max_payload}\n");
    std::fs::write(folder.path().join("nats.conf"), configuration).unwrap();
    spawn(folder)
}

fn spawn(folder: &TempDir) -> Child {
    let mut child = Command::new("nats-server")
        .arg("-c")
        .arg(folder.path().join("nats.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nats-server can be started: Debian's package nats-server has it");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let start = Instant::now();
    let is_ready = lines.by_ref().map_while(Result::ok).any(|line| {
        assert!(start.elapsed() < READY_DEADLINE, "nats-server takes too long: {line}");
        line.contains("Server is ready")
    });
    assert!(is_ready, "nats-server ended before it was ready");
    // Somebody has to read what it says, lest it stops.
    std::thread::spawn(move || lines.count());
    child
}
