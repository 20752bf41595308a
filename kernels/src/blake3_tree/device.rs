//! The root of bytes on a device, with the compression that also makes the tables of a proof of space and
//! hides the chunks of a record.

use aipot_shaders::{blake3, cuda};

use crate::device::{ComputeDevice, Download, Kernel, Step, copy_words, words_of};
use crate::gpu::GpuError;

/// Bytes of a chunk, the leaf of the tree.
const CHUNK_BYTES: u32 = 1024;

/// Words of a chaining value.
const VALUE_WORDS: u64 = 8;

const WORKGROUP: u32 = 256;

const CHUNKS: Kernel = Kernel {
    name: "blake3_chunks",
    wgsl: Some(blake3::CHUNKS),
    cuda: cuda::BLAKE3_CHUNKS,
    workgroup_size: WORKGROUP,
};

const PARENTS: Kernel = Kernel {
    name: "blake3_parents",
    wgsl: Some(blake3::PARENTS),
    cuda: cuda::BLAKE3_PARENTS,
    workgroup_size: WORKGROUP,
};

/// The same root as [`super::root`], computed on a device.
///
/// # Errors
/// [`GpuError::BufferTooLarge`] when the device does not bind so many bytes; others when it fails.
pub fn root_on<D: ComputeDevice>(device: &D, bytes: &[u8]) -> Result<[u8; 32], GpuError> {
    // An empty buffer cannot be bound.
    let mut words = words_of(bytes);
    words.resize(words.len().max(1), 0);
    let words = device.upload("input", &words)?;
    root_of_words(device, &words, bytes.len())
}

/// The root of the first `byte_count` bytes of a buffer that is on the device already, so that a model that
/// was trained there need not come back to be hashed.
///
/// # Errors
/// As [`root_on`].
pub fn root_of_words<D: ComputeDevice>(
    device: &D,
    words: &D::Words,
    byte_count: usize,
) -> Result<[u8; 32], GpuError> {
    let too_large = GpuError::BufferTooLarge {
        label: "input",
        wanted_bytes: byte_count as u64,
        max_bytes: device.words_max() * 4,
    };
    let Ok(bytes) = u32::try_from(byte_count) else { return Err(too_large) };
    let chunk_count = bytes.div_ceil(CHUNK_BYTES).max(1);
    let counts: Vec<u32> =
        std::iter::successors(Some(chunk_count), |&count| (count > 1).then(|| count.div_ceil(2)))
            .collect();
    let input = device.upload("input size", &[bytes, chunk_count])?;
    let room = |count: &u32| device.allocate("values", u64::from(*count) * VALUE_WORDS);
    let levels = counts.iter().map(room).collect::<Result<Vec<_>, _>>()?;
    let sizes = counts.iter().map(|&count| device.upload("child count", &[count]));
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;

    let mut steps =
        vec![Step::launch(&CHUNKS, vec![&input, words, &levels[0]], workgroups(chunk_count))];
    for (level, pair) in levels.windows(2).enumerate() {
        let buffers = vec![&sizes[level], &pair[0], &pair[1]];
        steps.push(Step::launch(&PARENTS, buffers, workgroups(counts[level + 1])));
    }
    let top = levels.len() - 1;
    let root = Download { label: "root", source: &levels[top], words: 0..VALUE_WORDS };
    let results = device.wait(device.submit(&steps, &[root])?)?;
    let mut root = [0; 32];
    copy_words(results.first().map_or(&[], Vec::as_slice), &mut root);
    Ok(root)
}

/// Workgroups for so many invocations.
fn workgroups(invocations: u32) -> [u32; 3] {
    [invocations.div_ceil(WORKGROUP), 1, 1]
}

#[cfg(test)]
mod tests;
