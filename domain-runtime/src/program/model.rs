//! The networks of the architectures over a batch, forward and backward.

mod decoder;
mod graph;
mod images;
mod perceptron;

use alloc::vec::Vec;

use decoder::{Decoder, Sides};
use graph::Graph;
use images::Images;
use perceptron::Perceptron;

use super::builder::{Builder, file_element_count};
use super::error::ProgramError;
use super::header::{VALUE_BYTES, base_header};
use super::layers::loss::CrossEntropy;
use super::layers::{Gradients, Pair, Parameter};
use super::{DataInput, File, Layout, Operation, Picker, SlotIndex};
use crate::order::cost::Overflow;
use crate::order::network::{ValueShape, network};
use crate::order::shape::{ShapeError, check_shape, convolution_stages};
use crate::order::tensors::Tensor;
use crate::order::{Architecture, DataFormat, OrderSpecification};

/// The tensors of a model, taken one after the other as their names are sorted.
pub(super) struct Parameters<'slots> {
    slots: &'slots [SlotIndex],
    next: usize,
}

impl<'slots> Parameters<'slots> {
    /// All tensors, in the order of their names.
    pub(super) const fn new(slots: &'slots [SlotIndex]) -> Self {
        Self { slots, next: 0 }
    }

    /// The next tensor.
    fn one(&mut self) -> Result<Parameter, ProgramError> {
        let place = self.next;
        let slot = self.slots.get(place).ok_or(Overflow { quantity: "tensors of the model" })?;
        self.next = self.next.saturating_add(1);
        Ok(Parameter { slot: *slot, place })
    }

    /// The next two, which are bias and weight of a layer.
    fn pair(&mut self) -> Result<Pair, ProgramError> {
        Ok(Pair { bias: self.one()?, weight: self.one()? })
    }
}

/// A network with a batch that went through it.
pub(super) struct Passed {
    network: Network,
    /// Logits and labels.
    pub(super) answers: CrossEntropy,
}

enum Network {
    Perceptron(Perceptron),
    Images(Images),
    Decoder(Decoder),
    Graph(Graph),
}

/// How the order's data stands in its files.
///
/// # Errors
/// [`ProgramError::Format`] for a model that reads another kind of data, [`ProgramError::Shape`] for data
/// that does not fit the model.
pub(super) fn layout(specification: &OrderSpecification) -> Result<Layout, ProgramError> {
    check_shape(specification)?;
    let architecture = &specification.model.architecture;
    let reads_text = architecture.reads_running().unwrap_or(specification.data.format.is_running());
    let feature_count = specification.data.feature_count;
    let format = specification.data.format;
    let layout = match format {
        DataFormat::Records { value_bytes } => Layout::Records { value_bytes, feature_count },
        DataFormat::Floats => Layout::Floats { feature_count },
        DataFormat::Text => Layout::Text { context: feature_count, token_bytes: 1 },
        DataFormat::Tokens { value_bytes } => {
            Layout::Text { context: feature_count, token_bytes: value_bytes }
        }
    };
    if format.is_running() != reads_text {
        let expected = if reads_text { "text or tokens" } else { "records or floats" };
        return Err(ProgramError::Format { expected, found: format.name() });
    }
    Ok(layout)
}

/// Reads a batch and sends it through the network.
pub(super) fn forward(
    builder: &mut Builder,
    specification: &OrderSpecification,
    data: DataInput,
    parameters: &[SlotIndex],
) -> Result<Passed, ProgramError> {
    let mut parameters = Parameters::new(parameters);
    let (features, classes) = (specification.data.feature_count, specification.data.class_count);
    let batch = data.batch.rows;
    let divisor = specification.data.feature_divisor;
    let feature = Operation::Feature { data, divisor };
    let widths = |first: u32, hidden: &[u32]| -> Vec<u32> {
        let ends = (core::iter::once(first), core::iter::once(classes));
        ends.0.chain(hidden.iter().copied()).chain(ends.1).collect()
    };
    let (network, logits) = match &specification.model.architecture {
        Architecture::Mlp { hidden_widths } => {
            let input = builder.compute("features", &[batch, features], feature)?;
            let widths = widths(features, hidden_widths);
            let perceptron =
                Perceptron::forward(builder, &mut parameters, (input, batch), &widths)?;
            let logits = perceptron.logits;
            (Network::Perceptron(perceptron), logits)
        }
        Architecture::Cnn { image, convolutions, hidden_widths } => {
            let input = builder.compute("features", &[batch, features], feature)?;
            let stages = convolution_stages(*image, convolutions)?;
            let last = stages.last().map_or(*image, |stage| stage.pooled);
            let first = u32::try_from(last.value_count())
                .map_err(|_| Overflow { quantity: "values of a feature map" })?;
            let sides = (stages, widths(first, hidden_widths));
            let sides = (sides.0, sides.1.as_slice());
            let images = Images::forward(builder, &mut parameters, (input, batch), sides)?;
            let logits = images.perceptron.logits;
            (Network::Images(images), logits)
        }
        Architecture::Gpt { width, layer_count, head_count, context } => {
            let sides = Sides {
                batch,
                context: *context,
                width: *width,
                heads: *head_count,
                blocks: *layer_count,
                vocabulary: classes,
            };
            let token = Operation::Token { data, shift: 0 };
            let tokens = builder.compute("tokens", &[batch, *context], token)?;
            let decoder = Decoder::forward(builder, &mut parameters, sides, tokens)?;
            let logits = decoder.logits;
            (Network::Decoder(decoder), logits)
        }
        Architecture::Graph { .. }
        | Architecture::Resnet(_)
        | Architecture::Vit(_)
        | Architecture::Bert(_)
        | Architecture::Llama(_)
        | Architecture::Lora(_) => {
            let graph = graph(builder, specification, data, parameters.slots)?;
            let logits = graph.logits()?;
            (Network::Graph(graph), logits)
        }
    };
    let (labels, rows) = labels(builder, data)?;
    Ok(Passed { network, answers: CrossEntropy { logits, labels, rows, classes } })
}

/// Reads a batch and sends it through declared layers.
fn graph(
    builder: &mut Builder,
    specification: &OrderSpecification,
    data: DataInput,
    trained: &[SlotIndex],
) -> Result<Graph, ProgramError> {
    let network = network(specification).map_err(ShapeError::from)?;
    let network = network.ok_or(ProgramError::NoOperators { name: "model" })?;
    let shape = [data.batch.rows, specification.data.feature_count];
    let input = match network.input {
        ValueShape::Indices { .. } => {
            let token = Operation::Token { data, shift: 0 };
            builder.compute("tokens", &shape, token)?
        }
        ValueShape::Features { .. } | ValueShape::Image(_) | ValueShape::Tokens { .. } => {
            let feature = Operation::Feature { data, divisor: specification.data.feature_divisor };
            builder.compute("features", &shape, feature)?
        }
    };
    let base = if network.base.is_empty() {
        Vec::new()
    } else {
        specification.model.base.ok_or(ProgramError::NoBase)?;
        file_tensors(builder, File::Base, (&base_header(specification)?, &network.base))?
    };
    // Batches are shuffled where they are trained on, and nowhere else.
    let seed = match data.batch.picker {
        Picker::Shuffled { seed } => Some(seed),
        Picker::Sequence | Picker::Split { .. } => None,
    };
    Graph::forward(builder, network, (trained, base), (input, data.batch.rows, seed))
}

/// Tensors where they stand in a canonical file, behind its header.
pub(super) fn file_tensors(
    builder: &mut Builder,
    file: File,
    (header, tensors): (&[u8], &[Tensor]),
) -> Result<Vec<SlotIndex>, ProgramError> {
    let too_long = Overflow { quantity: "bytes of the model" };
    let mut offset = u64::try_from(header.len()).map_err(|_| too_long)?;
    let mut slots = Vec::new();
    for Tensor { label, layer, shape, .. } in tensors {
        builder.enter(*layer);
        let count = file_element_count(label, shape)?;
        slots.push(builder.file(label, file, (offset, count))?);
        offset = offset.saturating_add(u64::from(count).saturating_mul(VALUE_BYTES));
    }
    builder.enter(0);
    Ok(slots)
}

/// What each row of logits should have been, and how many rows there are.
fn labels(builder: &mut Builder, data: DataInput) -> Result<(SlotIndex, u32), ProgramError> {
    let batch = data.batch.rows;
    match data.layout {
        Layout::Records { .. } | Layout::Floats { .. } => {
            let labels = builder.compute("labels", &[batch], Operation::Label { data })?;
            Ok((labels, batch))
        }
        Layout::Text { context, .. } => {
            let following = Operation::Token { data, shift: 1 };
            let labels = builder.compute("following tokens", &[batch, context], following)?;
            Ok((labels, batch.saturating_mul(context)))
        }
    }
}

impl Passed {
    /// The mean loss, and the gradients of all tensors.
    pub(super) fn backward(&self, builder: &mut Builder) -> Result<Gradients, ProgramError> {
        let mut gradients = Gradients::new();
        let gradient = self.answers.backward(builder)?;
        match &self.network {
            Network::Perceptron(perceptron) => {
                perceptron.backward(builder, gradient, &mut gradients, false)?;
            }
            Network::Images(images) => images.backward(builder, gradient, &mut gradients)?,
            Network::Decoder(decoder) => decoder.backward(builder, gradient, &mut gradients)?,
            Network::Graph(graph) => graph.backward(builder, gradient, &mut gradients)?,
        }
        Ok(gradients)
    }
}
