//! A named file or blob, read in pieces.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::{ImportError, Place, Problem};

/// Bytes read from the disk at a time.
const PIECE_BYTES: usize = 1 << 16;

/// What bytes can come from: a file, or the verified bytes of a blob.
pub trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

/// An open file and what errors call it.
pub struct Input {
    name: String,
    reader: BufReader<Box<dyn Seekable>>,
    byte_count: u64,
}

impl Input {
    /// A file from its beginning.
    ///
    /// # Errors
    /// [`ImportError`] when its length cannot be told.
    pub fn new(
        name: impl Into<String>,
        mut reader: impl Seekable + 'static,
    ) -> Result<Self, ImportError> {
        let name = name.into();
        let length = reader.seek(SeekFrom::End(0)).and_then(|end| reader.rewind().map(|()| end));
        let byte_count = length.map_err(|source| ImportError {
            file: name.clone(),
            place: Place::Whole,
            problem: Problem::Read { source },
        })?;
        let reader: Box<dyn Seekable> = Box::new(reader);
        Ok(Self { name, reader: BufReader::with_capacity(PIECE_BYTES, reader), byte_count })
    }

    /// What errors call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of the file.
    pub fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// An error of this file.
    pub(super) fn error(&self, place: Place, problem: Problem) -> ImportError {
        ImportError { file: self.name.clone(), place, problem }
    }

    /// Fills the bytes of a header, or says how many are missing.
    pub(super) fn header(&mut self, bytes: &mut [u8]) -> Result<(), ImportError> {
        let offset = self.position()?;
        match self.reader.read_exact(bytes) {
            Ok(()) => Ok(()),
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                let expected = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let found = self.byte_count.saturating_sub(offset);
                Err(self.error(Place::Offset(offset), Problem::Truncated { expected, found }))
            }
            Err(source) => Err(self.error(Place::Offset(offset), Problem::Read { source })),
        }
    }

    /// Where the next byte lies.
    pub(super) fn position(&mut self) -> Result<u64, ImportError> {
        let position = self.reader.stream_position();
        position.map_err(|source| self.error(Place::Whole, Problem::Read { source }))
    }

    /// Goes to a byte.
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), ImportError> {
        let sought = self.reader.seek(SeekFrom::Start(offset));
        let failed = |source| self.error(Place::Offset(offset), Problem::Read { source });
        sought.map(drop).map_err(failed)
    }

    /// Reads up to the end of a line, with it, but no more than one byte over `max`; nothing at the end.
    pub(super) fn line(&mut self, max: u64, line: &mut Vec<u8>) -> io::Result<usize> {
        line.clear();
        self.reader.by_ref().take(max.saturating_add(1)).read_until(b'\n', line)
    }

    /// Reads up to `max` bytes more behind those that are there.
    pub(super) fn append(&mut self, max: u64, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.reader.by_ref().take(max).read_to_end(bytes)
    }

    /// The name and what is left to read.
    pub(super) fn into_parts(self) -> (String, BufReader<Box<dyn Seekable>>) {
        (self.name, self.reader)
    }

    /// The same bytes under a longer name, as that of an array in the file.
    pub(super) fn renamed(self, part: &str) -> Self {
        Self { name: format!("{}, {part}", self.name), ..self }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}
