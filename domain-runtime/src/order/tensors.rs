//! The tensors of an order's model: names, shapes and how they start. Files, programs and engines follow
//! this one list.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::cost::Overflow;
use super::layout::TEXT_CLASSES;
use super::shape::convolution_stages;
use super::{
    Architecture, ConvolutionSpecification, ImageShape, OrderSpecification, PERCEPTRON_FACTOR,
};

/// Most blocks of a `gpt`: numbers of two digits sort as their names do.
pub const BLOCKS_MAX: u32 = 100;

/// How the values of a tensor start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
    /// Normal numbers of a variance of 2 over the inputs.
    ///
    /// # Source
    /// He and others, "Delving deep into rectifiers", 2015, equation 10.
    Rectified {
        /// Inputs of the layer.
        input_count: u32,
    },
    /// Normal numbers of a deviation of 0.02.
    ///
    /// # Source
    /// Radford and others, "Improving language understanding by generative pre-training", 2018,
    /// section 4.1.
    Small,
}

/// One tensor of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tensor {
    /// Name in the model file.
    pub name: String,
    /// Lengths of its sides, the slowest first.
    pub shape: Vec<u32>,
    /// How it starts.
    pub start: Start,
}

impl Tensor {
    /// How many values the tensor holds; `None` beyond 64 bits.
    #[must_use]
    pub fn value_count(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |count, side| count.checked_mul(u64::from(*side)))
    }
}

/// The tensors of an order's model, sorted by name.
///
/// # Shapes
/// Linear layers: bias `[output]`, weight `[output, input]`; convolutions: bias `[output]`, weight
/// `[output, channel * row * column of the kernel]`; norms: bias and weight `[width]`; embeddings:
/// `[entry, width]`.
///
/// # Errors
/// [`Overflow`] when layers do not fit each other or have more values than 64 bits count.
pub fn tensors(specification: &OrderSpecification) -> Result<Vec<Tensor>, Overflow> {
    let data = &specification.data;
    let tensors = match &specification.model.architecture {
        Architecture::Mlp { hidden_widths } => {
            perceptron(data.feature_count, hidden_widths, data.class_count)
        }
        Architecture::Cnn { image, convolutions, hidden_widths } => {
            let (mut tensors, features) = convolution_tensors(*image, convolutions)?;
            tensors.extend(perceptron(features, hidden_widths, data.class_count));
            tensors
        }
        Architecture::Gpt { width, layer_count, context, .. } => {
            decoder(*width, *layer_count, *context)?
        }
    };
    if tensors.iter().any(|tensor| tensor.value_count().is_none()) {
        return Err(Overflow { quantity: "values of a tensor" });
    }
    Ok(tensors)
}

fn perceptron(features: u32, hidden_widths: &[u32], classes: u32) -> Vec<Tensor> {
    let outputs = hidden_widths.iter().copied().chain(core::iter::once(classes));
    let inputs = core::iter::once(features).chain(hidden_widths.iter().copied());
    let layers = (0_u32..).zip(inputs.zip(outputs));
    let tensors = layers.flat_map(|(layer, (input_count, output_count))| {
        layer_tensors(&format!("layers.{layer:02}"), output_count, input_count, None)
    });
    tensors.collect()
}

/// Bias and weight of a layer, by default with the start of a rectified one.
fn layer_tensors(name: &str, outputs: u32, inputs: u32, start: Option<Start>) -> [Tensor; 2] {
    let start = start.unwrap_or(Start::Rectified { input_count: inputs });
    [
        Tensor { name: format!("{name}.bias"), shape: [outputs].into(), start: Start::Zeros },
        Tensor { name: format!("{name}.weight"), shape: [outputs, inputs].into(), start },
    ]
}

/// The tensors of the convolutions, and the features that they leave.
fn convolution_tensors(
    image: ImageShape,
    convolutions: &[ConvolutionSpecification],
) -> Result<(Vec<Tensor>, u32), Overflow> {
    let misfit = |_| Overflow { quantity: "sides of a feature map" };
    let stages = convolution_stages(image, convolutions).map_err(misfit)?;
    let mut tensors = Vec::new();
    for (layer, stage) in (0_u32..).zip(&stages) {
        let inputs = stage.kernel.checked_mul(stage.kernel);
        let inputs = inputs.and_then(|area| area.checked_mul(stage.input.channels));
        let inputs = inputs.ok_or(Overflow { quantity: "inputs of a convolution" })?;
        let name = format!("convolutions.{layer:02}");
        tensors.extend(layer_tensors(&name, stage.output.channels, inputs, None));
    }
    let last = stages.last().map_or(image, |stage| stage.pooled);
    let features = u32::try_from(last.value_count());
    Ok((tensors, features.map_err(|_| Overflow { quantity: "values of a feature map" })?))
}

/// The parts of a decoder, by name.
fn decoder(width: u32, layer_count: u32, context: u32) -> Result<Vec<Tensor>, Overflow> {
    if layer_count > BLOCKS_MAX {
        return Err(Overflow { quantity: "blocks of the model" });
    }
    let wide = |factor: u32| width.checked_mul(factor).ok_or(Overflow { quantity: "layer width" });
    let (packed, hidden) = (wide(3)?, wide(PERCEPTRON_FACTOR)?);
    let linear =
        |name: &str, outputs, inputs| layer_tensors(name, outputs, inputs, Some(Start::Small));
    let norm = |name: &str| {
        let [bias, weight] = layer_tensors(name, width, 1, Some(Start::Ones));
        [bias, Tensor { shape: [width].into(), ..weight }]
    };
    let table = |name: &str, entries: u32| Tensor {
        name: format!("{name}.weight"),
        shape: [entries, width].into(),
        start: Start::Small,
    };
    let mut tensors = Vec::new();
    for block in 0..layer_count {
        let name = |part: &str| format!("blocks.{block:02}.{part}");
        tensors.extend(linear(&name("attention.input"), packed, width));
        tensors.extend(linear(&name("attention.output"), width, width));
        tensors.extend(norm(&name("norm1")));
        tensors.extend(norm(&name("norm2")));
        tensors.extend(linear(&name("perceptron.input"), hidden, width));
        tensors.extend(linear(&name("perceptron.output"), width, hidden));
    }
    tensors.extend(norm("norm"));
    tensors.extend(linear("output", TEXT_CLASSES, width));
    tensors.push(table("position", context));
    tensors.push(table("token", TEXT_CLASSES));
    Ok(tensors)
}
