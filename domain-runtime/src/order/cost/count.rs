//! What one example costs in each architecture: parameters, operations forward, activations.

use super::Overflow;
use crate::order::network::{Layer, Network, Node, TensorPlace, network};
use crate::order::shape::{ConvolutionStage, convolution_stages};
use crate::order::tensors::{Tensor, tensors};
use crate::order::{Architecture, OrderSpecification, PERCEPTRON_FACTOR};

/// A multiplication and an addition are two operations.
const OPERATIONS_PER_PRODUCT: u64 = 2;

/// Sums over the layers of a model.
pub(super) struct Counts {
    /// Parameters of the model.
    pub(super) parameters: u64,
    /// Operations of the products for one example, forward.
    pub(super) operations: u64,
    /// Values that one example leaves in the layers.
    pub(super) activations: u64,
}

impl Counts {
    pub(super) fn of(specification: &OrderSpecification) -> Result<Self, Overflow> {
        let tensors = tensors(specification)?;
        let parameters = total(tensors.iter().map(Tensor::value_count));
        let parameters = parameters.ok_or(Overflow { quantity: "parameters" })?;
        let misfit = |_| Overflow { quantity: "layers of the model" };
        if let Some(network) = network(specification).map_err(misfit)? {
            return Self::of_network(&network, parameters);
        }
        let products =
            products(specification, &tensors)?.ok_or(Overflow { quantity: "operations" })?;
        let operations = products.checked_mul(OPERATIONS_PER_PRODUCT);
        let activations = activations(specification, &tensors)?;
        Ok(Self {
            parameters,
            operations: operations.ok_or(Overflow { quantity: "operations" })?,
            activations: activations.ok_or(Overflow { quantity: "activations" })?,
        })
    }
}

impl Counts {
    /// Sums over the layers of a network.
    fn of_network(network: &Network, parameters: u64) -> Result<Self, Overflow> {
        let operations = total(network.nodes.iter().map(|node| node_products(network, node)))
            .and_then(|products| products.checked_mul(OPERATIONS_PER_PRODUCT));
        let values = network.nodes.iter().map(|node| Some(node.shape.value_count()));
        let activations = total(values.chain([Some(network.input.value_count())]));
        Ok(Self {
            parameters,
            operations: operations.ok_or(Overflow { quantity: "operations" })?,
            activations: activations.ok_or(Overflow { quantity: "activations" })?,
        })
    }
}

/// Pairs that a layer multiplies for one example; `None` beyond 64 bits.
fn node_products(network: &Network, node: &Node) -> Option<u64> {
    let weight = node.tensors.last().and_then(|place| match place {
        TensorPlace::Trained(place) => network.tensors.get(*place),
        TensorPlace::Base(place) => network.base.get(*place),
    });
    let weight = weight.map_or(Some(0), Tensor::value_count)?;
    match node.layer {
        Layer::Linear { .. } => weight.checked_mul(u64::from(node.shape.rows().0)),
        Layer::Convolution { outputs, .. } => {
            let pixels = node.shape.value_count().checked_div(u64::from(outputs))?;
            weight.checked_mul(pixels)
        }
        Layer::Attention { .. } => {
            // Scores, and sums of values: each pairs all tokens over the whole width.
            let (count, width) = node.shape.rows();
            let pairs = u64::from(count).checked_mul(u64::from(count))?;
            pairs.checked_mul(u64::from(width))?.checked_mul(2)
        }
        // Everything else looks at each number of its output about once.
        Layer::MaxPool
        | Layer::AveragePool
        | Layer::Relu
        | Layer::Gelu
        | Layer::Silu
        | Layer::LayerNorm { .. }
        | Layer::RmsNorm { .. }
        | Layer::GroupNorm { .. }
        | Layer::Embedding { .. }
        | Layer::PositionEmbedding { .. }
        | Layer::Rope { .. }
        | Layer::Dropout { .. }
        | Layer::Add
        | Layer::Multiply
        | Layer::Scale { .. }
        | Layer::Flatten
        | Layer::Patches { .. }
        | Layer::MeanTokens
        | Layer::FirstToken => Some(node.shape.value_count()),
    }
}

/// The sum, unless an item or the sum is beyond 64 bits.
fn total(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let mut sum = 0_u64;
    for count in counts {
        sum = sum.checked_add(count?)?;
    }
    Some(sum)
}

fn stages(
    specification: &OrderSpecification,
) -> Result<alloc::vec::Vec<ConvolutionStage>, Overflow> {
    if let Architecture::Cnn { image, convolutions, .. } = &specification.model.architecture {
        return convolution_stages(*image, convolutions)
            .map_err(|_| Overflow { quantity: "sides of a feature map" });
    }
    Ok(alloc::vec::Vec::new())
}

/// Values of all weights whose name has a prefix.
fn weights(tensors: &[Tensor], is_counted: impl Fn(&str) -> bool) -> Option<u64> {
    let counted = tensors.iter().filter(|tensor| tensor.name.ends_with(".weight"));
    total(counted.filter(|tensor| is_counted(&tensor.name)).map(Tensor::value_count))
}

/// Pairs that are multiplied for one example; `None` beyond 64 bits.
fn products(
    specification: &OrderSpecification,
    tensors: &[Tensor],
) -> Result<Option<u64>, Overflow> {
    let stages = stages(specification)?;
    let linear = weights(tensors, |name| name.starts_with("layers."));
    let convolutions = total(stages.iter().map(|stage| {
        let area = u64::from(stage.kernel).checked_mul(u64::from(stage.kernel))?;
        let depth = area.checked_mul(u64::from(stage.input.channels))?;
        stage.output.value_count().checked_mul(depth)
    }));
    let Architecture::Gpt { width, layer_count, context, .. } = &specification.model.architecture
    else {
        return Ok(total([linear, convolutions].into_iter()));
    };
    let context = u64::from(*context);
    let is_linear = |name: &str| {
        name.starts_with("output") || name.contains(".attention.") || name.contains(".perceptron.")
    };
    let tokens = weights(tensors, is_linear).and_then(|count| count.checked_mul(context));
    // Scores, and sums of values: each pairs all tokens over the whole width.
    let attention = u64::from(*width)
        .checked_mul(u64::from(*layer_count))
        .and_then(|count| count.checked_mul(context))
        .and_then(|count| count.checked_mul(context))
        .and_then(|count| count.checked_mul(2));
    Ok(total([tokens, attention].into_iter()))
}

/// Values that one example leaves in the layers; `None` beyond 64 bits.
fn activations(
    specification: &OrderSpecification,
    tensors: &[Tensor],
) -> Result<Option<u64>, Overflow> {
    let stages = stages(specification)?;
    let biases = tensors.iter().filter(|tensor| tensor.shape.len() == 1);
    let linear = biases.filter(|tensor| tensor.name.starts_with("layers."));
    let linear = total(linear.map(Tensor::value_count));
    let maps = stages
        .iter()
        .map(|stage| stage.output.value_count().checked_add(stage.pooled.value_count()));
    let features = Some(u64::from(specification.data.feature_count));
    let Architecture::Gpt { width, layer_count, head_count, context } =
        &specification.model.architecture
    else {
        return Ok(total([features, linear, total(maps)].into_iter()));
    };
    let [width, layers, heads, context] =
        [*width, *layer_count, *head_count, *context].map(u64::from);
    // Two norms, packed queries, keys and values, the attention's answer, two sums; and the hidden layer
    // before and after GELU.
    let per_token = width.checked_mul(8).and_then(|count| {
        count.checked_add(width.checked_mul(u64::from(PERCEPTRON_FACTOR))?.checked_mul(2)?)
    });
    let scores = heads.checked_mul(context).and_then(|count| count.checked_mul(2));
    let blocks = total([per_token, scores].into_iter()).and_then(|count| count.checked_mul(layers));
    let ends = width
        .checked_mul(2)
        .and_then(|count| count.checked_add(u64::from(specification.data.class_count)));
    Ok(total([blocks, ends].into_iter()).and_then(|count| count.checked_mul(context)))
}
