//! Why a plotter, or one of its sectors, came to nothing.

use std::path::PathBuf;

use aipot_kernels::plotting::{PlanError, SectorError};

use super::pieces::PieceSourceError;
use super::responses::ResponseError;
use super::wire::WireError;
use crate::worker::WorkerError;

/// Why a plotter does not serve, or serves no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotterError {
    /// The settings cannot be meant.
    #[error("{setting} is {value:?}, must be {allowed}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The credentials cannot be read.
    #[error("the credentials for the NATS server cannot be read from {path}")]
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
    /// The server does not let messages through that the cluster needs.
    #[error(
        "the NATS server allows messages of {max_payload} bytes, plotting needs {needed}: in the configuration of nats-server set max_payload to at least 2MB (\"max_payload: 2097152\") and restart it"
    )]
    PayloadLimit {
        /// What it allows.
        max_payload: usize,
        /// What is needed.
        needed: usize,
    },
    /// A subscription failed.
    #[error("cannot listen on {subject}")]
    Subscribe {
        /// To what.
        subject: String,
        /// What happened.
        source: async_nats::SubscribeError,
    },
    /// The connection is closed for good.
    #[error("the connection to the NATS server is closed for good")]
    Closed,
}

/// Why a farmer does not get a sector. What a farmer is told is the text of this and of its sources.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("the request is not understood")]
    Request(#[source] WireError),
    #[error("there is no such sector")]
    Plan(#[from] PlanError),
    #[error("the pieces cannot be had")]
    Pieces(#[from] PieceSourceError),
    #[error("the sector cannot be encoded")]
    Sector(#[from] SectorError),
    #[error("the sector cannot be encoded")]
    Worker(#[from] WorkerError),
    #[error("only {done_count} records are encoded")]
    Unfinished { done_count: usize },
    #[error("a part of the plotter broke off")]
    BrokenOff(#[from] tokio::task::JoinError),
    #[error("the sector ended after {sent} of {expected} bytes")]
    CutShort { sent: usize, expected: usize },
    #[error("the farmer cannot be told")]
    Farmer(#[from] ResponseError),
    #[error("the plotter is being stopped")]
    Stopping,
}

impl SessionError {
    /// Its kind, as it is counted.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Plan(_) => "plan",
            Self::Pieces(_) => "pieces",
            Self::Sector(_)
            | Self::Worker(_)
            | Self::Unfinished { .. }
            | Self::BrokenOff(_)
            | Self::CutShort { .. } => "encoding",
            Self::Farmer(_) => "farmer",
            Self::Stopping => "stopped",
        }
    }

    /// What a farmer is told.
    pub(super) fn told(&self) -> String {
        let mut told = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            told.push_str(": ");
            told.push_str(&error.to_string());
            source = error.source();
        }
        told
    }
}
