//! Residual networks of basic blocks.

use alloc::format;
use alloc::vec;

use super::sketch::{Initial, Sketch};
use super::{GraphInput, Layer};
use crate::order::ResnetShape;

/// Keeps the root of a norm from zero: 1e-5, the nearest f32.
const EPSILON: u32 = 0x3727_c5ac;

/// A convolution of 3 x 3, stages of blocks of two such convolutions each, the mean of the planes, and a
/// linear layer. Every convolution has a group norm behind it; the first block of every stage but the
/// first halves the sides.
///
/// # Source
/// He and others, "Deep residual learning", 2015, section 4.2 and figure 3; group norms instead of batch
/// norms, because they are the same for every size of a batch.
pub(super) fn sketch(shape: &ResnetShape, classes: u32) -> Sketch {
    let mut sketch = Sketch::new(GraphInput::Image(shape.image), Initial::Rectified);
    let groups = shape.groups;
    let Some(first) = shape.widths.first() else {
        sketch.then("pool", Layer::AveragePool);
        sketch.linear("output", classes);
        return sketch;
    };
    convolution(&mut sketch, "input", (*first, 3, 1), groups);
    sketch.then("rectifier", Layer::Relu);
    let mut before = *first;
    for (stage, width) in shape.widths.iter().enumerate() {
        for block in 0..shape.block_count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("stages.{stage:02}.{block:02}");
            let is_same = stride == 1 && before == *width;
            self::block(&mut sketch, &name, (*width, stride, is_same), groups);
            before = *width;
        }
    }
    sketch.then("pool", Layer::AveragePool);
    sketch.linear("output", classes);
    sketch
}

/// Two convolutions beside the input, which is projected where its sides change.
fn block(sketch: &mut Sketch, name: &str, (width, stride, is_same): (u32, u32, bool), groups: u32) {
    let input = sketch.last();
    convolution(sketch, &format!("{name}.first"), (width, 3, stride), groups);
    sketch.then("rectifier", Layer::Relu);
    let branch = convolution(sketch, &format!("{name}.second"), (width, 3, 1), groups);
    let beside = if is_same {
        input
    } else {
        let layer = unbiased(width, 1, stride);
        sketch.read(&format!("{name}.projection"), layer, vec![input]);
        sketch
            .then(&format!("{name}.projection.norm"), Layer::GroupNorm { groups, epsilon: EPSILON })
    };
    sketch.read("sum", Layer::Add, vec![branch, beside]);
    sketch.then("rectifier", Layer::Relu);
}

/// A convolution that keeps the sides at a stride of 1, and its norm.
fn convolution(
    sketch: &mut Sketch,
    name: &str,
    (outputs, kernel, stride): (u32, u32, u32),
    groups: u32,
) -> usize {
    sketch.then(name, unbiased(outputs, kernel, stride));
    sketch.then(&format!("{name}.norm"), Layer::GroupNorm { groups, epsilon: EPSILON })
}

const fn unbiased(outputs: u32, kernel: u32, stride: u32) -> Layer {
    // Half of an odd kernel, rounded down.
    Layer::Convolution { outputs, kernel, stride, padding: kernel >> 1, has_bias: false }
}
