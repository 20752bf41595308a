//! WGSL sources of record encoding.

/// Hides chunks behind the hashes of proofs, entry point `plot_encode`.
///
/// # Shapes
/// Binding 0: s-bucket of each of 32,768 chunks. 1: their proofs, 40 words each. 2, 3: source and parity
/// chunks, 8 words each. 4: encoded chunks. 128 workgroups of 256.
pub const ENCODE: &str =
    concat!(include_str!("../wgsl/parts/blake3.wgsl"), include_str!("../wgsl/plot_encode.wgsl"));
