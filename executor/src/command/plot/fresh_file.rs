//! A file that is there whole or not at all: written under another name beside it, and renamed at the end.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::super::CommandError;

/// What the names of files end with that are still being written.
const UNFINISHED: &str = "unfinished";

/// A file that is being written. Dropped before [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(in crate::command) struct FreshFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
    needed_bytes: u64,
    is_finished: bool,
}

impl FreshFile {
    /// Begins a file of `needed_bytes`, when its disk has room for it.
    ///
    /// # Errors
    /// [`CommandError::DiskFull`] when it has not, [`CommandError::Write`] when nothing can be written there.
    pub(in crate::command) fn begin(path: &Path, needed_bytes: u64) -> Result<Self, CommandError> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.{UNFINISHED}", std::process::id()));
        let unfinished = PathBuf::from(name);
        let file = File::create(&unfinished)
            .map_err(|source| CommandError::Write { path: path.to_owned(), source })?;
        let path = path.to_owned();
        let fresh = Self { path, unfinished, file, needed_bytes, is_finished: false };
        // A disk that cannot tell will tell when it is written to.
        if statvfs(&fresh.unfinished)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < needed_bytes)
        {
            return Err(CommandError::DiskFull {
                path: fresh.path.clone(),
                needed_bytes,
                source: None,
            });
        }
        Ok(fresh)
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(in crate::command) fn write(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.failed(source))
    }

    /// Makes the file last, under its name.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(in crate::command) fn finish(mut self) -> Result<(), CommandError> {
        let synced = self.file.sync_all();
        synced.map_err(|source| self.failed(source))?;
        std::fs::rename(&self.unfinished, &self.path).map_err(|source| self.failed(source))?;
        self.is_finished = true;
        // The name lasts when its folder has been written.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        folder.and_then(|folder| folder.sync_all()).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> CommandError {
        let path = self.path.clone();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                let needed_bytes = self.needed_bytes;
                CommandError::DiskFull { path, needed_bytes, source: Some(source) }
            }
            _ => CommandError::Write { path, source },
        }
    }
}

impl Drop for FreshFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // Already gone is as good; anything else is said by the error that led here.
            drop(std::fs::remove_file(&self.unfinished));
        }
    }
}

#[cfg(test)]
mod tests;
