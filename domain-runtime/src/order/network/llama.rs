//! Decoders of the llama family.

use alloc::format;
use alloc::vec;

use super::sketch::{Initial, Sketch};
use super::{AttentionMask, GraphInput, Layer};
use crate::order::LlamaShape;

/// Keeps the root of a norm from zero: 1e-5, the nearest f32.
///
/// # Source
/// `rms_norm_eps` of the published models.
const EPSILON: u32 = 0x3727_c5ac;

/// Tokens; blocks of causal attention with turned queries and keys and of a gated perceptron, each behind
/// a norm and added to its input; a last norm, and the classes of the next token. No biases.
///
/// # Source
/// Touvron and others, "Open and efficient foundation language models", 2023, section 2.2.
pub(super) fn sketch(shape: &LlamaShape, classes: u32) -> Sketch {
    let mut sketch = Sketch::new(GraphInput::Tokens, Initial::Small);
    body(&mut sketch, shape, classes);
    unbiased(&mut sketch, "output", classes);
    sketch
}

/// Everything before the classes.
pub(super) fn body(sketch: &mut Sketch, shape: &LlamaShape, vocabulary: u32) {
    let (width, heads) = (shape.width, shape.head_count);
    let norm = Layer::RmsNorm { epsilon: EPSILON };
    sketch.then("token", Layer::Embedding { vocabulary, width });
    for block in 0..shape.layer_count {
        let name = format!("blocks.{block:02}");
        let input = sketch.last();
        sketch.then(&format!("{name}.norm1"), norm);
        unbiased(sketch, &format!("{name}.attention.input"), width.saturating_mul(3));
        sketch.then("rope", Layer::Rope { heads, base: shape.rope_base });
        sketch.then("attention", Layer::Attention { heads, mask: AttentionMask::Causal });
        unbiased(sketch, &format!("{name}.attention.output"), width);
        let between = sketch.add(input);
        let normed = sketch.then(&format!("{name}.norm2"), norm);
        unbiased(sketch, &format!("{name}.perceptron.gate"), shape.hidden_width);
        let gate = sketch.then("silu", Layer::Silu);
        let layer = Layer::Linear { outputs: shape.hidden_width, has_bias: false };
        let input = sketch.read(&format!("{name}.perceptron.input"), layer, vec![normed]);
        sketch.read("gated", Layer::Multiply, vec![gate, input]);
        unbiased(sketch, &format!("{name}.perceptron.output"), width);
        sketch.add(between);
    }
    sketch.then("norm", norm);
}

/// A linear layer without a bias that reads the value before it.
pub(super) fn unbiased(sketch: &mut Sketch, name: &str, outputs: u32) -> usize {
    sketch.then(name, Layer::Linear { outputs, has_bias: false })
}
