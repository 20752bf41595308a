//! Work on other machines of the same provider, through the streams of a NATS server.
//!
//! The provider's node puts jobs into a work queue. A worker takes one under a lease that it renews while it
//! trains; when it dies the server gives the job to another one, which goes on from the last checkpoint.
//! A result is accepted once for each job. Files travel through an object store, by their BLAKE3 root.

mod exchange;
mod names;
mod provider;
mod worker;

pub use names::{STREAM_DEFAULT, StreamName, UnknownStream};
pub use provider::RemoteProvider;
pub use worker::{JobFate, RemoteWorker, RemoteWorkerSettings, WorkerEvent};

use std::path::PathBuf;
use std::time::Duration;

use super::durable::FileError;
use super::protocol::WireError;

/// How a provider and its workers find each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteSettings {
    /// NATS servers, as `nats://HOST:PORT` or `tls://HOST:PORT`; the next is tried when one does not answer.
    pub servers: Vec<String>,
    /// The file with which the servers know this client, if they ask for one.
    pub credentials: Option<PathBuf>,
    /// What provider and workers have in common.
    pub stream: StreamName,
    /// How long a worker may be silent before its job is given to another one.
    pub lease: Duration,
    /// How often everything is looked at that should have been heard of.
    pub poll: Duration,
    /// Workers that may begin a job and not end it.
    pub tries_max: u32,
}

impl RemoteSettings {
    /// The usual settings for these servers.
    pub fn new(servers: Vec<String>, stream: StreamName) -> Self {
        Self {
            servers,
            credentials: None,
            stream,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(5),
            tries_max: 5,
        }
    }
}

/// What went wrong between a provider and its workers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// No server is named.
    #[error("no NATS server is named")]
    NoServer,
    /// The credentials cannot be read.
    #[error("the credentials for the NATS server cannot be read from {}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// No server can be reached.
    #[error(
        "no connection to the NATS server at {servers}: is it running, and is the address right?"
    )]
    Connect {
        /// Where it was sought.
        servers: String,
        /// What happened.
        source: async_nats::ConnectError,
    },
    /// The server does not do what it is asked.
    #[error("the NATS server cannot {action} (JetStream must be enabled there)")]
    Server {
        /// What it was asked.
        action: &'static str,
        /// What happened.
        source: async_nats::Error,
    },
    /// A message cannot be understood.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A file is larger than it can be.
    #[error("the file {name} has {byte_count} bytes, at most {bytes_max} are possible")]
    TooLarge {
        /// Which file.
        name: String,
        /// Its bytes.
        byte_count: u64,
        /// What is possible.
        bytes_max: u64,
    },
    /// A file is not there.
    #[error("the file {name} is not there")]
    Missing {
        /// Which file.
        name: String,
    },
    /// A file is not what its name says.
    #[error("the file {name} holds other bytes")]
    OtherBytes {
        /// Which file.
        name: String,
    },
    /// A file cannot be read or written.
    #[error("the file {name} cannot be transferred")]
    Transfer {
        /// Which file.
        name: String,
        /// What happened.
        source: std::io::Error,
    },
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] FileError),
    /// A thread was broken off.
    #[error("a thread was broken off")]
    Thread(#[from] tokio::task::JoinError),
    /// The folder of data cannot be used.
    #[error(transparent)]
    Artefact(#[from] crate::store::artefacts::ArtefactError),
}
