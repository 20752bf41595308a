//! A folder of pieces: files named by piece index.

use std::path::Path;

use aipot_kernels::plotting::{PIECE_BYTES, Piece};

use super::super::CommandError;
use super::super::files::read;

/// Reads the piece of an index.
///
/// # Errors
/// [`CommandError::NoPiece`] when the folder has none, [`CommandError::Piece`] or
/// [`CommandError::FileTooLarge`] when the file is none, [`CommandError::Read`] when it cannot be read.
pub(super) fn read_piece(folder: &Path, piece_index: u64) -> Result<Piece, CommandError> {
    let path = folder.join(piece_index.to_string());
    if !path.exists() {
        return Err(CommandError::NoPiece { path, piece_index });
    }
    let bytes = read(&path, u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX))?;
    Piece::new(bytes).map_err(|source| CommandError::Piece { path, source })
}
