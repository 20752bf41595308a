//! Messages on a pipe: four bytes with the length, little-endian, and then the message.

use std::io::{self, Read, Write};

use super::MESSAGE_BYTES_MAX;

/// Longest frame: a message.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// Bytes of the length.
const LENGTH_BYTES: usize = 4;

/// Why a pipe gives no frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than any message.
    #[error("a frame of {bytes} bytes, at most {FRAME_BYTES_MAX} are allowed")]
    TooLong {
        /// The length that was announced.
        bytes: u64,
    },
    /// The pipe broke, or ended inside a frame.
    #[error("the pipe broke")]
    Pipe {
        /// What the operating system said.
        source: io::Error,
    },
}

/// Reads one frame; `None` when the pipe ends where a frame would begin.
///
/// # Errors
/// [`FrameError`]; nothing can be read from the pipe after one.
pub fn read_frame(reader: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let pipe = |source| FrameError::Pipe { source };
    let mut length = [0; LENGTH_BYTES];
    let (first, rest) = length.split_at_mut(1);
    if read_some(reader, first).map_err(pipe)? == 0 {
        return Ok(None);
    }
    reader.read_exact(rest).map_err(pipe)?;
    let length = u32::from_le_bytes(length);
    let bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes: length.into() });
    }
    let mut frame = vec![0; bytes];
    reader.read_exact(&mut frame).map_err(pipe)?;
    Ok(Some(frame))
}

/// Writes one frame, at once.
///
/// # Errors
/// [`FrameError`] when it is too long or the pipe is broken.
pub fn write_frame(writer: &mut impl Write, message: &[u8]) -> Result<(), FrameError> {
    let too_long =
        || FrameError::TooLong { bytes: u64::try_from(message.len()).unwrap_or(u64::MAX) };
    if message.len() > FRAME_BYTES_MAX {
        return Err(too_long());
    }
    let length = u32::try_from(message.len()).map_err(|_| too_long())?;
    let frame = [length.to_le_bytes().as_slice(), message].concat();
    writer
        .write_all(&frame)
        .and_then(|()| writer.flush())
        .map_err(|source| FrameError::Pipe { source })
}

/// Reads what comes first, 0 bytes at the end; an interrupted read is no end.
fn read_some(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
