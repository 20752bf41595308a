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

/// WGSL source of the product of 8-bit integers, entry point `integer_product`.
///
/// # Shapes
/// Binding 0 (read): three words, rows, words of a row of either matrix, columns. Binding 1 (read): the left
/// matrix, four integers a word. Binding 2 (read): the right matrix, column after column. Binding 3 (written):
/// the product. Workgroups of 256 invocations, 16 x 16 outputs each.
pub const INTEGER_PRODUCT: &str = include_str!("../wgsl/integer_product.wgsl");
