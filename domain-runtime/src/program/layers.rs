//! Layers as operators, forward and backward, in the canonical order of operations of profile P0.

pub(super) mod attention;
pub(super) mod convolution;
pub(super) mod embedding;
pub(super) mod group_norm;
pub(super) mod linear;
pub(super) mod loss;
pub(super) mod norm;
pub(super) mod pool;
pub(super) mod rms;
pub(super) mod rotation;
pub(super) mod rows;
pub(super) mod tokens;

use alloc::collections::BTreeMap;

use super::SlotIndex;

/// One tensor of the model.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    /// Where it is kept.
    pub(super) slot: SlotIndex,
    /// Its place among all tensors.
    pub(super) place: usize,
}

/// Bias and weight of a layer.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) bias: Parameter,
    pub(super) weight: Parameter,
}

/// Gradients by the place of their tensor.
pub(super) type Gradients = BTreeMap<usize, SlotIndex>;
