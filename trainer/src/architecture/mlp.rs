//! Linear layers with `ReLU` between them.

use candle_core::{Result, Tensor, Var};

use crate::layer::{Activation, InputGradient, Linear};

/// The logits of a batch.
///
/// # Shapes
/// `variables`: for each layer a bias `[output]`, then a weight `[output, input]`;
/// `features`: `[batch, feature]`; the result: `[batch, class]`.
///
/// # Errors
/// candle's error when the shapes do not fit.
pub(super) fn forward(variables: &[Var], features: &Tensor) -> Result<Tensor> {
    let (layers, _) = variables.as_chunks::<2>();
    let mut activations = features.clone();
    for (index, [bias, weight]) in layers.iter().enumerate() {
        let is_last = index + 1 == layers.len();
        let layer = Linear {
            activation: if is_last { Activation::None } else { Activation::Relu },
            input_gradient: if index == 0 { InputGradient::Skipped } else { InputGradient::Needed },
        };
        activations = layer.forward(&activations, weight, bias)?;
    }
    Ok(activations)
}
