//! The database file of a node, which survives a full disk.
//!
//! After a failed write the database library refuses all work until the file is opened again.
//! [`NodeDatabase`] does that at the next use, so that a failure is just an error: nothing that
//! was committed is lost and the same call can be repeated.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::backends::InMemoryBackend;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

/// Why the database could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// Another process, or another place in this one, has the file open.
    #[error("database {} is in use by another process", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The file could not be opened.
    #[error("cannot open database {}: {source}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the database library said.
        source: Box<redb::Error>,
    },
    /// A read failed.
    #[error("cannot read from database {}: {source}", path.display())]
    Read {
        /// The database file.
        path: PathBuf,
        /// What the database library said.
        source: Box<redb::Error>,
    },
    /// A write failed as a whole; what was committed before is untouched.
    #[error("cannot write to database {}: {source}", path.display())]
    Write {
        /// The database file.
        path: PathBuf,
        /// What the database library said.
        source: Box<redb::Error>,
    },
}

impl DatabaseError {
    /// Whether the disk is full, so that the same call can succeed once space is freed.
    pub fn is_disk_full(&self) -> bool {
        let (Self::Open { source, .. } | Self::Read { source, .. } | Self::Write { source, .. }) =
            self
        else {
            return false;
        };
        matches!(&**source, redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull)
    }
}

type Opener = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send + Sync>;

/// A database that is opened again when a failure of the disk has closed it.
pub struct NodeDatabase {
    path: PathBuf,
    opener: Opener,
    current: RwLock<Option<Database>>,
}

impl fmt::Debug for NodeDatabase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NodeDatabase").field("path", &self.path).finish_non_exhaustive()
    }
}

impl NodeDatabase {
    /// Opens the file at `path`, creating it and its folder when missing.
    ///
    /// # Errors
    /// [`DatabaseError::InUse`], or [`DatabaseError::Open`] when the disk refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatabaseError> {
        let path = path.as_ref().to_path_buf();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| DatabaseError::Open {
                path: path.clone(),
                source: Box::new(source.into()),
            })?;
        }
        let file = path.clone();
        Self::with_opener(path, Box::new(move || Database::create(&file)))
    }

    /// A database in memory, gone when dropped.
    ///
    /// # Errors
    /// [`DatabaseError::Open`] when memory cannot be had.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        let open = || Database::builder().create_with_backend(InMemoryBackend::new());
        Self::with_opener(PathBuf::from("in memory"), Box::new(open))
    }

    pub(crate) fn with_opener(path: PathBuf, opener: Opener) -> Result<Self, DatabaseError> {
        let database = Self { path, opener, current: RwLock::new(None) };
        drop(database.opened()?);
        Ok(database)
    }

    /// Gives `action` a consistent view of the database.
    pub(crate) fn read<T>(
        &self,
        action: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DatabaseError> {
        let guard = self.opened()?;
        let failed = match run_read(guard.as_ref(), action) {
            Ok(value) => return Ok(value),
            Err(source) => source,
        };
        drop(guard);
        self.close_after(&failed);
        Err(DatabaseError::Read { path: self.path.clone(), source: Box::new(failed) })
    }

    /// A consistent view of the database that can be kept. While it is, a database that a failure has closed
    /// cannot be opened again, so it must be dropped soon.
    pub(crate) fn snapshot(&self) -> Result<ReadTransaction, DatabaseError> {
        let guard = self.opened()?;
        let begun = guard.as_ref().ok_or(redb::Error::DatabaseClosed);
        let begun = begun.and_then(|database| Ok(database.begin_read()?));
        begun.map_err(|source| DatabaseError::Read {
            path: self.path.clone(),
            source: Box::new(source),
        })
    }

    /// Commits what `action` writes, durably and as a whole, or nothing of it.
    pub(crate) fn write<T>(
        &self,
        action: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DatabaseError> {
        let guard = self.opened()?;
        let failed = match run_write(guard.as_ref(), action) {
            Ok(value) => return Ok(value),
            Err(source) => source,
        };
        drop(guard);
        self.close_after(&failed);
        Err(DatabaseError::Write { path: self.path.clone(), source: Box::new(failed) })
    }

    /// The open database; opens it when a failure has closed it.
    fn opened(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, DatabaseError> {
        let guard = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if guard.is_some() {
            return Ok(guard);
        }
        drop(guard);
        let mut guard = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            *guard = Some((self.opener)().map_err(|source| self.open_error(source))?);
        }
        Ok(RwLockWriteGuard::downgrade(guard))
    }

    fn open_error(&self, source: redb::DatabaseError) -> DatabaseError {
        let path = self.path.clone();
        match source {
            redb::DatabaseError::DatabaseAlreadyOpen => DatabaseError::InUse { path },
            source => DatabaseError::Open { path, source: Box::new(source.into()) },
        }
    }

    /// Closes the database when the failure made it unusable; it is opened again at the next use.
    fn close_after(&self, failed: &redb::Error) {
        use redb::Error::{DatabaseClosed, Io, LockPoisoned, PreviousIo};
        if matches!(failed, Io(_) | PreviousIo | DatabaseClosed | LockPoisoned(_)) {
            tracing::warn!(path = %self.path.display(), error = %failed, "database closed after a failure");
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

fn run_read<T>(
    database: Option<&Database>,
    action: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let database = database.ok_or(redb::Error::DatabaseClosed)?;
    action(&database.begin_read()?)
}

fn run_write<T>(
    database: Option<&Database>,
    action: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let transaction = database.ok_or(redb::Error::DatabaseClosed)?.begin_write()?;
    // A transaction that is dropped without a commit leaves no trace.
    let value = action(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;
