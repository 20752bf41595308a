//! A disk for tests that can be full, and that keeps its bytes when the database is closed.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use redb::{Database, StorageBackend};

use super::NodeDatabase;

/// How many writes still succeed while the disk is healthy.
const UNLIMITED: u64 = u64::MAX;

/// A disk in memory whose writes can be made to fail, and whose unsynced writes can be lost.
#[derive(Clone, Debug)]
pub(crate) struct FaultyDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    writes_left: Arc<AtomicU64>,
}

impl FaultyDisk {
    pub(crate) fn new() -> Self {
        Self { bytes: Arc::default(), writes_left: Arc::new(AtomicU64::new(UNLIMITED)) }
    }

    /// From now on `count` writes succeed and every later one finds the disk full.
    pub(crate) fn fill_after(&self, count: u64) {
        self.writes_left.store(count, Ordering::SeqCst);
    }

    pub(crate) fn make_room(&self) {
        self.fill_after(UNLIMITED);
    }

    /// What the disk holds at this moment, as the next start would find it after a crash.
    pub(crate) fn copy(&self) -> Self {
        let bytes = self.bytes.lock().unwrap().clone();
        Self { bytes: Arc::new(Mutex::new(bytes)), ..Self::new() }
    }

    pub(crate) fn database(&self) -> NodeDatabase {
        let disk = self.clone();
        let open = move || Database::builder().create_with_backend(disk.clone());
        NodeDatabase::with_opener(PathBuf::from("faulty disk"), Box::new(open)).unwrap()
    }

    fn spend(&self) -> io::Result<()> {
        let spend = |left: u64| match left {
            UNLIMITED => Some(UNLIMITED),
            left => left.checked_sub(1),
        };
        let spent = self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend);
        spent.map(|_| ()).map_err(|_| io::ErrorKind::StorageFull.into())
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let bytes = self.bytes.lock().unwrap();
        let stored = bytes.get(start..start + out.len());
        out.copy_from_slice(stored.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.spend()?;
        self.bytes.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.spend()?;
        let start = usize::try_from(offset).unwrap();
        self.bytes.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}
