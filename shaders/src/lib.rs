//! GPU kernel sources as constants; no logic.

#![no_std]

pub mod blake3;
pub mod canonical;
pub mod cuda;
pub mod erasure;
pub mod plotting;
pub mod space;

/// WGSL source of the `ChaCha8` keystream, entry point `chacha8_keystream`.
///
/// # Shapes
/// Binding 0 (read): 16 words, the state of the first block. Binding 1 (written): 16 words for each
/// block. Workgroups of 256 invocations, one block each.
pub const CHACHA8_KEYSTREAM: &str = include_str!("../wgsl/chacha8_keystream.wgsl");
