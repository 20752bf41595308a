//! Events come back in order; crashes cut only what was not promised; full disks lose nothing.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    (folder, path)
}

fn payloads(log: &EventLog, from: u64) -> Vec<Vec<u8>> {
    log.replay(from).map(|event| event.unwrap().payload).collect()
}

/// A file in memory that can hold only so many bytes: a write beyond that is torn.
#[derive(Debug)]
struct SmallDisk {
    bytes: Mutex<Vec<u8>>,
    capacity: Mutex<usize>,
}

impl SmallDisk {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes: Mutex::new(bytes), capacity: Mutex::new(usize::MAX) })
    }

    fn set_capacity(&self, capacity: usize) {
        *self.capacity.lock().unwrap() = capacity;
    }

    fn content(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl LogFile for SmallDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let bytes = self.bytes.lock().unwrap();
        let stored = bytes.get(start..start + target.len());
        target.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, new: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let fitting = self.capacity.lock().unwrap().saturating_sub(start).min(new.len());
        let mut bytes = self.bytes.lock().unwrap();
        let length = bytes.len().max(start + fitting);
        bytes.resize(length, 0);
        bytes[start..start + fitting].copy_from_slice(&new[..fitting]);
        if fitting < new.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().resize(usize::try_from(length).unwrap(), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn log_on(disk: &Arc<SmallDisk>) -> Result<EventLog, EventLogError> {
    EventLog::on(disk.clone(), PathBuf::from("small disk"))
}

#[test]
fn events_are_numbered_and_come_back_after_reopening() {
    let (_folder, path) = folder();
    let log = EventLog::open(&path).unwrap();
    assert_eq!(log.append(1, b"first").unwrap(), 0);
    assert_eq!(log.append(2, b"").unwrap(), 1);
    drop(log);
    let log = EventLog::open(&path).unwrap();
    assert_eq!(log.append(3, b"third").unwrap(), 2);
    let events: Vec<_> = log.replay(0).map(Result::unwrap).collect();
    let kinds: Vec<_> = events.iter().map(|event| (event.sequence, event.kind)).collect();
    assert_eq!(kinds, [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(events[2].payload, b"third");
    assert_eq!(log.cut_bytes(), 0);
}

#[test]
fn replay_begins_where_asked_also_in_a_long_log() {
    let disk = SmallDisk::new(Vec::new());
    let log = log_on(&disk).unwrap();
    let count = INDEX_STEP * 3 + 5;
    for number in 0..count {
        log.append(0, &number.to_le_bytes()).unwrap();
    }
    let log = log_on(&SmallDisk::new(disk.content())).unwrap();
    for from in [0, 1, INDEX_STEP - 1, INDEX_STEP, INDEX_STEP + 1, count - 1, count, u64::MAX] {
        let expected: Vec<_> = (from..count).map(|number| number.to_le_bytes().to_vec()).collect();
        assert_eq!(payloads(&log, from), expected, "from {from}");
    }
}

#[test]
fn replay_ends_with_the_events_there_when_it_began() {
    let log = log_on(&SmallDisk::new(Vec::new())).unwrap();
    log.append(0, b"before").unwrap();
    let mut replay = log.replay(0);
    log.append(0, b"after").unwrap();
    assert_eq!(replay.next().unwrap().unwrap().payload, b"before");
    assert!(replay.next().is_none());
}

#[test]
fn torn_tail_is_cut_wherever_the_crash_struck() {
    let disk = SmallDisk::new(Vec::new());
    let log = log_on(&disk).unwrap();
    log.append(0, b"kept").unwrap();
    let whole = disk.content().len();
    log.append(0, b"torn by the crash").unwrap();
    let content = disk.content();
    for length in whole + 1..content.len() {
        let crashed = SmallDisk::new(content[..length].to_vec());
        let log = log_on(&crashed).unwrap();
        assert_eq!(log.cut_bytes(), (length - whole) as u64);
        assert_eq!(payloads(&log, 0), [b"kept"]);
        assert_eq!(log.append(0, b"again").unwrap(), 1);
        assert_eq!(payloads(&log_on(&crashed).unwrap(), 0), [b"kept".to_vec(), b"again".to_vec()]);
    }
}

#[test]
fn crash_while_the_file_is_begun_leaves_an_empty_log() {
    for length in 0..=MAGIC.len() {
        let log = log_on(&SmallDisk::new(MAGIC[..length].to_vec())).unwrap();
        log.append(0, b"first").unwrap();
        assert_eq!(payloads(&log, 0), [b"first"]);
    }
}

#[test]
fn damage_before_the_last_event_is_an_error_and_nothing_is_cut() {
    let disk = SmallDisk::new(Vec::new());
    let log = log_on(&disk).unwrap();
    for payload in [b"one", b"two", b"six"] {
        log.append(0, payload).unwrap();
    }
    let mut content = disk.content();
    content[MAGIC.len() + HEAD_BYTES] ^= 1;
    let damaged = SmallDisk::new(content.clone());
    let refused = log_on(&damaged);
    assert!(matches!(refused, Err(EventLogError::Damaged { sequence: 0, offset: 16, .. })));
    assert_eq!(damaged.content(), content);
}

#[test]
fn damage_under_an_open_log_ends_the_replay_with_an_error() {
    let disk = SmallDisk::new(Vec::new());
    let log = log_on(&disk).unwrap();
    log.append(0, b"one").unwrap();
    disk.bytes.lock().unwrap()[MAGIC.len() + HEAD_BYTES] ^= 1;
    let events: Vec<_> = log.replay(0).collect();
    assert!(matches!(events[..], [Err(EventLogError::Damaged { sequence: 0, .. })]));
}

#[test]
fn foreign_file_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    fs::write(&path, b"someone else's notes, longer than the magic").unwrap();
    assert!(matches!(EventLog::open(&path), Err(EventLogError::NoLog { .. })));
    assert!(fs::read(&path).unwrap().starts_with(b"someone"));
}

#[test]
fn log_in_use_cannot_be_opened_again() {
    let (_folder, path) = folder();
    let log = EventLog::open(&path).unwrap();
    assert!(matches!(EventLog::open(&path), Err(EventLogError::InUse { .. })));
    drop(log);
    assert!(EventLog::open(&path).is_ok());
}

#[test]
fn full_disk_loses_nothing_and_the_append_can_be_repeated() {
    let disk = SmallDisk::new(Vec::new());
    let log = log_on(&disk).unwrap();
    log.append(0, b"kept").unwrap();
    let whole = disk.content().len();
    for room in 0..30 {
        disk.set_capacity(whole + room);
        let error = log.append(0, b"a longer payload").unwrap_err();
        assert!(error.is_disk_full(), "{error}");
        assert_eq!(payloads(&log, 0), [b"kept"]);
        // A crash now finds the same.
        assert_eq!(payloads(&log_on(&SmallDisk::new(disk.content())).unwrap(), 0), [b"kept"]);
    }
    // What is tried next may be shorter than what was torn.
    disk.set_capacity(usize::MAX);
    assert_eq!(log.append(0, b"short").unwrap(), 1);
    let again = log_on(&SmallDisk::new(disk.content())).unwrap();
    assert_eq!(payloads(&again, 0), [b"kept".to_vec(), b"short".to_vec()]);
}

#[test]
fn payload_above_the_limit_is_refused() {
    let log = log_on(&SmallDisk::new(Vec::new())).unwrap();
    let refused = log.append(0, &vec![0; EVENT_BYTES_MAX + 1]);
    assert!(matches!(refused, Err(EventLogError::TooLong { .. })));
    assert_eq!(log.append(0, &vec![0; EVENT_BYTES_MAX]).unwrap(), 0);
    assert_eq!(payloads(&log, 0)[0].len(), EVENT_BYTES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is torn off the end, what remains is a beginning of what was appended, and all
    /// that was whole remains.
    #[test]
    fn log_is_always_a_beginning_of_what_was_appended(
        appended in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..12),
        length in any::<prop::sample::Index>(),
    ) {
        let disk = SmallDisk::new(Vec::new());
        let log = log_on(&disk).unwrap();
        let mut ends = vec![MAGIC.len()];
        for payload in &appended {
            log.append(7, payload).unwrap();
            ends.push(disk.content().len());
        }
        let content = disk.content();
        let length = length.index(content.len() + 1);
        let whole = ends.iter().filter(|end| **end <= length).count().saturating_sub(1);
        let log = log_on(&SmallDisk::new(content[..length].to_vec())).unwrap();
        prop_assert_eq!(payloads(&log, 0), &appended[..whole]);
    }

    /// Bytes from anywhere are opened or refused, never a panic.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let content = [MAGIC.as_slice(), &bytes].concat();
        if let Ok(log) = log_on(&SmallDisk::new(content)) {
            prop_assert!(log.replay(0).all(|event| event.is_ok()));
        }
    }
}
