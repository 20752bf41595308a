//! Files on their way here in pieces: each in its own file, hashed as it comes, stored when complete.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fault::RequestError;
use crate::store::artefacts::{ArtefactError, ArtefactStore, ContentHash};

/// A file on its way.
#[derive(Debug)]
struct Upload {
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    received_bytes: u64,
    total_bytes: u64,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    uploads: BTreeMap<u64, Upload>,
}

/// The files on their way.
#[derive(Debug)]
pub(super) struct Uploads {
    folder: PathBuf,
    count_max: usize,
    open: Mutex<Open>,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) received_bytes: u64,
    pub(super) total_bytes: u64,
}

impl Uploads {
    /// Uploads in `folder`; what an earlier process left there is removed.
    pub(super) fn open(folder: PathBuf, count_max: usize) -> Result<Self, ArtefactError> {
        match fs::remove_dir_all(&folder) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(disk("empty folder", &folder)(source));
            }
            _ => fs::create_dir_all(&folder).map_err(disk("create folder", &folder))?,
        }
        Ok(Self { folder, count_max, open: Mutex::default() })
    }

    /// Begins an upload and returns its number. The oldest one gives way when there are too many: nobody
    /// says good-bye to an upload that is given up.
    pub(super) fn begin(&self, total_bytes: u64) -> Result<u64, RequestError> {
        let mut open = self.lock();
        let number = open.next;
        let path = self.folder.join(number.to_string());
        let file = File::create(&path).map_err(disk("create", &path))?;
        let hasher = blake3::Hasher::new();
        let upload = Upload { path, file, hasher, received_bytes: 0, total_bytes };
        open.next += 1;
        open.uploads.insert(number, upload);
        if open.uploads.len() > self.count_max
            && let Some((given_up, upload)) = open.uploads.pop_first()
        {
            tracing::warn!(upload = given_up, "upload given up for a later one");
            drop(open);
            upload.remove();
        }
        Ok(number)
    }

    /// Where an upload goes on.
    pub(super) fn received(&self, number: u64) -> Result<Received, RequestError> {
        let open = self.lock();
        let unknown = RequestError::UnknownUpload { upload: number };
        let upload = open.uploads.get(&number).ok_or(unknown)?;
        let Upload { received_bytes, total_bytes, .. } = *upload;
        Ok(Received { received_bytes, total_bytes })
    }

    /// Appends `data` and returns how many bytes there are now. The caller has checked that it fits.
    ///
    /// When the disk refuses the upload is given up: how much it wrote is not known.
    pub(super) fn append(&self, number: u64, data: &[u8]) -> Result<u64, RequestError> {
        let mut open = self.lock();
        let unknown = RequestError::UnknownUpload { upload: number };
        let upload = open.uploads.get_mut(&number).ok_or(unknown)?;
        if let Err(source) = upload.file.write_all(data) {
            let path = upload.path.clone();
            if let Some(upload) = open.uploads.remove(&number) {
                upload.remove();
            }
            return Err(disk("write", &path)(source).into());
        }
        upload.hasher.update(data);
        upload.received_bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        Ok(upload.received_bytes)
    }

    /// Stores a complete upload under `hash`, if that is its hash.
    pub(super) fn finish(
        &self,
        number: u64,
        expected: ContentHash,
        store: &ArtefactStore,
    ) -> Result<(), RequestError> {
        let Received { received_bytes, total_bytes } = self.received(number)?;
        if received_bytes < total_bytes {
            let upload = number;
            return Err(RequestError::UploadIncomplete { upload, received_bytes, total_bytes });
        }
        let unknown = RequestError::UnknownUpload { upload: number };
        let upload = self.lock().uploads.remove(&number).ok_or(unknown)?;
        let found = ContentHash::from(upload.hasher.finalize());
        if found != expected {
            upload.remove();
            return Err(RequestError::UploadMismatch { upload: number, expected, found });
        }
        let stored = File::open(&upload.path)
            .map_err(disk("open", &upload.path))
            .and_then(|file| store.put_reader(file));
        upload.remove();
        Ok(stored.map(drop)?)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    fn remove(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "an upload stays until the next start");
        }
    }
}

fn disk<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> ArtefactError + 'a {
    move |source| ArtefactError::Disk { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
