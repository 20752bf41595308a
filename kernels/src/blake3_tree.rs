//! BLAKE3 over models, data and logits: one root commits to all bytes and to every 1 KiB chunk.

pub mod device;

use thiserror::Error;

/// Fewer bytes than this are hashed on one thread.
///
/// # Source
/// The documentation of `blake3::Hasher::update_rayon`: below 128 KiB it is usually slower.
const PARALLEL_BYTES_MIN: usize = 128 * 1024;

/// Values turned into bytes at a time where memory is not little-endian.
const CONVERTED_VALUES: usize = 16 * 1024;

/// Why a chunk is not what its root commits to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RootError {
    /// The bytes are not those of the root.
    #[error("expected root {}, found {}", hex(expected), hex(actual))]
    Mismatch {
        /// The root that was promised.
        expected: [u8; 32],
        /// The root of the bytes at hand.
        actual: [u8; 32],
    },
}

/// The BLAKE3 hash of the bytes, which is also the root of their chunk tree.
pub fn root(bytes: &[u8]) -> [u8; 32] {
    finish(blake3::Hasher::new(), bytes)
}

/// Checks bytes against a promised root.
///
/// # Errors
/// [`RootError::Mismatch`] when they are other bytes.
pub fn verify_root(bytes: &[u8], expected: [u8; 32]) -> Result<(), RootError> {
    let actual = root(bytes);
    if actual == expected { Ok(()) } else { Err(RootError::Mismatch { expected, actual }) }
}

/// The BLAKE3 hash of the values' bits, four little-endian bytes each.
///
/// NaNs are hashed as they are; a kernel's results hold only the canonical one.
pub fn bits_digest(values: &[f32]) -> [u8; 32] {
    finish_values(blake3::Hasher::new(), values)
}

/// [`bits_digest`] with BLAKE3's keyed mode: nobody without the key can copy or precompute it.
pub fn keyed_bits_digest(key: &[u8; 32], values: &[f32]) -> [u8; 32] {
    finish_values(blake3::Hasher::new_keyed(key), values)
}

/// Hashes values through a little-endian byte view.
fn finish_values(mut hasher: blake3::Hasher, values: &[f32]) -> [u8; 32] {
    if cfg!(target_endian = "little") {
        return finish(hasher, bytemuck::cast_slice(values));
    }
    for part in values.chunks(CONVERTED_VALUES) {
        let bytes: Vec<u8> = part.iter().flat_map(|value| value.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}

/// Hashes bytes, with all threads when that pays.
fn finish(mut hasher: blake3::Hasher, bytes: &[u8]) -> [u8; 32] {
    if bytes.len() < PARALLEL_BYTES_MIN {
        hasher.update(bytes);
    } else {
        hasher.update_rayon(bytes);
    }
    *hasher.finalize().as_bytes()
}

/// A root in the way people read it.
fn hex(root: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*root).to_hex().to_string()
}

#[cfg(test)]
mod tests;
