//! Transformers over squares of an image.

use alloc::format;
use alloc::vec;

use super::sketch::{Initial, Sketch};
use super::{AttentionMask, GraphInput, Layer};
use crate::order::{PERCEPTRON_FACTOR, VitShape};

/// Keeps the root of a norm from zero: 1e-5, the nearest f32.
const EPSILON: u32 = 0x3727_c5ac;

/// Squares of the image as rows, a linear layer and positions; blocks of attention and a perceptron, each
/// behind a layer norm and added to its input; a last norm, the mean of all rows, and a linear layer.
///
/// # Source
/// Dosovitskiy and others, "An image is worth 16x16 words", 2020; the mean instead of a class token from
/// Beyer and others, "Better plain `ViT` baselines for `ImageNet-1k`", 2022.
pub(super) fn sketch(shape: &VitShape, classes: u32) -> Sketch {
    let mut sketch = Sketch::new(GraphInput::Image(shape.image), Initial::Small);
    let width = shape.width;
    sketch.then("patches", Layer::Patches { side: shape.patch });
    sketch.linear("input", width);
    sketch.then("position", Layer::PositionEmbedding { positions: positions(shape) });
    let norm = Layer::LayerNorm { epsilon: EPSILON };
    for block in 0..shape.layer_count {
        let name = format!("blocks.{block:02}");
        let input = sketch.last();
        sketch.read(&format!("{name}.norm1"), norm, vec![input]);
        sketch.linear(&format!("{name}.attention.input"), width.saturating_mul(3));
        let heads = shape.head_count;
        sketch.then("attention", Layer::Attention { heads, mask: AttentionMask::None });
        sketch.linear(&format!("{name}.attention.output"), width);
        let between = sketch.add(input);
        sketch.then(&format!("{name}.norm2"), norm);
        sketch.linear(&format!("{name}.perceptron.input"), width.saturating_mul(PERCEPTRON_FACTOR));
        sketch.then("gelu", Layer::Gelu);
        sketch.linear(&format!("{name}.perceptron.output"), width);
        sketch.add(between);
    }
    sketch.then("norm", norm);
    sketch.then("mean", Layer::MeanTokens);
    sketch.linear("output", classes);
    sketch
}

/// Squares of the image; 0 for sides that no square has.
fn positions(shape: &VitShape) -> u32 {
    let squares = |side: u32| side.checked_div(shape.patch).unwrap_or(0);
    squares(shape.image.height).saturating_mul(squares(shape.image.width))
}
