//! CUDA C++ sources. Each kernel has the name, the buffers and the workgroup of its WGSL version; after the
//! buffers it takes one more, `sizes`, which holds the number of words of each.

/// The `ChaCha8` keystream; see [`super::CHACHA8_KEYSTREAM`].
pub const CHACHA8_KEYSTREAM: &str =
    concat!(include_str!("../cuda/chacha8.cuh"), include_str!("../cuda/chacha8_keystream.cu"));
