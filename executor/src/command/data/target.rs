//! A file of an order while it is written: hashed on the way, and there whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::CommandError;
use super::super::plot::fresh_file::FreshFile;

/// Bytes written to the disk at a time.
const PIECE_BYTES: usize = 1 << 16;

/// A file that is being written.
pub(super) struct Target {
    path: PathBuf,
    file: FreshFile,
    piece: Vec<u8>,
    hasher: blake3::Hasher,
    byte_count: u64,
}

impl Target {
    pub(super) fn begin(path: PathBuf) -> Result<Self, CommandError> {
        let file = FreshFile::begin(&path, 0)?;
        Ok(Self { path, file, piece: Vec::new(), hasher: blake3::Hasher::new(), byte_count: 0 })
    }

    /// Where the file will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file last and gives its root and length.
    pub(super) fn finish(mut self) -> Result<(String, u64), CommandError> {
        self.file.write(&self.piece)?;
        self.file.finish()?;
        Ok((self.hasher.finalize().to_hex().to_string(), self.byte_count))
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.piece.extend_from_slice(bytes);
        self.byte_count = self.byte_count.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        if self.piece.len() >= PIECE_BYTES {
            self.file.write(&self.piece).map_err(io::Error::other)?;
            self.piece.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write(&self.piece).map_err(io::Error::other)?;
        self.piece.clear();
        Ok(())
    }
}
