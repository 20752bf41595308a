//! Pieces as files, named by piece index.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aipot_kernels::plotting::{PIECE_BYTES, Piece};
use async_trait::async_trait;

use super::{PieceSource, PieceSourceError};

/// A folder with one file for each piece.
#[derive(Clone, Debug)]
pub struct FolderPieces {
    folder: PathBuf,
}

impl FolderPieces {
    /// The pieces in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait]
impl PieceSource for FolderPieces {
    async fn fetch(&self, piece_indexes: &[u64]) -> Result<Vec<Piece>, PieceSourceError> {
        let mut pieces = Vec::with_capacity(piece_indexes.len());
        for &piece_index in piece_indexes {
            let path = self.folder.join(piece_index.to_string());
            let file = path.clone();
            let failed = |source| PieceSourceError::File { piece_index, path, source };
            let read = tokio::task::spawn_blocking(move || read(&file)).await;
            let bytes = read.map_err(std::io::Error::other).flatten().map_err(failed)?;
            let piece = Piece::new(bytes)
                .map_err(|source| PieceSourceError::NotAPiece { piece_index, source })?;
            pieces.push(piece);
        }
        Ok(pieces)
    }
}

/// Reads one byte more than a piece has at most, which is enough to see that a file is too long.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PIECE_BYTES + 1);
    File::open(path)?.take(PIECE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
