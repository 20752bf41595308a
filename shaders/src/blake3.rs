//! WGSL sources of the BLAKE3 tree.

/// Chaining values of chunks, entry point `blake3_chunks`.
///
/// # Shapes
/// Binding 0: bytes of the input and its chunks, two words. 1: the input. 2: eight words a chunk. Workgroups
/// of 256, one chunk an invocation.
pub const CHUNKS: &str =
    concat!(include_str!("../wgsl/parts/blake3.wgsl"), include_str!("../wgsl/blake3_chunks.wgsl"));

/// One level of parents, entry point `blake3_parents`.
///
/// # Shapes
/// Binding 0: number of children, one word. 1: children, eight words each. 2: parents, half as many, rounded
/// up. Workgroups of 256, one parent an invocation.
pub const PARENTS: &str =
    concat!(include_str!("../wgsl/parts/blake3.wgsl"), include_str!("../wgsl/blake3_parents.wgsl"));
