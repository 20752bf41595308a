//! Positioned reads with a bounded memory of blocks that were read before.

use std::fmt;
use std::io::{self, Read, SeekFrom};

use super::super::import::Seekable;

/// Bytes of a block: what a disk reads at least.
const BLOCK_BYTES: usize = 4096;

/// Blocks in memory, 16 MiB.
const BLOCKS_MAX: usize = 4096;

/// A file and the blocks of it that are in memory; a block has one place where it can be.
pub(super) struct Blocks {
    file: Box<dyn Seekable>,
    numbers: Vec<Option<u64>>,
    bytes: Vec<u8>,
    piece: Vec<u8>,
}

impl Blocks {
    pub(super) fn new(file: Box<dyn Seekable>) -> Self {
        Self { file, numbers: Vec::new(), bytes: Vec::new(), piece: Vec::new() }
    }

    /// Fills the bytes from a place in the file.
    pub(super) fn read(&mut self, offset: u64, target: &mut [u8]) -> io::Result<()> {
        // Long examples fill whole blocks anyway and would only push others out.
        if target.len() > BLOCK_BYTES {
            self.file.seek(SeekFrom::Start(offset))?;
            return self.file.read_exact(target);
        }
        let block_bytes = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let mut filled = 0;
        while filled < target.len() {
            let place = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            let inside = usize::try_from(place % block_bytes).unwrap_or(0);
            let block = self.block(place / block_bytes)?;
            let source = &block[inside..];
            let count = source.len().min(target.len().saturating_sub(filled));
            target[filled..][..count].copy_from_slice(&source[..count]);
            filled = filled.saturating_add(count);
        }
        Ok(())
    }

    /// A block, zeros behind the end of the file; none of it when the file ends before.
    fn block(&mut self, number: u64) -> io::Result<&[u8]> {
        if self.numbers.is_empty() {
            self.numbers = vec![None; BLOCKS_MAX];
            self.bytes = vec![0; BLOCKS_MAX * BLOCK_BYTES];
        }
        let slots = u64::try_from(BLOCKS_MAX).unwrap_or(u64::MAX);
        let slot = usize::try_from(number % slots).unwrap_or(0);
        let bytes = &mut self.bytes[slot * BLOCK_BYTES..][..BLOCK_BYTES];
        if self.numbers[slot] != Some(number) {
            self.numbers[slot] = None;
            let block_bytes = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
            self.file.seek(SeekFrom::Start(number.saturating_mul(block_bytes)))?;
            self.piece.clear();
            (&mut self.file).take(block_bytes).read_to_end(&mut self.piece)?;
            let filled = self.piece.len();
            if filled == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes[..filled].copy_from_slice(&self.piece);
            bytes[filled..].fill(0);
            self.numbers[slot] = Some(number);
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Blocks").finish_non_exhaustive()
    }
}
