//! A network in the making: layers with names, before their sizes are known.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::{GraphInput, GraphLayer, LAYERS_MAX, Layer, NetworkError};

/// How the weight of a layer starts; biases start at zero, the weights of norms at one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Initial {
    /// By the inputs of the layer.
    Rectified,
    /// Small.
    Small,
    /// Zero, so that the layer begins by doing nothing.
    Zero,
}

/// A layer with its name.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) layer: Layer,
    pub(super) inputs: Vec<usize>,
    pub(super) initial: Initial,
    /// Whether its tensors come from the base and stay.
    pub(super) is_frozen: bool,
}

/// Layers in the order in which they are computed.
pub(super) struct Sketch {
    pub(super) input: GraphInput,
    pub(super) parts: Vec<Part>,
    /// How the next layers start.
    pub(super) initial: Initial,
    /// Whether the next layers are frozen.
    pub(super) is_frozen: bool,
}

impl Sketch {
    pub(super) const fn new(input: GraphInput, initial: Initial) -> Self {
        Self { input, parts: Vec::new(), initial, is_frozen: false }
    }

    /// The layers that an order declares.
    pub(super) fn declared(input: GraphInput, layers: &[GraphLayer]) -> Result<Self, NetworkError> {
        let mut sketch = Self::new(input, Initial::Rectified);
        for (place, GraphLayer { layer, inputs }) in layers.iter().enumerate() {
            let inputs: Vec<usize> = inputs.iter().copied().map(usize::from).collect();
            if let Some(value) = inputs.iter().find(|value| **value > place) {
                return Err(NetworkError::NoSuchValue { layer: place, value: *value });
            }
            let inputs = if inputs.is_empty() { vec![sketch.last()] } else { inputs };
            let is_table =
                matches!(layer, Layer::Embedding { .. } | Layer::PositionEmbedding { .. });
            sketch.initial = if is_table { Initial::Small } else { Initial::Rectified };
            sketch.read(&format!("layers.{place:03}"), *layer, inputs);
        }
        match sketch.parts.len() {
            1..=LAYERS_MAX => Ok(sketch),
            found => Err(NetworkError::LayerCount { found, max: LAYERS_MAX }),
        }
    }

    /// The value that the last layer makes.
    pub(super) const fn last(&self) -> usize {
        self.parts.len()
    }

    /// A layer that reads given values; gives the value that it makes.
    pub(super) fn read(&mut self, name: &str, layer: Layer, inputs: Vec<usize>) -> usize {
        let (initial, is_frozen) = (self.initial, self.is_frozen);
        self.parts.push(Part { name: name.to_string(), layer, inputs, initial, is_frozen });
        self.last()
    }

    /// A layer that reads the value before it.
    pub(super) fn then(&mut self, name: &str, layer: Layer) -> usize {
        let inputs = vec![self.last()];
        self.read(name, layer, inputs)
    }

    /// A linear layer with a bias that reads the value before it.
    pub(super) fn linear(&mut self, name: &str, outputs: u32) -> usize {
        self.then(name, Layer::Linear { outputs, has_bias: true })
    }

    /// The sum of the value before it and another.
    pub(super) fn add(&mut self, other: usize) -> usize {
        let inputs = vec![self.last(), other];
        self.read("sum", Layer::Add, inputs)
    }
}
