//! What a command prints: text for people, or one JSON object for machines.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::CommandError;

/// Where a command's result goes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON when `json`.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a machine reads.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person watches, so that progress is worth drawing.
    pub fn is_live(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Prints the result of a command.
    ///
    /// # Errors
    /// [`CommandError::Print`] when standard output is closed.
    pub fn result(self, value: &impl Serialize, text: &str) -> Result<(), CommandError> {
        if self.json {
            let line = serde_json::to_string(value)
                .map_err(|source| CommandError::Print { source: source.into() })?;
            return self.line(&line);
        }
        self.line(text)
    }

    /// Prints one line.
    ///
    /// # Errors
    /// [`CommandError::Print`] when standard output is closed.
    pub fn line(self, text: &str) -> Result<(), CommandError> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(|source| CommandError::Print { source })
    }

    /// Tells a person how it goes; a machine is told nothing.
    pub fn note(self, text: &str) {
        if !self.json {
            // A closed terminal must not end the work behind it.
            drop(writeln!(std::io::stderr(), "{text}"));
        }
    }

    /// Draws how far something of `length` steps is, for a person who watches.
    pub fn progress(self, length: u64, template: &str) -> ProgressBar {
        let target = if self.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let progress = ProgressBar::with_draw_target(Some(length), target);
        match ProgressStyle::with_template(template) {
            Ok(style) => progress.with_style(style),
            Err(_) => progress,
        }
    }

    /// Prints an error and returns its exit code.
    pub fn fail(self, error: &CommandError) -> ExitCode {
        let sentence = sentence(error);
        if self.json {
            let object = json!({ "error": sentence, "kind": error.kind() });
            drop(self.line(&object.to_string()));
        } else {
            drop(writeln!(std::io::stderr(), "error: {sentence}"));
        }
        ExitCode::from(error.exit_code())
    }
}

/// The error with all its causes, each said once.
pub(super) fn sentence(error: &CommandError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}
