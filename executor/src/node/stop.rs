//! The end of a node: asked for, or forced on it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::intake::follow::IntakeError;

/// Why a node does not act any more.
#[derive(Clone, Debug)]
pub enum StopReason {
    /// Somebody asked for it.
    Requested,
    /// It cannot go on, see the error.
    Failed(Arc<IntakeError>),
}

impl fmt::Display for StopReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => formatter.write_str("it was asked to"),
            Self::Failed(error) => error.fmt(formatter),
        }
    }
}

/// The switch that ends everything. Clones are the same switch.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<Option<StopReason>>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Ends everything; the first reason stays.
    pub(crate) fn set(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(reason);
            is_first
        });
    }

    /// The reason, once there is one.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        self.0.borrow().clone()
    }

    /// Waits for the end.
    pub(crate) async fn wait(&self) -> StopReason {
        let mut receiver = self.0.subscribe();
        let stopped = receiver.wait_for(Option::is_some).await;
        // The sender lives as long as this switch.
        stopped.ok().and_then(|reason| reason.clone()).unwrap_or(StopReason::Requested)
    }
}
