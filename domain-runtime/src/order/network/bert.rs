//! Encoders over tokens.

use alloc::format;
use alloc::vec;

use super::sketch::{Initial, Sketch};
use super::{AttentionMask, GraphInput, Layer};
use crate::order::BertShape;

/// Keeps the root of a norm from zero: 1e-12, the nearest f32.
///
/// # Source
/// `layer_norm_eps` of the published models.
const EPSILON: u32 = 0x2b8c_bccc;

/// Tokens and positions, a norm, blocks whose norms stand behind the sums, the mean of all tokens that
/// are no padding, and a linear layer to the classes.
///
/// # Source
/// Devlin and others, "BERT", 2018; the mean as in Reimers and Gurevych, "Sentence-BERT", 2019. Type 0 of
/// the published models' tokens is part of the positions.
pub(super) fn sketch(shape: &BertShape, classes: u32) -> Sketch {
    let mut sketch = Sketch::new(GraphInput::Tokens, Initial::Small);
    body(&mut sketch, shape);
    head(&mut sketch, classes);
    sketch
}

/// Everything before the classes; gives the rows of the last block.
pub(super) fn body(sketch: &mut Sketch, shape: &BertShape) {
    let (width, heads) = (shape.width, shape.head_count);
    let norm = Layer::LayerNorm { epsilon: EPSILON };
    sketch.then("token", Layer::Embedding { vocabulary: shape.vocabulary, width });
    sketch.then("position", Layer::PositionEmbedding { positions: shape.positions });
    sketch.then("norm", norm);
    for block in 0..shape.layer_count {
        let name = format!("blocks.{block:02}");
        let input = sketch.last();
        let packed = sketch.linear(&format!("{name}.attention.input"), width.saturating_mul(3));
        let attention = Layer::Attention { heads, mask: AttentionMask::Padding };
        sketch.read("attention", attention, vec![packed, 0]);
        sketch.linear(&format!("{name}.attention.output"), width);
        sketch.add(input);
        let between = sketch.then(&format!("{name}.norm1"), norm);
        sketch.linear(&format!("{name}.perceptron.input"), shape.hidden_width);
        sketch.then("gelu", Layer::Gelu);
        sketch.linear(&format!("{name}.perceptron.output"), width);
        sketch.add(between);
        sketch.then(&format!("{name}.norm2"), norm);
    }
}

/// The mean of the tokens and the classes.
pub(super) fn head(sketch: &mut Sketch, classes: u32) {
    let inputs = vec![sketch.last(), 0];
    sketch.read("mean", Layer::MeanTokens, inputs);
    sketch.linear("output", classes);
}
