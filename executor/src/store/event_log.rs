//! What a role has done and promised, in order: an append-only file from which it resumes.
//!
//! ```text
//! magic (16 bytes), then for each event:
//! length of payload (u32) | kind (u8) | payload | check (16 bytes)
//! ```
//!
//! The check is a keyed BLAKE3 hash over the event's sequence number and everything before it. An
//! event is durable before its sequence number is returned, so a crash can tear only the event
//! being written: a torn tail is cut at the next start. Damage anywhere else is an error, because
//! cutting there would lose events that were promised to be kept.

mod file;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use file::LogFile;

/// Longest payload: as much as a bundle, the largest thing a role sends at once.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// Begins each file and names the format.
const MAGIC: &[u8; 16] = b"aipot event log1";

/// Separates checks from all other hashes.
const CHECK_CONTEXT: &str = "aipot 2026 event log check";

const HEAD_BYTES: usize = 4 + 1;
const CHECK_BYTES: usize = 16;

/// Longest record in the file.
const RECORD_BYTES_MAX: u64 = (HEAD_BYTES + EVENT_BYTES_MAX + CHECK_BYTES) as u64;

/// Of every how many events the position is remembered: replaying skips at most this many.
const INDEX_STEP: u64 = 256;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// The disk refused; earlier events are untouched and the call can be repeated.
    #[error("cannot {action} event log {}: {source}", path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("event log {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no event log, or one of another format.
    #[error("{} is no event log", path.display())]
    NoLog {
        /// The file.
        path: PathBuf,
    },
    /// An event that was durable is damaged.
    #[error("event {sequence} at byte {offset} of event log {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Number of the event.
        sequence: u64,
        /// Where it begins.
        offset: u64,
    },
    /// The payload is too long.
    #[error("event has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit, [`EVENT_BYTES_MAX`].
        bytes_max: usize,
    },
}

impl EventLogError {
    /// Whether the disk is full, so that the same call can succeed once space is freed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its number, from 0 on without gaps.
    pub sequence: u64,
    /// What the writer says it is.
    pub kind: u8,
    /// Its content.
    pub payload: Vec<u8>,
}

/// Where the next event goes.
#[derive(Debug)]
struct End {
    offset: u64,
    sequence: u64,
    /// Positions of events 0, [`INDEX_STEP`], 2 x [`INDEX_STEP`] and so on.
    index: Vec<u64>,
    /// A failed write may have left something behind the last event.
    is_untidy: bool,
}

/// An event log. It may be shared between threads.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: Arc<dyn LogFile>,
    end: Mutex<End>,
    cut_bytes: u64,
}

impl EventLog {
    /// Opens the log at `path`, or begins one there, and cuts a tail torn by a crash.
    ///
    /// # Errors
    /// [`EventLogError::InUse`], [`EventLogError::NoLog`], [`EventLogError::Damaged`], or
    /// [`EventLogError::Disk`] when the disk refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EventLogError> {
        let path = path.as_ref().to_path_buf();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(disk("open", &path))?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => EventLogError::InUse { path: path.clone() },
            std::fs::TryLockError::Error(source) => disk("lock", &path)(source),
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk("create", &path))?;
        Self::on(Arc::new(file), path)
    }

    fn on(file: Arc<dyn LogFile>, path: PathBuf) -> Result<Self, EventLogError> {
        let length = file.len().map_err(disk("read", &path))?;
        begin(&*file, length, &path)?;
        let offset = MAGIC.len() as u64;
        let end = End { offset, sequence: 0, index: Vec::new(), is_untidy: false };
        let mut log = Self { path, file, end: Mutex::new(end), cut_bytes: 0 };
        log.cut_bytes = log.find_end(length.max(offset))?;
        Ok(log)
    }

    /// How many bytes of a torn event were cut when the log was opened.
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Number of the next event: how many there are.
    pub fn next_sequence(&self) -> u64 {
        self.end().sequence
    }

    /// Appends an event and returns its number once it is durable.
    ///
    /// # Errors
    /// [`EventLogError::TooLong`], or [`EventLogError::Disk`] when the disk refuses: the event is
    /// then not in the log, earlier ones are, and the same call can be repeated.
    pub fn append(&self, kind: u8, payload: &[u8]) -> Result<u64, EventLogError> {
        let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= EVENT_BYTES_MAX);
        let too_long = EventLogError::TooLong { bytes: payload.len(), bytes_max: EVENT_BYTES_MAX };
        let length = length.ok_or(too_long)?;

        let mut end = self.end();
        if end.is_untidy {
            self.file.set_len(end.offset).map_err(disk("tidy", &self.path))?;
        }
        let record = record(end.sequence, length, kind, payload);
        end.is_untidy = true;
        self.file.write_at(&record, end.offset).map_err(disk("append to", &self.path))?;
        self.file.sync().map_err(disk("append to", &self.path))?;
        end.is_untidy = false;
        let sequence = end.sequence;
        end.advance(record.len() as u64);
        Ok(sequence)
    }

    /// The events from number `from` on that are in the log now, in order.
    ///
    /// An error ends the iterator.
    pub fn replay(&self, from: u64) -> Replay {
        let end = self.end();
        let step = usize::try_from(from / INDEX_STEP).unwrap_or(usize::MAX);
        let start = match end.index.get(step) {
            Some(&offset) => (offset, from / INDEX_STEP * INDEX_STEP),
            None => (end.offset, end.sequence),
        };
        let (offset, sequence) = start;
        let (file, path) = (self.file.clone(), self.path.clone());
        Replay { file, path, offset, sequence, from, end_offset: end.offset }
    }

    /// Reads all events, cuts what is behind the last whole one, and returns how much that was.
    fn find_end(&self, length: u64) -> Result<u64, EventLogError> {
        let mut end = self.end();
        while end.offset < length {
            let Some(event) = self.read_at(end.offset, end.sequence)? else { break };
            end.advance(record_bytes(event.payload.len()));
        }
        let torn_bytes = length - end.offset;
        if torn_bytes == 0 {
            return Ok(0);
        }
        if !self.is_torn(end.offset, end.sequence, torn_bytes)? {
            let (path, offset, sequence) = (self.path.clone(), end.offset, end.sequence);
            return Err(EventLogError::Damaged { path, sequence, offset });
        }
        let path = self.path.display();
        tracing::warn!(%path, sequence = end.sequence, torn_bytes, "cut an event torn by a crash");
        self.file.set_len(end.offset).map_err(disk("cut", &self.path))?;
        self.file.sync().map_err(disk("cut", &self.path))?;
        Ok(torn_bytes)
    }

    /// Whether what follows `offset` can be one unfinished append, and no damaged older event.
    fn is_torn(&self, offset: u64, sequence: u64, rest: u64) -> Result<bool, EventLogError> {
        if rest > RECORD_BYTES_MAX {
            return Ok(false);
        }
        let mut head = [0; 4];
        if rest < head.len() as u64 {
            return Ok(true);
        }
        self.file.read_at(&mut head, offset).map_err(disk("read", &self.path))?;
        let claimed = u64::from(u32::from_le_bytes(head));
        let next = offset.saturating_add(claimed).saturating_add((HEAD_BYTES + CHECK_BYTES) as u64);
        // Appends wait for each other, so nothing whole can follow the one that was torn.
        Ok(self.read_at(next, sequence + 1)?.is_none())
    }

    fn read_at(&self, offset: u64, sequence: u64) -> Result<Option<LoggedEvent>, EventLogError> {
        read_event(&*self.file, offset, sequence).map_err(disk("read", &self.path))
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    /// Counts an event of `bytes` bytes at the end.
    fn advance(&mut self, bytes: u64) {
        if self.sequence.is_multiple_of(INDEX_STEP) {
            self.index.push(self.offset);
        }
        self.offset += bytes;
        self.sequence += 1;
    }
}

/// Events of a log, made by [`EventLog::replay`].
#[derive(Debug)]
pub struct Replay {
    file: Arc<dyn LogFile>,
    path: PathBuf,
    offset: u64,
    sequence: u64,
    from: u64,
    end_offset: u64,
}

impl Iterator for Replay {
    type Item = Result<LoggedEvent, EventLogError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.offset < self.end_offset {
            let (offset, sequence) = (self.offset, self.sequence);
            let event = match read_event(&*self.file, offset, sequence) {
                Ok(Some(event)) => event,
                failed => {
                    self.offset = self.end_offset;
                    let path = self.path.clone();
                    let damaged = EventLogError::Damaged { path, sequence, offset };
                    return Some(Err(failed.err().map_or(damaged, disk("read", &self.path))));
                }
            };
            self.offset += record_bytes(event.payload.len());
            self.sequence += 1;
            if event.sequence >= self.from {
                return Some(Ok(event));
            }
        }
        None
    }
}

/// Writes the magic into a file that is empty or was torn while it was begun.
fn begin(file: &dyn LogFile, length: u64, path: &Path) -> Result<(), EventLogError> {
    let mut found = [0; MAGIC.len()];
    let present = usize::try_from(length).unwrap_or(usize::MAX).min(MAGIC.len());
    let (found, absent) = found.split_at_mut(present);
    file.read_at(found, 0).map_err(disk("read", path))?;
    if !MAGIC.starts_with(found) {
        return Err(EventLogError::NoLog { path: path.to_path_buf() });
    }
    if absent.is_empty() {
        return Ok(());
    }
    file.write_at(MAGIC, 0).and_then(|()| file.sync()).map_err(disk("begin", path))
}

/// The event at `offset`, `None` when there is no whole one with this number.
fn read_event(file: &dyn LogFile, offset: u64, sequence: u64) -> io::Result<Option<LoggedEvent>> {
    let mut head = [0; HEAD_BYTES];
    if !read_or_short(file, &mut head, offset)? {
        return Ok(None);
    }
    let [l0, l1, l2, l3, kind] = head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    // Bounded before memory is taken for it.
    let Some(bytes) = usize::try_from(length).ok().filter(|bytes| *bytes <= EVENT_BYTES_MAX) else {
        return Ok(None);
    };
    let mut payload = vec![0; bytes + CHECK_BYTES];
    if !read_or_short(file, &mut payload, offset + HEAD_BYTES as u64)? {
        return Ok(None);
    }
    let found = payload.split_off(bytes);
    let is_whole = found == check(sequence, head, &payload);
    Ok(is_whole.then_some(LoggedEvent { sequence, kind, payload }))
}

/// Reads into `target`, or says that the file ends before.
fn read_or_short(file: &dyn LogFile, target: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_at(target, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn record(sequence: u64, length: u32, kind: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let head = [l0, l1, l2, l3, kind];
    [&head, payload, &check(sequence, head, payload)].concat()
}

fn record_bytes(payload_bytes: usize) -> u64 {
    (HEAD_BYTES + payload_bytes + CHECK_BYTES) as u64
}

fn check(sequence: u64, head: [u8; HEAD_BYTES], payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key(CHECK_CONTEXT);
    hasher.update(&sequence.to_le_bytes()).update(&head).update(payload);
    let mut bytes = [0; CHECK_BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

fn disk<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> EventLogError + 'a {
    move |source| EventLogError::Disk { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
