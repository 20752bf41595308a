//! CUDA C++ sources. Each kernel has the name, the buffers and the workgroup of its WGSL version; after the
//! buffers it takes one more, `sizes`, which holds the number of words of each.

/// The `ChaCha8` keystream; see [`super::CHACHA8_KEYSTREAM`].
pub const CHACHA8_KEYSTREAM: &str =
    concat!(include_str!("../cuda/chacha8.cuh"), include_str!("../cuda/chacha8_keystream.cu"));
pub const SPACE_FIRST_VALUES: &str = "";
pub const SPACE_SCATTER: &str = "";
pub const SPACE_SORT_BUCKETS: &str = "";
pub const SPACE_MATCH: &str = "";
pub const SPACE_CHOOSE: &str = "";
pub const SPACE_WINNERS: &str = "";
pub const SPACE_RANK: &str = "";
pub const SPACE_TRACE: &str = "";
pub const PLOT_ENCODE: &str = "";
pub const ERASURE_TURN: &str = "";
pub const ERASURE_STAGE: &str = "";
pub const ERASURE_MIDDLE: &str = "";
