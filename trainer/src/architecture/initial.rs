//! Initial weights, a function of the order and a seed.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_kernels::chacha8::ChaChaStream;

use crate::batch_order::seed_bytes;
use crate::parameters::{Parameters, ParametersError};

use super::{TensorLayout, layout};

/// Names the streams of initial weights; the counter is the tensor's place in the layout.
const WEIGHTS_DOMAIN: &str = "weights";

/// Weights of a variance of 2 over the inputs, and biases of zero.
///
/// # Errors
/// [`ParametersError::Overflow`] when the sizes do not fit this machine.
///
/// # Source
/// He and others, "Delving deep into rectifiers", 2015, equation 10.
pub fn initial_parameters(
    specification: &OrderSpecification,
    seed: u64,
) -> Result<Parameters, ParametersError> {
    let layouts = layout(specification)?;
    let seed = seed_bytes(seed);
    let tensors = (0_u64..).zip(&layouts).map(|(counter, layout)| {
        let stream = ChaChaStream::derive(&seed, WEIGHTS_DOMAIN, counter);
        values(layout, stream)
    });
    Parameters::new(specification, tensors.collect())
}

fn values(layout: &TensorLayout, mut stream: ChaChaStream) -> Vec<f32> {
    let [_, inputs] = layout.shape[..] else {
        return vec![0.0; layout.value_count()];
    };
    let deviation = (2.0 / as_f32(inputs)).sqrt();
    (0..layout.value_count()).map(|_| stream.normal_f32() * deviation).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a layer has at most 65,536 inputs")]
fn as_f32(count: usize) -> f32 {
    count as f32
}
