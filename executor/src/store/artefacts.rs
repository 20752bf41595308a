//! Content-addressed artefacts (models, data, traces) in a folder.
//!
//! An artefact is named by the BLAKE3 hash of its bytes. It is written to a temporary file, made
//! durable and only then renamed to its name, so that a file with a name is always whole. Beside
//! it lies its outboard: the inner hashes of the BLAKE3 tree above groups of 16 KiB, with which a
//! range of the artefact can be proven to someone who knows only its name.

mod partial;
mod range;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bao_tree::BaoTree;
use bao_tree::io::sync::outboard_post_order;

pub use partial::PartialArtefact;
pub use range::{RANGE_BYTES_MAX, RangeError, decode_range, encode_range};

use range::GROUP;

use super::digest::digest_newtype;

digest_newtype! {
    /// BLAKE3 hash of an artefact's bytes.
    ContentHash;
}

impl ContentHash {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(blake3::hash(bytes))
    }
}

/// Largest artefact accepted: 64 GiB, four times the weights of an 8-billion-parameter model in
/// half precision.
pub const ARTEFACT_BYTES_MAX: u64 = 64 << 30;

/// Folder of unfinished writes and transfers, inside the artefact folder.
const INCOMING: &str = "incoming";

/// Ending of the file with the inner hashes of an artefact.
const OUTBOARD_ENDING: &str = "outboard";

/// Beginning of the names of unfinished local writes, which no restart can continue.
const PUT_PREFIX: &str = "put-";

/// Bytes buffered when files are streamed: enough that a disk is read in large pieces.
const STREAM_BYTES: usize = 256 << 10;

/// Why an artefact could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtefactError {
    /// The disk refused; what was stored before is untouched.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Nothing is stored under this name.
    #[error("artefact {hash} is not stored here")]
    NotFound {
        /// The name asked for.
        hash: ContentHash,
    },
    /// The artefact is longer than this store accepts.
    #[error("artefact has {bytes} bytes or more, at most {bytes_max} are accepted")]
    TooLarge {
        /// Its length, as far as it was read.
        bytes: u64,
        /// The limit of this store.
        bytes_max: u64,
    },
    /// The stored bytes no longer have the hash they are named by.
    #[error("stored artefact {hash} is damaged: its bytes do not have this hash")]
    Damaged {
        /// The name of the damaged artefact.
        hash: ContentHash,
    },
    /// A transfer was finished too early.
    #[error("artefact {hash} lacks {missing_bytes} of its {total_bytes} bytes")]
    Incomplete {
        /// The name of the artefact in transfer.
        hash: ContentHash,
        /// How many bytes have not come yet.
        missing_bytes: u64,
        /// How many bytes it has in all.
        total_bytes: u64,
    },
    /// A range was not acceptable or did not verify.
    #[error(transparent)]
    Range(#[from] RangeError),
}

impl ArtefactError {
    /// Whether the disk is full, so that the same call can succeed once space is freed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// Attaches the action and the path to an error of the operating system.
fn disk<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ArtefactError + 'a {
    move |source| ArtefactError::Disk { action, path: path.to_path_buf(), source }
}

/// Whether the stored bytes still have the hash they are named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// They do.
    Intact,
    /// They have this other hash.
    Damaged {
        /// The hash of the bytes as they are now.
        found: ContentHash,
    },
}

/// A folder of artefacts. One process may have it open at a time.
#[derive(Debug)]
pub struct ArtefactStore {
    folder: PathBuf,
    bytes_max: u64,
    next_put: AtomicU64,
}

impl ArtefactStore {
    /// Opens the store in `folder`, creating it when missing, with [`ARTEFACT_BYTES_MAX`].
    ///
    /// Local writes that a crash interrupted are removed; transfers are kept for resumption.
    ///
    /// # Errors
    /// [`ArtefactError::Disk`] when the folder cannot be made or read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ArtefactError> {
        Self::open_with_limit(folder, ARTEFACT_BYTES_MAX)
    }

    /// Opens the store in `folder` with another limit for the length of an artefact, which never
    /// exceeds [`ARTEFACT_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`ArtefactStore::open`].
    pub fn open_with_limit(
        folder: impl AsRef<Path>,
        bytes_max: u64,
    ) -> Result<Self, ArtefactError> {
        let folder = folder.as_ref().to_path_buf();
        let incoming = folder.join(INCOMING);
        fs::create_dir_all(&incoming).map_err(disk("create folder", &incoming))?;
        remove_interrupted_puts(&incoming)?;
        let bytes_max = bytes_max.min(ARTEFACT_BYTES_MAX);
        Ok(Self { folder, bytes_max, next_put: AtomicU64::new(0) })
    }

    /// Stores `bytes` and returns their name. Storing the same bytes again changes nothing.
    ///
    /// # Errors
    /// [`ArtefactError::TooLarge`] above the limit, [`ArtefactError::Disk`] when the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> Result<ContentHash, ArtefactError> {
        self.put_reader(bytes)
    }

    /// Stores everything that `reader` gives and returns its name.
    ///
    /// # Errors
    /// As [`ArtefactStore::put`]; an error of the reader is an [`ArtefactError::Disk`] too.
    pub fn put_reader(&self, reader: impl Read) -> Result<ContentHash, ArtefactError> {
        let sequence = self.next_put.fetch_add(1, Ordering::Relaxed);
        let data = Temporary(self.incoming(&format!("{PUT_PREFIX}{sequence}")));
        let length = self.write_bounded(reader, &data.0)?;
        self.adopt(&data.0, length, None)
    }

    /// Whether an artefact with this name is stored.
    pub fn has(&self, hash: ContentHash) -> bool {
        self.path(hash).is_file()
    }

    /// Length of an artefact in bytes, `None` when it is not stored.
    ///
    /// # Errors
    /// [`ArtefactError::Disk`] when the disk refuses.
    pub fn len(&self, hash: ContentHash) -> Result<Option<u64>, ArtefactError> {
        let path = self.path(hash);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(disk("look at", &path)(source)),
        }
    }

    /// The file of an artefact, `None` when it is not stored. The bytes are those on disk.
    pub fn file(&self, hash: ContentHash) -> Option<PathBuf> {
        Some(self.path(hash)).filter(|path| path.is_file())
    }

    /// Opens an artefact for reading. The bytes are those on disk: see [`ArtefactStore::verify`].
    ///
    /// # Errors
    /// [`ArtefactError::NotFound`], or [`ArtefactError::Disk`] when the disk refuses.
    pub fn open_artefact(&self, hash: ContentHash) -> Result<File, ArtefactError> {
        let path = self.path(hash);
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ArtefactError::NotFound { hash },
            _ => disk("open", &path)(source),
        })
    }

    /// Reads a whole artefact into memory and checks it against its name.
    ///
    /// # Errors
    /// [`ArtefactError::NotFound`], [`ArtefactError::Damaged`], [`ArtefactError::Disk`].
    pub fn read(&self, hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        let mut bytes = Vec::new();
        let mut file = self.open_artefact(hash)?;
        file.read_to_end(&mut bytes).map_err(disk("read", &self.path(hash)))?;
        if ContentHash::of(&bytes) != hash {
            return Err(ArtefactError::Damaged { hash });
        }
        Ok(bytes)
    }

    /// Hashes the stored bytes again and says whether they are still what they are named by.
    ///
    /// # Errors
    /// [`ArtefactError::NotFound`], [`ArtefactError::Disk`].
    pub fn verify(&self, hash: ContentHash) -> Result<Integrity, ArtefactError> {
        let mut hasher = blake3::Hasher::new();
        let mut file = BufReader::with_capacity(STREAM_BYTES, self.open_artefact(hash)?);
        io::copy(&mut file, &mut hasher).map_err(disk("read", &self.path(hash)))?;
        let found = ContentHash::from(hasher.finalize());
        Ok(if found == hash { Integrity::Intact } else { Integrity::Damaged { found } })
    }

    /// Removes an artefact; removing what is not stored is no error.
    ///
    /// # Errors
    /// [`ArtefactError::Disk`] when the disk refuses.
    pub fn remove(&self, hash: ContentHash) -> Result<(), ArtefactError> {
        remove_if_there(&self.path(hash))?;
        remove_if_there(&self.outboard_path(hash))
    }

    /// Names of all stored artefacts, in ascending order.
    ///
    /// # Errors
    /// [`ArtefactError::Disk`] when a folder cannot be read.
    pub fn list(&self) -> Result<Vec<ContentHash>, ArtefactError> {
        let mut hashes = Vec::new();
        for shard in names_in(&self.folder)?.iter().filter(|name| *name != INCOMING) {
            let names = names_in(&self.folder.join(shard))?;
            hashes.extend(names.iter().filter_map(|name| name.parse::<ContentHash>().ok()));
        }
        hashes.sort_unstable();
        Ok(hashes)
    }

    /// Starts or resumes the transfer of an artefact of `total_bytes` bytes.
    ///
    /// # Errors
    /// [`ArtefactError::TooLarge`] above the limit, [`ArtefactError::Disk`] when the disk refuses.
    pub fn partial(
        &self,
        hash: ContentHash,
        total_bytes: u64,
    ) -> Result<PartialArtefact<'_>, ArtefactError> {
        if total_bytes > self.bytes_max {
            return Err(ArtefactError::TooLarge { bytes: total_bytes, bytes_max: self.bytes_max });
        }
        PartialArtefact::resume(self, hash, total_bytes)
    }

    /// As the function [`encode_range`].
    ///
    /// # Errors
    /// As the function [`encode_range`].
    pub fn encode_range(
        &self,
        hash: ContentHash,
        start: u64,
        length: u64,
    ) -> Result<Vec<u8>, ArtefactError> {
        encode_range(self, hash, start, length)
    }

    fn path(&self, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }

    fn outboard_path(&self, hash: ContentHash) -> PathBuf {
        self.path(hash).with_extension(OUTBOARD_ENDING)
    }

    fn incoming(&self, name: &str) -> PathBuf {
        self.folder.join(INCOMING).join(name)
    }

    fn write_bounded(&self, reader: impl Read, path: &Path) -> Result<u64, ArtefactError> {
        let mut file = File::create(path).map_err(disk("create", path))?;
        let mut bounded = reader.take(self.bytes_max.saturating_add(1));
        let length = io::copy(&mut bounded, &mut file).map_err(disk("write", path))?;
        if length > self.bytes_max {
            return Err(ArtefactError::TooLarge { bytes: length, bytes_max: self.bytes_max });
        }
        file.sync_all().map_err(disk("make durable", path))?;
        Ok(length)
    }

    /// Computes the outboard of a complete, durable file and gives both their names.
    ///
    /// With `expected`, a file with another hash is refused and stays where it is.
    fn adopt(
        &self,
        data: &Path,
        length: u64,
        expected: Option<ContentHash>,
    ) -> Result<ContentHash, ArtefactError> {
        let outboard = Temporary(data.with_extension(OUTBOARD_ENDING));
        let hash = write_outboard(data, length, &outboard.0)?;
        if let Some(expected) = expected.filter(|expected| *expected != hash) {
            return Err(ArtefactError::Damaged { hash: expected });
        }
        let path = self.path(hash);
        let shard = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(shard).map_err(disk("create folder", shard))?;
        // The outboard first: whoever sees the artefact can serve ranges of it at once.
        rename(&outboard.0, &self.outboard_path(hash))?;
        rename(data, &path)?;
        sync_folder(shard)?;
        sync_folder(&self.folder)?;
        Ok(hash)
    }
}

/// A file that is removed when dropped, unless it was renamed.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.0) {
            tracing::warn!(%error, "a temporary file stays behind until the next start");
        }
    }
}

fn write_outboard(data: &Path, length: u64, outboard: &Path) -> Result<ContentHash, ArtefactError> {
    let source = File::open(data).map_err(disk("open", data))?;
    let target = File::create(outboard).map_err(disk("create", outboard))?;
    let mut source = BufReader::with_capacity(STREAM_BYTES, source);
    let mut target = BufWriter::with_capacity(STREAM_BYTES, target);
    let root = outboard_post_order(&mut source, BaoTree::new(length, GROUP), &mut target)
        .map_err(disk("write the outboard of", data))?;
    target.flush().map_err(disk("write", outboard))?;
    target.get_ref().sync_all().map_err(disk("make durable", outboard))?;
    Ok(ContentHash::from(root))
}

fn rename(from: &Path, to: &Path) -> Result<(), ArtefactError> {
    fs::rename(from, to).map_err(disk("rename to", to))
}

fn sync_folder(folder: &Path) -> Result<(), ArtefactError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk("make durable", folder))
}

fn remove_if_there(path: &Path) -> Result<(), ArtefactError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(disk("remove", path)(source))
        }
        _ => Ok(()),
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>, ArtefactError> {
    let entries = fs::read_dir(folder).map_err(disk("read folder", folder))?;
    let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let names = names.map_err(disk("read folder", folder))?;
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
}

fn remove_interrupted_puts(incoming: &Path) -> Result<(), ArtefactError> {
    let names = names_in(incoming)?;
    let interrupted = names.iter().filter(|name| name.starts_with(PUT_PREFIX));
    interrupted.map(|name| incoming.join(name)).try_for_each(|path| remove_if_there(&path))
}

#[cfg(test)]
mod tests;
