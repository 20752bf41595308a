//! The file under an event log, as a trait so that tests can fill the disk and tear writes.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// What the log needs of a file.
pub(super) trait LogFile: Debug + Send + Sync {
    fn len(&self) -> io::Result<u64>;

    /// Fills `target` from `offset` on, or fails with `UnexpectedEof`.
    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<()>;

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Returns when everything written is durable.
    fn sync(&self) -> io::Result<()>;
}

impl LogFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, target: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(target, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
