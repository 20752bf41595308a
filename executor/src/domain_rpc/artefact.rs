//! The methods about artefacts: put here in pieces, fetched from peers, read in pieces.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::types::{ErrorObjectOwned, Params};

use super::Context;
use super::domain::{Answer, add};
use super::fault::RequestError;
use super::parameter::{Parameters, wrong};
use super::upload::Received;
use super::wire::PIECE_BYTES_MAX;
use crate::store::artefacts::{ARTEFACT_BYTES_MAX, ArtefactError, ContentHash};

/// All methods, each with its parameters.
pub(super) fn register(module: &mut RpcModule<Context>) -> Result<(), RegisterMethodError> {
    add(module, ("artefact_has", &["hash"]), has)?;
    add(module, ("artefact_putBegin", &["bytes"]), put_begin)?;
    add(module, ("artefact_putAppend", &["upload", "offset", "data"]), put_append)?;
    add(module, ("artefact_putFinish", &["upload", "hash"]), put_finish)?;
    add(module, ("artefact_read", &["hash", "offset", "length"]), read)?;
    module.register_async_method("artefact_fetch", fetch)?;
    Ok(())
}

fn has(from: &mut Parameters, context: &Context) -> Answer<Option<u64>> {
    let hash = from.digest::<ContentHash>("hash")?;
    Ok(context.node.artefacts().len(hash).map_err(RequestError::from)?)
}

fn put_begin(from: &mut Parameters, context: &Context) -> Answer<u64> {
    let bytes = from.number("bytes", 0..=ARTEFACT_BYTES_MAX)?;
    Ok(context.uploads.begin(bytes)?)
}

fn put_append(from: &mut Parameters, context: &Context) -> Answer<u64> {
    let number = from.number("upload", 0..=u64::MAX)?;
    let Received { received_bytes, total_bytes } = context.uploads.received(number)?;
    from.number("offset", received_bytes..=received_bytes)?;
    let data = from.bytes("data", PIECE_BYTES_MAX)?;
    let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let left = total_bytes.saturating_sub(received_bytes);
    if length > left {
        return Err(wrong("data", &format!("{length} bytes"), &format!("at most {left} bytes")));
    }
    Ok(context.uploads.append(number, &data)?)
}

fn put_finish(from: &mut Parameters, context: &Context) -> Answer<()> {
    let number = from.number("upload", 0..=u64::MAX)?;
    let hash = from.digest::<ContentHash>("hash")?;
    Ok(context.uploads.finish(number, hash, context.node.artefacts())?)
}

fn read(from: &mut Parameters, context: &Context) -> Answer<String> {
    let hash = from.digest::<ContentHash>("hash")?;
    let store = context.node.artefacts();
    let total_bytes = store.len(hash).map_err(RequestError::from)?;
    let total_bytes = total_bytes.ok_or(ArtefactError::NotFound { hash });
    let total_bytes = total_bytes.map_err(RequestError::from)?;
    let offset = from.number("offset", 0..=total_bytes)?;
    let piece_max = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
    let length = from.number("length", 0..=piece_max.min(total_bytes - offset))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let file = store.open_artefact(hash).map_err(RequestError::from)?;
    // The reader checks the whole against the hash; a damaged disk is found out there.
    let disk =
        |source| ArtefactError::Disk { action: "read", path: hash.to_string().into(), source };
    file.read_exact_at(&mut bytes, offset).map_err(disk).map_err(RequestError::from)?;
    Ok(hex::encode(bytes))
}

async fn fetch(
    params: Params<'static>,
    context: Arc<Context>,
    _extensions: jsonrpsee::Extensions,
) -> Result<u64, ErrorObjectOwned> {
    let mut from = Parameters::read(&params, &["hash", "bytes_max"])?;
    let hash = from.digest::<ContentHash>("hash")?;
    let bytes_max = from.number("bytes_max", 0..=ARTEFACT_BYTES_MAX)?;
    context.node.fetch(hash, bytes_max).await.map_err(RequestError::from)?;
    let length = context.node.artefacts().len(hash).map_err(RequestError::from)?;
    Ok(length.unwrap_or_default())
}
