//! The keystream on a GPU: one invocation for each block.

use super::{BLOCK_WORDS, KeystreamError, check_counter, initial_state};
use crate::device::{ComputeDevice, Kernel, Launch, Step, read_words};

/// The kernel, whose entry point bears the name of its file.
pub(crate) const KEYSTREAM: Kernel = Kernel {
    name: "chacha8_keystream",
    wgsl: Some(aipot_shaders::CHACHA8_KEYSTREAM),
    cuda: aipot_shaders::cuda::CHACHA8_KEYSTREAM,
    workgroup_size: WORKGROUP_BLOCKS,
};

/// Blocks of one workgroup, as written in the shader.
pub(crate) const WORKGROUP_BLOCKS: u32 = 256;

/// Blocks of one dispatch at most: 64 MiB of keystream, half of what core WebGPU promises to bind.
const DISPATCH_BLOCKS_MAX: u32 = 1 << 20;

const _: () = assert!(DISPATCH_BLOCKS_MAX / WORKGROUP_BLOCKS <= 65_535, "core limit of a dispatch");

/// The same words as [`super::keystream_portable`], computed on a device.
///
/// # Shapes
/// `[block_count * 16]` words.
///
/// # Errors
/// [`KeystreamError::CounterOverflow`] as the portable version; [`KeystreamError::Gpu`] when the
/// device fails.
pub fn keystream_on<D: ComputeDevice>(
    device: &D,
    seed: &[u8; 32],
    nonce: [u8; 12],
    first_block: u32,
    block_count: u32,
) -> Result<Vec<u32>, KeystreamError> {
    check_counter(first_block, block_count)?;
    let mut keystream = Vec::new();
    let mut done = 0;
    while done < block_count {
        let count = DISPATCH_BLOCKS_MAX.min(block_count - done);
        let state = initial_state(seed, nonce, first_block + done);
        keystream.append(&mut dispatch(device, &state, count)?);
        done += count;
    }
    Ok(keystream)
}

/// Computes at most [`DISPATCH_BLOCKS_MAX`] blocks.
fn dispatch<D: ComputeDevice>(
    device: &D,
    state: &[u32; BLOCK_WORDS],
    block_count: u32,
) -> Result<Vec<u32>, KeystreamError> {
    let word_count = u64::from(block_count) * BLOCK_WORDS as u64;
    let state = device.upload("state", state)?;
    let keystream = device.allocate("keystream", word_count)?;
    let workgroups = [block_count.div_ceil(WORKGROUP_BLOCKS), 1, 1];
    let launch = Launch { kernel: &KEYSTREAM, buffers: vec![&state, &keystream], workgroups };
    device.submit(&[Step::Launch(launch)], &[])?;
    Ok(read_words(device, "keystream", &keystream, word_count)?)
}
