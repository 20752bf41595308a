//! The tensors of an order's model: names, shapes and how they start. Files, programs and engines follow
//! this one list.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::cost::Overflow;
use super::network::network;
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
    /// What it is, for people.
    pub label: &'static str,
    /// Of which layer, for people.
    pub layer: u16,
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

/// The tensors of the base file of an order, sorted by name: those that stay as they are, or where there
/// are none, those of the model itself, which start from the file.
///
/// # Errors
/// As [`tensors`].
pub fn base_tensors(specification: &OrderSpecification) -> Result<Vec<Tensor>, Overflow> {
    let misfit = |_| Overflow { quantity: "layers of the model" };
    match network(specification).map_err(misfit)? {
        Some(network) if !network.base.is_empty() => Ok(network.base),
        Some(_) | None => tensors(specification),
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
            let blocks = u16::try_from(*layer_count).ok();
            let blocks = blocks.filter(|blocks| u32::from(*blocks) <= BLOCKS_MAX);
            let blocks = blocks.ok_or(Overflow { quantity: "blocks of the model" })?;
            decoder((*width, blocks), *context, data.class_count)?
        }
        Architecture::Graph { .. }
        | Architecture::Resnet(_)
        | Architecture::Vit(_)
        | Architecture::Bert(_)
        | Architecture::Llama(_)
        | Architecture::Lora(_) => {
            let misfit = |_| Overflow { quantity: "layers of the model" };
            let network = network(specification).map_err(misfit)?;
            network.map(|network| network.tensors).unwrap_or_default()
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
    let layers = (0_u16..).zip(inputs.zip(outputs));
    let tensors = layers.flat_map(|(layer, (input_count, output_count))| {
        let name = format!("layers.{layer:02}");
        let start = Start::Rectified { input_count };
        linear((&name, layer), ["linear bias", "linear weight"], [output_count, input_count], start)
    });
    tensors.collect()
}

/// Bias and weight of a layer.
fn linear(
    (name, layer): (&str, u16),
    [bias, weight]: [&'static str; 2],
    [outputs, inputs]: [u32; 2],
    start: Start,
) -> [Tensor; 2] {
    let tensor = |part: &str, label, shape: &[u32], start| Tensor {
        name: format!("{name}.{part}"),
        label,
        layer,
        shape: shape.to_vec(),
        start,
    };
    [
        tensor("bias", bias, &[outputs], Start::Zeros),
        tensor("weight", weight, &[outputs, inputs], start),
    ]
}

/// Bias and weight of a norm.
fn norm((name, layer): (&str, u16), width: u32) -> [Tensor; 2] {
    let labels = ["norm bias", "norm weight"];
    let [bias, weight] = linear((name, layer), labels, [width, 1], Start::Ones);
    [bias, Tensor { shape: [width].into(), ..weight }]
}

/// The tensors of the convolutions, and the features that they leave.
fn convolution_tensors(
    image: ImageShape,
    convolutions: &[ConvolutionSpecification],
) -> Result<(Vec<Tensor>, u32), Overflow> {
    let misfit = |_| Overflow { quantity: "sides of a feature map" };
    let stages = convolution_stages(image, convolutions).map_err(misfit)?;
    let mut tensors = Vec::new();
    for (layer, stage) in (0_u16..).zip(&stages) {
        let input_count = stage.kernel.checked_mul(stage.kernel);
        let input_count = input_count.and_then(|area| area.checked_mul(stage.input.channels));
        let input_count = input_count.ok_or(Overflow { quantity: "inputs of a convolution" })?;
        let name = format!("convolutions.{layer:02}");
        let labels = ["convolution bias", "convolution weight"];
        let shape = [stage.output.channels, input_count];
        tensors.extend(linear((&name, layer), labels, shape, Start::Rectified { input_count }));
    }
    let last = stages.last().map_or(image, |stage| stage.pooled);
    let features = u32::try_from(last.value_count());
    Ok((tensors, features.map_err(|_| Overflow { quantity: "values of a feature map" })?))
}

/// The parts of a decoder, by name.
fn decoder(
    (width, layer_count): (u32, u16),
    context: u32,
    vocabulary: u32,
) -> Result<Vec<Tensor>, Overflow> {
    let wide = |factor: u32| width.checked_mul(factor).ok_or(Overflow { quantity: "layer width" });
    let (packed, hidden) = (wide(3)?, wide(PERCEPTRON_FACTOR)?);
    let mut tensors = Vec::new();
    for block in 0..layer_count {
        let prefix = |part: &str| format!("blocks.{block:02}.{part}");
        let mut extend = |part: &str, labels, shape| {
            tensors.extend(linear((&prefix(part), block), labels, shape, Start::Small));
        };
        extend(
            "attention.input",
            ["attention input bias", "attention input weight"],
            [packed, width],
        );
        extend(
            "attention.output",
            ["attention output bias", "attention output weight"],
            [width; 2],
        );
        tensors.extend(norm((&prefix("norm1"), block), width));
        tensors.extend(norm((&prefix("norm2"), block), width));
        let mut extend = |part: &str, labels, shape| {
            tensors.extend(linear((&prefix(part), block), labels, shape, Start::Small));
        };
        extend(
            "perceptron.input",
            ["perceptron input bias", "perceptron input weight"],
            [hidden, width],
        );
        extend(
            "perceptron.output",
            ["perceptron output bias", "perceptron output weight"],
            [width, hidden],
        );
    }
    let table = |name: &str, label, entries: u32| Tensor {
        name: format!("{name}.weight"),
        label,
        layer: layer_count,
        shape: [entries, width].into(),
        start: Start::Small,
    };
    tensors.extend(norm(("norm", layer_count), width));
    let labels = ["output bias", "output weight"];
    tensors.extend(linear(("output", layer_count), labels, [vocabulary, width], Start::Small));
    tensors.push(table("position", "position embedding", context));
    tensors.push(table("token", "token embedding", vocabulary));
    Ok(tensors)
}
