//! One process that works for this node: started, told things, listened to, ended.

use std::io::{self, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::ProcessSettings;
use crate::worker::protocol::{
    FrameError, FromWorker, ToWorker, WireError, decode_from_worker, encode, read_frame,
    write_frame,
};

/// Messages that wait to be looked at; a process that says more is waited for.
const MESSAGES_MAX: usize = 64;

/// How long a process may take from closing its pipes to its end...
const ENDING_MAX: Duration = Duration::from_secs(1);
/// ...and how often it is looked at meanwhile.
const ENDING_TICK: Duration = Duration::from_millis(5);

/// What this program is called where programs are listed.
const NAME: &str = "aipot";

/// Why a process can no longer be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Death {
    #[error("the worker cannot be started: {source}")]
    Start { source: io::Error },
    #[error("the worker has ended: {status}")]
    Ended { status: String, is_by_system: bool },
    #[error("the worker has said nothing for {silent_s} s")]
    Silent { silent_s: u64 },
    #[error("the worker did not stop within {waited_s} s")]
    Deaf { waited_s: u64 },
    #[error("the worker cannot be understood: {0}")]
    Wire(#[from] WireError),
    #[error("the worker cannot be understood: {0}")]
    Frame(#[from] FrameError),
    #[error("the worker's model cannot be read: {source}")]
    Pipe { source: io::Error },
    #[error("the worker's model has {byte_count} bytes, at most {bytes_max} are possible")]
    TooLarge { byte_count: u64, bytes_max: u64 },
    #[error("the worker's model in {} is not the one that it announced", path.display())]
    OtherResult { path: PathBuf },
}

impl Death {
    /// Whether something outside this node killed the process, as the system does when memory is short.
    pub(super) fn is_by_system(&self) -> bool {
        matches!(self, Self::Ended { is_by_system: true, .. })
    }
}

/// What was read from a process.
type Received = Result<Vec<u8>, FrameError>;

/// A process, which ends when this value does.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    input: Option<ChildStdin>,
    messages: Receiver<Received>,
    heard: Instant,
}

/// The program that runs here, also after its file was replaced by a newer one.
pub(super) fn this_program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

impl Child {
    pub(super) fn start(settings: &ProcessSettings) -> Result<Self, Death> {
        let started = |source| Death::Start { source };
        let mut command = Command::new(&settings.program);
        command
            .args(["worker", "--stdio", "--device", &settings.device.to_string(), "--folder"])
            .arg(&settings.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        own_group(&mut command);
        let mut process = command.spawn().map_err(started)?;
        let pipes = (process.stdin.take(), process.stdout.take());
        let (Some(input), Some(output)) = pipes else {
            return Err(started(io::Error::other("it has no pipes")));
        };
        tracing::debug!(process = process.id(), "a worker is started");
        let (sender, messages) = sync_channel(MESSAGES_MAX);
        std::thread::Builder::new()
            .name("aipot worker pipe".into())
            .spawn(move || read(output, &sender))
            .map_err(started)?;
        Ok(Self { process, input: Some(input), messages, heard: Instant::now() })
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn is_alive(&mut self) -> bool {
        // What it still said about its last job is of no interest any more.
        while self.messages.try_recv().is_ok() {}
        self.heard = Instant::now();
        matches!(self.process.try_wait(), Ok(None))
    }

    pub(super) fn tell(&mut self, message: &ToWorker) -> Result<(), Death> {
        let bytes = encode(message)?;
        let Some(input) = self.input.as_mut() else { return Err(self.ended()) };
        // A broken pipe only tells that it has ended; why is more useful.
        write_frame(input, &bytes).map_err(|_| self.ended())
    }

    /// The next message, `None` when there is none within `tick`.
    pub(super) fn next(
        &mut self,
        tick: Duration,
        silence_max: Duration,
    ) -> Result<Option<FromWorker>, Death> {
        match self.messages.recv_timeout(tick) {
            Ok(received) => {
                self.heard = Instant::now();
                Ok(Some(decode_from_worker(&received?)?))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(RecvTimeoutError::Timeout) if self.heard.elapsed() > silence_max => {
                Err(Death::Silent { silent_s: self.heard.elapsed().as_secs() })
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }

    /// Ends the process, and says how it had ended if it was dead already.
    fn ended(&mut self) -> Death {
        drop(self.input.take());
        // Its pipes are closed, so it is about to end or of no use.
        let until = Instant::now() + ENDING_MAX;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::park_timeout(ENDING_TICK);
        }
        // Why nobody reads what it writes any more is more useful than how it took that.
        while let Ok(received) = self.messages.try_recv() {
            if let Err(error @ FrameError::TooLong { .. }) = received {
                return Death::Frame(error);
            }
        }
        if let Ok(Some(status)) = self.process.try_wait() {
            let is_by_system = status.signal() == Some(Signal::KILL.as_raw());
            return Death::Ended { status: status.to_string(), is_by_system };
        }
        let status = match self.process.kill().and_then(|()| self.process.wait()) {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Death::Ended { status, is_by_system: false }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(process = self.process.id(), %error, "a worker could not be ended");
        }
    }
}

/// A key that interrupts the node in its terminal is the node's business: it stops its workers itself.
fn own_group(command: &mut Command) {
    command.arg0(NAME).process_group(0);
}

/// Reads until the pipe ends or nobody listens.
fn read(output: ChildStdout, messages: &SyncSender<Received>) {
    let mut output = BufReader::new(output);
    loop {
        let received = match read_frame(&mut output) {
            Ok(None) => return,
            Ok(Some(frame)) => Ok(frame),
            Err(error) => Err(error),
        };
        let is_broken = received.is_err();
        if messages.send(received).is_err() || is_broken {
            return;
        }
    }
}
