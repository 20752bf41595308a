//! Kernels: each once as a portable definition, and as fast versions with the same bits.
//!
//! - [`matmul`]: the canonical product of profile P0, over [`matrix`] views.
//! - [`integer_product`]: the exact product of profile P0i.
//! - [`elementary`]: exp, log, tanh, erf, 1/sqrt as our own polynomials.
//! - [`reduction`]: sums, means and maxima with a fixed tree.
//! - [`row_span`]: sums over the rows of a batch that comes in pieces.
//! - [`proof_of_space`]: tables, proofs and the verifier of plotting.
//! - [`softmax`]: log-softmax, its loss, argmax.
//! - [`activation`]: `ReLU`, GELU, `SiLU` and their gradients.
//! - [`cross_entropy`]: the loss of a classifier and its gradient.
//! - [`normalization`]: layer norm, group norm, root mean square norm, and their gradients.
//! - [`attention`]: attention over packed projections, masked or not, and its gradient.
//! - [`rotation`]: queries and keys turned by their positions.
//! - [`dropout`]: values left out at random.
//! - [`elements`]: products of tensors, element by element.
//! - [`tokens`]: one row for a whole text.
//! - [`embedding`]: rows of a table, and its gradient.
//! - [`convolution`]: convolutions, pooling, patches of images, and their gradients.
//! - [`update`]: one step of an optimizer, `AdamW` or momentum.
//! - [`chacha8`]: keystreams, and the random numbers of training.
//! - [`blake3_tree`]: roots of models and data, digests of logits.
//! - [`canonical`]: the one NaN.
//! - [`canonical_device`]: the operators of profile P0 on CUDA devices.
//! - [`self_check`]: whether this machine computes as P0 demands.
//! - [`erasure_code`]: parity chunks over the scalar field of BLS12-381, and recovery from any half.
//! - [`device`]: what kernels need of a device, whatever drives it.
//! - [`gpu`]: the plumbing of every wgpu kernel.
//! - `cuda`: the same kernels through the CUDA driver or emulated, with the features of these names.

pub mod activation;
pub mod attention;
pub mod blake3_tree;
pub mod canonical;
pub mod canonical_device;
pub mod chacha8;
pub mod convolution;
pub mod cross_entropy;
#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
pub mod cuda;
pub mod device;
pub mod dropout;
pub mod elementary;
pub mod elements;
pub mod embedding;
pub mod erasure_code;
#[cfg(test)]
mod fixtures;
pub mod gpu;
pub mod integer_product;
pub mod length;
pub mod matmul;
pub mod matrix;
pub mod normalization;
pub mod plotting;
pub mod proof_of_space;
pub mod reduction;
pub mod rotation;
pub mod row_span;
pub mod self_check;
pub mod softmax;
pub mod tokens;
pub mod update;
