//! Initial weights, a function of the order and a seed.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::tensors::Start;
use aipot_kernels::chacha8::ChaChaStream;

use crate::batch_order::seed_bytes;
use crate::parameters::{Parameters, ParametersError};

use super::{TensorLayout, layout};

/// Names the streams of initial weights; the counter is the tensor's place in the layout.
const WEIGHTS_DOMAIN: &str = "weights";

/// The deviation of [`Start::Small`].
const SMALL_DEVIATION: f32 = 0.02;

/// The weights that each tensor of the layout starts with.
///
/// # Errors
/// [`ParametersError::Overflow`] when the sizes do not fit this machine.
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

fn values(layout: &TensorLayout, stream: ChaChaStream) -> Vec<f32> {
    let count = layout.value_count();
    match layout.start {
        Start::Zeros => vec![0.0; count],
        Start::Ones => vec![1.0; count],
        Start::Rectified { input_count } => {
            normal(stream, count, (2.0 / as_f32(input_count)).sqrt())
        }
        Start::Small => normal(stream, count, SMALL_DEVIATION),
    }
}

fn normal(mut stream: ChaChaStream, count: usize, deviation: f32) -> Vec<f32> {
    (0..count).map(|_| stream.normal_f32() * deviation).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a layer has at most 65,536 inputs")]
fn as_f32(count: u32) -> f32 {
    count as f32
}
