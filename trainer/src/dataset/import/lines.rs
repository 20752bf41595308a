//! Lines of a file, one in memory at a time; `\n` or `\r\n` at the end of a line.

use super::{ImportError, Input, Place, Problem};

/// Longest line: 65,536 features of 63 characters.
pub(super) const LINE_BYTES_MAX: u64 = 1 << 22;

/// The lines of a file.
#[derive(Debug)]
pub(super) struct Lines {
    input: Input,
    number: u64,
    byte_count: u64,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(input: Input) -> Self {
        Self { input, number: 0, byte_count: 0, line: Vec::new() }
    }

    /// Reads the next line; false behind the last one.
    ///
    /// # Errors
    /// [`Problem::TooLong`] for a line that is too long, [`Problem::Read`] when the disk fails.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        let read = self.input.line(LINE_BYTES_MAX, &mut self.line);
        self.number = self.number.saturating_add(1);
        let place = Place::Line(self.number);
        let found = match read {
            Ok(0) => return Ok(false),
            Ok(found) => u64::try_from(found).unwrap_or(u64::MAX),
            Err(source) => return Err(self.input.error(place, Problem::Read { source })),
        };
        self.byte_count = self.byte_count.saturating_add(found);
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if found > LINE_BYTES_MAX {
            return Err(self.input.error(place, Problem::TooLong { found, max: LINE_BYTES_MAX }));
        }
        Ok(true)
    }

    /// The line that was read, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        self.input.name()
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.byte_count, self.input.byte_count())
    }

    pub(super) fn error(&self, place: Place, problem: Problem) -> ImportError {
        self.input.error(place, problem)
    }
}
