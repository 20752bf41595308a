//! WGSL sources of the erasure code of records: transforms of 2^15 scalars of 8 words.

/// Chunks into scalars and back, entry point `erasure_turn`.
///
/// # Shapes
/// Binding 0: before. 1: after. 128 workgroups of 256, one scalar an invocation.
pub const TURN: &str =
    concat!(include_str!("../wgsl/parts/bytes.wgsl"), include_str!("../wgsl/erasure_turn.wgsl"));

/// One stage of a transform, entry point `erasure_stage`.
///
/// # Shapes
/// Binding 0: distance of a pair and direction, two words. 1: 16,384 roots in Montgomery's form. 2: scalars,
/// changed in place. 64 workgroups of 256, one pair an invocation.
pub const STAGE: &str =
    concat!(include_str!("../wgsl/parts/scalar.wgsl"), include_str!("../wgsl/erasure_stage.wgsl"));

/// The nine short stages of both transforms, entry point `erasure_middle`.
///
/// # Shapes
/// Binding 0, 1: inverse roots and roots. 2: the shift, 32,768 scalars in Montgomery's form. 3: scalars,
/// changed in place. 64 workgroups of 256, 512 scalars each.
pub const MIDDLE: &str =
    concat!(include_str!("../wgsl/parts/scalar.wgsl"), include_str!("../wgsl/erasure_middle.wgsl"));
