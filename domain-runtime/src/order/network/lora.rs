//! Low-rank adapters on a base that stays as it is.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::sketch::{Initial, Part, Sketch};
use super::{GraphInput, Layer, NetworkError, bert, llama};
use crate::float::Float;
use crate::order::{LoraBase, LoraShape, LoraTarget};

/// The base with adapters beside the linear layers that are named: `y + scale * B(A(x))`, where `B` starts
/// at zero. An encoder gets a head of its own, which is trained; a decoder keeps the base's.
///
/// # Source
/// Hu and others, "Low-rank adaptation of large language models", 2021, section 4.1.
pub(super) fn sketch(shape: &LoraShape, classes: u32) -> Result<Sketch, NetworkError> {
    let mut base = Sketch::new(GraphInput::Tokens, Initial::Small);
    base.is_frozen = true;
    match &shape.base {
        LoraBase::Bert(base_shape) => {
            bert::body(&mut base, base_shape);
            base.is_frozen = false;
            bert::head(&mut base, classes);
        }
        LoraBase::Llama(base_shape) => {
            llama::body(&mut base, base_shape, classes);
            llama::unbiased(&mut base, "output", classes);
        }
    }
    let mut adapted = Sketch::new(base.input, Initial::Small);
    // What each value of the base has become.
    let mut places: Vec<usize> = vec![0];
    let mut adapter_count = 0_usize;
    for part in base.parts {
        let Part { name, layer, inputs, initial, is_frozen } = part;
        let inputs: Vec<usize> =
            inputs.iter().map(|value| places.get(*value).copied().unwrap_or(0)).collect();
        (adapted.initial, adapted.is_frozen) = (initial, is_frozen);
        let made = adapted.read(&name, layer, inputs.clone());
        let is_target = shape.targets.iter().any(|target| name.ends_with(suffix(*target)));
        let made = if let Layer::Linear { outputs, .. } = layer
            && is_frozen
            && is_target
        {
            adapter_count = adapter_count.saturating_add(1);
            adapter(&mut adapted, (&name, shape), (inputs, outputs), made)
        } else {
            made
        };
        places.push(made);
    }
    // An encoder without adapters is a frozen one with a new head; a decoder would have nothing to train.
    let is_trained = adapter_count > 0 || matches!(shape.base, LoraBase::Bert(_));
    let is_found = adapter_count > 0 || shape.targets.is_empty();
    if is_trained && is_found { Ok(adapted) } else { Err(NetworkError::NoTarget) }
}

/// Adds the adapter to what the layer makes.
fn adapter(
    sketch: &mut Sketch,
    (name, shape): (&str, &LoraShape),
    (inputs, outputs): (Vec<usize>, u32),
    made: usize,
) -> usize {
    let part = |part: &str| -> String { format!("{name}.adapter.{part}") };
    let scale = Float(shape.alpha).divide(Float::from_u32(shape.rank));
    (sketch.initial, sketch.is_frozen) = (Initial::Small, false);
    sketch.read(&part("a"), Layer::Linear { outputs: shape.rank, has_bias: false }, inputs);
    sketch.initial = Initial::Zero;
    sketch.then(&part("b"), Layer::Linear { outputs, has_bias: false });
    sketch.then("scale", Layer::Scale { factor: scale.0 });
    sketch.add(made)
}

/// The end of the names of the layers that a target means.
const fn suffix(target: LoraTarget) -> &'static str {
    match target {
        LoraTarget::AttentionInput => ".attention.input",
        LoraTarget::AttentionOutput => ".attention.output",
        LoraTarget::PerceptronGate => ".perceptron.gate",
        LoraTarget::PerceptronInput => ".perceptron.input",
        LoraTarget::PerceptronOutput => ".perceptron.output",
    }
}
