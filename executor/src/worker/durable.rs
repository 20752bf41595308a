//! Small files that are either whole or not there, and stay when power fails.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Ending of files that are being written.
const UNFINISHED_ENDING: &str = "unfinished";

/// The disk refused; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was being done.
    pub action: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// Whether the same would go well once space is freed.
    pub fn is_disk_full(&self) -> bool {
        self.source.kind() == io::ErrorKind::StorageFull
    }
}

/// Writes a file and the folders above it: temporary file, fsync, rename, fsync of the folder.
///
/// # Errors
/// [`FileError`] when the disk refuses.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |action| move |source| FileError { action, path: path.to_path_buf(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("create the folder of"))?;
    let unfinished = path.with_added_extension(UNFINISHED_ENDING);
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&unfinished, path));
    if let Err(source) = renamed {
        // Half a file only takes space that the next try needs.
        if let Err(error) = remove(&unfinished) {
            tracing::debug!(%error, "an unfinished file stays behind");
        }
        return Err(failed("write")(source));
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("make durable"))
}

/// Reads a whole file; `None` when there is none.
///
/// # Errors
/// [`FileError`] when the disk refuses.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError { action: "read", path: path.to_path_buf(), source }),
    }
}

/// Removes a file; removing what is not there is no error.
///
/// # Errors
/// [`FileError`] when the disk refuses.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError { action: "remove", path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
