//! The real `nats-server` of Debian with streams, on a free port of this machine only.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aipot_executor::worker::remote::{RemoteSettings, StreamName};
use async_nats::jetstream::stream::Stream;
use tempfile::TempDir;

const READY_DEADLINE: Duration = Duration::from_secs(30);

/// A server that ends when it is dropped.
pub(crate) struct StreamServer {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl StreamServer {
    /// Starts a server; a machine without one fails the test.
    pub(crate) fn start() -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = TempDir::new().unwrap();
        let child = spawn(&folder, port);
        Self { folder, port, child }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A provider's settings: a worker that is silent for two seconds counts as dead.
    pub(crate) fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            lease: Duration::from_secs(2),
            poll: Duration::from_millis(500),
            tries_max: 3,
            ..RemoteSettings::new(vec![self.url()], StreamName::default())
        }
    }

    /// One of the two streams, as anybody with the server's address sees it.
    pub(crate) async fn stream(&self, what: &str) -> Stream {
        let client = async_nats::connect(self.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        context.get_stream(format!("aipot_{what}")).await.unwrap()
    }

    /// Messages in one of the streams.
    pub(crate) async fn count(&self, what: &str) -> u64 {
        self.stream(what).await.cached_info().state.messages
    }

    /// Waits until one of the streams is there and has a message.
    pub(crate) async fn has(&self, what: &str) {
        let client = async_nats::connect(self.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        loop {
            if let Ok(stream) = context.get_stream(format!("aipot_{what}")).await
                && stream.cached_info().state.messages > 0
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the server and starts it again in the same place.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.port);
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for StreamServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &TempDir, port: u16) -> Child {
    let streams = folder.path().join("streams");
    let configuration =
        format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: {streams:?} }}\n");
    std::fs::write(folder.path().join("nats.conf"), configuration).unwrap();
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
