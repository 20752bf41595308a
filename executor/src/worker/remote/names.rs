//! What everything is called on the server: one word in common, and fixed words around it.

use std::fmt;
use std::str::FromStr;

use aipot_domain_runtime::primitives::OrderId;

use crate::worker::protocol::JobId;

/// The word when none is given.
pub const STREAM_DEFAULT: &str = "aipot";

/// Longest word.
const WORD_BYTES_MAX: usize = 32;

/// The word that a provider and its workers have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamName(String);

/// A text is no such word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a stream is named by 1 to {WORD_BYTES_MAX} letters, digits, - and _")]
pub struct UnknownStream;

impl FromStr for StreamName {
    type Err = UnknownStream;

    fn from_str(text: &str) -> Result<Self, UnknownStream> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let has_length = (1..=WORD_BYTES_MAX).contains(&text.len());
        if has_length && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(UnknownStream)
    }
}

impl Default for StreamName {
    fn default() -> Self {
        Self(STREAM_DEFAULT.to_owned())
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is said on a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Topic {
    Jobs,
    Results,
    Control,
    Progress,
}

impl StreamName {
    /// The stream or bucket for something.
    pub(super) fn stream(&self, what: &str) -> String {
        format!("{self}_{what}")
    }

    /// The subject of one job.
    pub(super) fn subject(&self, topic: Topic, job: &JobId) -> String {
        format!("{}{job}", self.prefix(topic))
    }

    /// The subjects of all jobs of an order.
    pub(super) fn subjects_of(&self, topic: Topic, order: &OrderId) -> String {
        format!("{}{order}.*", self.prefix(topic))
    }

    /// The subjects of all jobs.
    pub(super) fn subjects(&self, topic: Topic) -> String {
        format!("{}*.*", self.prefix(topic))
    }

    /// What stands before the name of a job.
    pub(super) fn prefix(&self, topic: Topic) -> String {
        let topic = match topic {
            Topic::Jobs => "jobs",
            Topic::Results => "results",
            Topic::Control => "control",
            Topic::Progress => "progress",
        };
        format!("aipot.{self}.{topic}.")
    }
}
