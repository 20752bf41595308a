//! A participant as a process of its own: started, listened to, killed and started again.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a child may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line of a child that is looked at.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What a node says on its standard output with `--json`, a line each.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Said {
    /// It takes part from now on.
    Ready {
        /// Its JSON-RPC endpoint.
        rpc: String,
        /// Where its network listens.
        addresses: Vec<String>,
    },
    /// A training has come to this step.
    Training {
        /// Which order.
        order: String,
        /// Steps done.
        step: u64,
        /// Steps in all.
        step_count: u64,
        /// Mean loss of the step in nats.
        loss: f32,
    },
}

/// Something that a child process did.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Which participant, by its place in the scenario.
    pub participant: usize,
    /// What it said; `None` when it ended.
    pub said: Option<Said>,
}

/// How a child is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where its standard error goes.
    pub log_file: PathBuf,
}

/// Why a child could not be handled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// The program did not start.
    #[error("starting {program} failed")]
    Start {
        /// Which program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log file could not be opened.
    #[error("opening the log {path} failed")]
    Log {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The process could not be killed.
    #[error("killing process {id:?} failed")]
    Kill {
        /// Its number, while it has one.
        id: Option<u32>,
        /// Why.
        source: std::io::Error,
    },
}

/// A participant's process.
#[derive(Debug)]
pub struct Process {
    participant: usize,
    launch: Launch,
    reports: mpsc::Sender<Report>,
    child: Child,
}

impl Process {
    /// Starts the process; what it says arrives at `reports`.
    ///
    /// # Errors
    /// [`ChildError`] when it does not start.
    pub fn start(
        participant: usize,
        launch: Launch,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, ChildError> {
        let child = spawn(participant, &launch, &reports)?;
        Ok(Self { participant, launch, reports, child })
    }

    /// Kills the process with SIGKILL, waits for its end and starts it again in the same folder.
    ///
    /// # Errors
    /// [`ChildError`] when it cannot be killed or does not start again.
    pub async fn kill_and_restart(&mut self) -> Result<(), ChildError> {
        self.kill().await?;
        self.child = spawn(self.participant, &self.launch, &self.reports)?;
        Ok(())
    }

    /// Kills the process with SIGKILL and waits for its end.
    ///
    /// # Errors
    /// [`ChildError::Kill`] when that fails.
    pub async fn kill(&mut self) -> Result<(), ChildError> {
        let id = self.child.id();
        self.child.kill().await.map_err(|source| ChildError::Kill { id, source })
    }

    /// Asks the process to end, and kills it when it does not.
    ///
    /// # Errors
    /// [`ChildError::Kill`] when even that fails.
    pub async fn stop(&mut self) -> Result<(), ChildError> {
        let process = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let is_asked = process.is_some_and(|process| kill_process(process, Signal::TERM).is_ok());
        if is_asked && timeout(PATIENCE, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.kill().await
    }
}

fn spawn(
    participant: usize,
    launch: &Launch,
    reports: &mpsc::Sender<Report>,
) -> Result<Child, ChildError> {
    let log = std::fs::File::options().create(true).append(true).open(&launch.log_file);
    let log = log.map_err(|source| ChildError::Log { path: launch.log_file.clone(), source })?;
    let mut child = Command::new(&launch.program)
        .args(&launch.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| ChildError::Start { program: launch.program.clone(), source })?;
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(listen(participant, stdout, reports.clone()));
    }
    Ok(child)
}

/// Passes on every line that is understood, and the end of the process.
async fn listen(participant: usize, stdout: ChildStdout, reports: mpsc::Sender<Report>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some(said) = understand(&line) else { continue };
        // When nobody listens any more the lines are still read, so that the child is not stopped by them.
        drop(reports.send(Report { participant, said: Some(said) }).await);
    }
    drop(reports.send(Report { participant, said: None }).await);
}

fn understand(line: &str) -> Option<Said> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    serde_json::from_str(line).ok()
}
