//! Operations of a model, each fused, with its own backward pass and in the arithmetic of P0.
//!
//! candle keeps the tensors and the graph; the numbers come from the canonical kernels, so a CPU run
//! has the same bits on every machine. Every backward pass here is checked against differences.

mod cross_entropy;
mod linear;
pub(crate) mod view;

pub use cross_entropy::cross_entropy;
pub use linear::{Activation, InputGradient, Linear};

#[cfg(test)]
mod tests;
