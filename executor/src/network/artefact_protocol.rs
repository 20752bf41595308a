//! The stream codec of the artefact protocol: the length of a message (u32), then its bytes.
//!
//! It moves bytes only. Decoding is left to the ends, so that a peer that sends nonsense is known
//! by name and can be penalized. A message that is cut off, which can happen to honest peers, is a
//! failure of the stream and no offence.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::Codec;

use super::wire::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

/// Reads and writes requests and responses as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ArtefactCodec;

impl Codec for ArtefactCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_framed(io, REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_framed(io, RESPONSE_BYTES_MAX).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_framed(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_framed(io, &response).await
    }
}

/// Reads a message, but of one that is too long only one byte beyond the bound: that byte tells the
/// decoder.
async fn read_framed<T>(io: &mut T, bytes_max: usize) -> io::Result<Vec<u8>>
where
    T: AsyncRead + Unpin + Send,
{
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let wanted = length.min(bytes_max.saturating_add(1));
    let mut bytes = Vec::new();
    io.take(u64::try_from(wanted).unwrap_or(u64::MAX)).read_to_end(&mut bytes).await?;
    if bytes.len() < wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

async fn write_framed<T>(io: &mut T, message: &[u8]) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    io.write_all(&length.to_le_bytes()).await?;
    io.write_all(message).await
}

#[cfg(test)]
mod tests;
