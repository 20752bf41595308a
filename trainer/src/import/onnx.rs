//! Networks in ONNX become declared layers and their weights.
//!
//! What is read is a list, [`OPERATORS`]; everything else is refused by the name of its node.

mod constant;
mod graph;
mod message;
mod node;
mod operators;

pub(super) use constant::{brain, half};

use aipot_domain_runtime::order::network::ValueShape;
use aipot_domain_runtime::order::{Architecture, DataFormat, ImageShape};

use self::constant::Constant;
use self::graph::Graph;
use self::message::{GraphParts, Model, Node, Tensor, Value, decode, decode_all};
use self::node::Site;
use super::{ImportError, Imported};
use crate::import::bounded;

/// Operators that are read.
pub const OPERATORS: &[&str] = &[
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Constant",
    "Conv",
    "Dropout",
    "Flatten",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GroupNormalization",
    "Identity",
    "LayerNormalization",
    "MatMul",
    "MaxPool",
    "Mul",
    "ReduceMean",
    "Relu",
    "Reshape",
    "Softmax",
    "Transpose",
];

/// Longest file that is read: weights of a hundred million parameters and some structure.
const ONNX_BYTES_MAX: usize = 512 << 20;
/// Most nodes: a few for each of the most layers.
const NODES_MAX: usize = 4_096;
/// Most tensors.
const TENSORS_MAX: usize = 8_192;
/// Most inputs, which may repeat the tensors.
const INPUTS_MAX: usize = 8_192;
/// The type of real numbers; see [`constant`].
const FLOAT: i32 = 1;

/// Reads a network.
///
/// # Errors
/// [`ImportError`] naming the node, its operator and what is allowed.
pub fn read_onnx(bytes: &[u8]) -> Result<Imported, ImportError> {
    bounded("bytes of the file", bytes.len(), ONNX_BYTES_MAX)?;
    let model: Model = decode("the file", bytes)?;
    if !model.functions.is_empty() {
        return Err(graph_error("functions", model.functions.len().to_string(), "none"));
    }
    let sets = model.operator_sets.iter().filter(|set| set.domain.is_empty());
    let version = sets.map(|set| set.version).max().unwrap_or(1);
    let parts: GraphParts = decode("the graph", &model.graph.unwrap_or_default())?;
    if !parts.sparse_initializers.is_empty() {
        let found = parts.sparse_initializers.len().to_string();
        return Err(graph_error("sparse tensors", found, "none"));
    }
    let nodes: Vec<Node> = decode_all(("nodes", NODES_MAX), &parts.nodes)?;
    let tensors: Vec<Tensor> = decode_all(("tensors", TENSORS_MAX), &parts.initializers)?;
    let inputs: Vec<Value> = decode_all(("inputs", INPUTS_MAX), &parts.inputs)?;
    let outputs: Vec<Value> = decode_all(("outputs", INPUTS_MAX), &parts.outputs)?;
    let [output] = &outputs[..] else {
        return Err(graph_error("the number of outputs", outputs.len().to_string(), "1"));
    };
    let constants = tensors.into_iter().map(Constant::read).collect::<Result<Vec<_>, _>>()?;
    let mut graph = Graph::new(constants, (&nodes, &output.name));
    let input = read_input(&inputs, &mut graph)?;
    for (place, node) in nodes.iter().enumerate() {
        Site::new(node, place, version, &mut graph).convert()?;
    }
    let feature_count = u32::try_from(input.value_count()).unwrap_or(u32::MAX);
    imported(graph, (input, feature_count), &output.name)
}

/// The form of the one input that is no tensor of the file.
fn read_input(inputs: &[Value], graph: &mut Graph) -> Result<ValueShape, ImportError> {
    let mut open = inputs.iter().filter(|input| graph.constant(&input.name).is_none());
    let (Some(input), None) = (open.next(), open.next()) else {
        let found = inputs.len().to_string();
        return Err(graph_error("the number of inputs", found, "1 that is no tensor of the file"));
    };
    let kind = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let element = kind.map_or(0, |kind| kind.element);
    if element != FLOAT {
        return Err(graph_error("the type of the input", format!("number {element}"), "f32"));
    }
    let sides = kind.and_then(|kind| kind.shape.as_ref()).map_or(&[][..], |shape| &shape.sides);
    let sides: Vec<Option<u32>> = sides
        .iter()
        .map(|side| side.length.and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0))
        .collect();
    let shape = match sides[..] {
        [_, Some(width)] => ValueShape::Features { width },
        [_, Some(channels), Some(height), Some(width)] => {
            ValueShape::Image(ImageShape { channels, height, width })
        }
        _ => {
            let allowed = "[batch, features] or [batch, channels, rows, columns]";
            return Err(graph_error("the shape of the input", format!("{sides:?}"), allowed));
        }
    };
    graph.begin(&input.name, shape);
    Ok(shape)
}

fn imported(
    graph: Graph,
    (input, feature_count): (ValueShape, u32),
    output: &str,
) -> Result<Imported, ImportError> {
    let last = graph.value(output).and_then(|value| graph.shape(value).map(|shape| (value, shape)));
    let Some((value, ValueShape::Features { width })) = last else {
        let found = last.map_or("missing".to_owned(), |(_, shape)| shape.name().to_owned());
        return Err(graph_error("the output", found, "features, one for each class"));
    };
    if value != graph.layer_count() {
        return Err(graph_error("the output", format!("value {value}"), "that of the last layer"));
    }
    let (layers, tensors) = graph.finish();
    let found = u64::try_from(layers.len()).unwrap_or(u64::MAX);
    let layers = layers.try_into().map_err(|_| ImportError::TooMany {
        what: "layers",
        found,
        max: u64::try_from(aipot_domain_runtime::order::network::LAYERS_MAX).unwrap_or(u64::MAX),
    })?;
    let architecture = Architecture::Graph { input: graph::input(input), layers };
    let format = DataFormat::Floats;
    Ok(Imported { architecture, feature_count, class_count: width, format, tensors })
}

fn graph_error(what: &'static str, found: String, allowed: &'static str) -> ImportError {
    ImportError::Graph { what, found, allowed }
}

#[cfg(test)]
mod tests;
