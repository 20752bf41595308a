//! The layers that a graph becomes, and where its values are among them.

use std::collections::BTreeMap;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::order::network::{GraphInput, GraphLayer, Layer, ValueShape};

use super::constant::Constant;
use super::message::Node;

/// Weights of a layer.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Weights {
    pub(super) weight: Option<Vec<f32>>,
    pub(super) bias: Option<Vec<f32>>,
}

/// What was made so far.
#[derive(Debug)]
pub(super) struct Graph {
    layers: Vec<(Layer, Vec<usize>, Weights)>,
    /// Of the data, and of what each layer makes.
    shapes: Vec<ValueShape>,
    /// Names of the values, by which nodes read them.
    values: BTreeMap<String, usize>,
    /// The name under which each layer made its value.
    made: Vec<String>,
    constants: BTreeMap<String, Constant>,
    /// How often each name is read.
    reads: BTreeMap<String, usize>,
    output: String,
}

impl Graph {
    pub(super) fn new(constants: Vec<Constant>, (nodes, output): (&[Node], &str)) -> Self {
        let mut reads = BTreeMap::new();
        let names = nodes.iter().flat_map(|node| node.inputs.iter().map(String::as_str));
        for name in names.chain([output]) {
            *reads.entry(name.to_owned()).or_insert(0) += 1;
        }
        let constants = constants.into_iter().map(|one| (one.name.clone(), one)).collect();
        let (layers, shapes, values, made) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { layers, shapes, values, made, constants, reads, output: output.to_owned() }
    }

    /// Takes the data as the first value.
    pub(super) fn begin(&mut self, name: &str, shape: ValueShape) {
        self.shapes.push(shape);
        self.made.push(name.to_owned());
        self.alias(name, 0);
    }

    pub(super) fn constant(&self, name: &str) -> Option<&Constant> {
        self.constants.get(name)
    }

    pub(super) fn set_constant(&mut self, name: &str, constant: Constant) {
        self.constants.insert(name.to_owned(), constant);
    }

    pub(super) fn value(&self, name: &str) -> Option<usize> {
        self.values.get(name).copied()
    }

    pub(super) fn shape(&self, value: usize) -> Option<ValueShape> {
        self.shapes.get(value).copied()
    }

    pub(super) fn is_output(&self, name: &str) -> bool {
        self.output == name
    }

    /// Layers so far, which is also the last value.
    pub(super) fn layer_count(&self) -> usize {
        self.layers.len()
    }

    /// A further name of a value.
    pub(super) fn alias(&mut self, name: &str, value: usize) {
        self.values.insert(name.to_owned(), value);
    }

    /// Adds a layer.
    pub(super) fn add(
        &mut self,
        name: &str,
        (layer, inputs): (Layer, Vec<usize>),
        shape: ValueShape,
        weights: Weights,
    ) {
        self.layers.push((layer, inputs, weights));
        self.shapes.push(shape);
        self.made.push(name.to_owned());
        self.alias(name, self.layers.len());
    }

    /// The layer that made the value `name`, if nobody else reads it.
    pub(super) fn maker(&mut self, name: &str) -> Option<(usize, &mut Layer, &mut Weights)> {
        let value = self.value(name)?;
        if self.reads.get(name) != Some(&1) || self.made.get(value)? != name {
            return None;
        }
        let (layer, _, weights) = self.layers.get_mut(value.checked_sub(1)?)?;
        Some((value, layer, weights))
    }

    /// The layers as an order declares them, and their weights by the names of the base file.
    pub(super) fn finish(self) -> (Vec<GraphLayer>, BTreeMap<String, Vec<f32>>) {
        let (mut layers, mut tensors) = (Vec::new(), BTreeMap::new());
        for (place, (layer, inputs, weights)) in self.layers.into_iter().enumerate() {
            let is_plain = inputs == [place];
            let inputs = inputs.into_iter().filter_map(|input| u16::try_from(input).ok());
            let inputs: Vec<u16> = if is_plain { Vec::new() } else { inputs.collect() };
            // No layer is added with more than two inputs.
            let inputs = BoundedVec::try_from(inputs).unwrap_or_default();
            layers.push(GraphLayer { layer, inputs });
            let Weights { weight, bias } = weights;
            tensors.extend(weight.map(|values| (format!("layers.{place:03}.weight"), values)));
            tensors.extend(bias.map(|values| (format!("layers.{place:03}.bias"), values)));
        }
        (layers, tensors)
    }
}

/// How an order sees the input.
pub(super) fn input(shape: ValueShape) -> GraphInput {
    match shape {
        ValueShape::Image(image) => GraphInput::Image(image),
        ValueShape::Features { .. } | ValueShape::Tokens { .. } | ValueShape::Indices { .. } => {
            GraphInput::Features
        }
    }
}
