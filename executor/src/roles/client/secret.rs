//! What a client keeps about an order: the test file and what hides its commitment.

use std::path::{Path, PathBuf};

use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::primitives::{OrderId, Salt};
use aipot_trainer::dataset::data_file;
use parity_scale_codec::{Decode, DecodeAll, Encode};

use crate::worker::durable::{self, FileError};

/// Folder in the folder of a node, with the files of orders that only this node has.
const ORDERS: &str = "orders";

/// Ending of the file with the salt.
const SECRET_ENDING: &str = "secret";

/// Ending of the test file.
const TEST_ENDING: &str = "test";

/// What opens the commitment to a test file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ClientSecret {
    /// Root and length of the test file.
    pub file: DataFile,
    /// What hides its commitment.
    pub salt: Salt,
}

/// Why a secret cannot be read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not hold a secret.
    #[error("{} does not hold the secret of an order", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder found.
        source: parity_scale_codec::Error,
    },
    /// The test file is another than the one that was remembered.
    #[error("{} is not the test file of its order: found {found:?}, expected {expected:?}", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// As remembered.
        expected: DataFile,
        /// As it is.
        found: DataFile,
    },
}

/// Keeps the test file of an order and the salt of its commitment in the folder of the node.
///
/// Call it before the order is submitted: without them the client loses its bond.
///
/// # Errors
/// [`FileError`] when the disk refuses; the order must not be submitted then.
pub fn remember(folder: &Path, order: &OrderId, salt: &Salt, test: &[u8]) -> Result<(), FileError> {
    durable::write(&path(folder, order, TEST_ENDING), test)?;
    let secret = ClientSecret { file: data_file(test), salt: *salt };
    durable::write(&path(folder, order, SECRET_ENDING), &secret.encode())
}

/// What is kept of an order, `None` when nothing is.
///
/// # Errors
/// [`SecretError`] when the file cannot be read or holds something else.
pub fn recall(folder: &Path, order: &OrderId) -> Result<Option<ClientSecret>, SecretError> {
    let path = path(folder, order, SECRET_ENDING);
    let Some(bytes) = durable::read(&path)? else { return Ok(None) };
    let secret = ClientSecret::decode_all(&mut bytes.as_slice());
    secret.map(Some).map_err(|source| SecretError::Damaged { path, source })
}

/// The bytes of the test file that belongs to `secret`, `None` when they are not kept here.
///
/// # Errors
/// [`SecretError`] when the file cannot be read or is another.
pub fn recall_test(
    folder: &Path,
    order: &OrderId,
    secret: &ClientSecret,
) -> Result<Option<Vec<u8>>, SecretError> {
    let path = path(folder, order, TEST_ENDING);
    let Some(bytes) = durable::read(&path)? else { return Ok(None) };
    let (expected, found) = (secret.file, data_file(&bytes));
    if expected != found {
        return Err(SecretError::OtherFile { path, expected, found });
    }
    Ok(Some(bytes))
}

/// Removes what is kept of an order that was never submitted.
///
/// # Errors
/// [`FileError`] when the disk refuses.
pub fn forget(folder: &Path, order: &OrderId) -> Result<(), FileError> {
    durable::remove(&path(folder, order, SECRET_ENDING))?;
    durable::remove(&path(folder, order, TEST_ENDING))
}

fn path(folder: &Path, order: &OrderId, ending: &str) -> PathBuf {
    folder.join(ORDERS).join(format!("{order}.{ending}"))
}

#[cfg(test)]
mod tests;
