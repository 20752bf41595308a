//! From a sketch to a network: the sizes of all values and tensors.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::sketch::{Initial, Part, Sketch};
use super::{
    AttentionMask, GraphInput, LAYER_INPUTS_MAX, LAYERS_MAX, Layer, Network, NetworkError, Node,
    TensorPlace, ValueShape,
};
use crate::float::Float;
use crate::order::ImageShape;
use crate::order::tensors::{Start, Tensor};

/// Heads are turned in halves, and pools halve sides.
const HALVES: u32 = 2;
/// Queries, keys and values.
const PACKED: u32 = 3;

/// A layer while it is resolved.
struct Site<'part> {
    /// Its number.
    layer: usize,
    part: &'part Part,
    inputs: Vec<ValueShape>,
}

/// What a layer makes, and the tensors that it needs: what they are, their shapes and starts.
type Made = (ValueShape, Vec<(&'static str, &'static str, Vec<u32>, Start)>);

impl Sketch {
    /// The network over examples of `features`, with logits for `classes`, once or for each token.
    pub(super) fn resolve(
        self,
        features: u32,
        (classes, is_running): (u32, bool),
    ) -> Result<Network, NetworkError> {
        let found = self.parts.len();
        if !(1..=LAYERS_MAX).contains(&found) {
            return Err(NetworkError::LayerCount { found, max: LAYERS_MAX });
        }
        let input = match self.input {
            GraphInput::Features => ValueShape::Features { width: features },
            GraphInput::Tokens => ValueShape::Indices { count: features },
            GraphInput::Image(image) if image.value_count() == u64::from(features) => {
                ValueShape::Image(image)
            }
            GraphInput::Image(image) => {
                return Err(NetworkError::Features {
                    expected: image.value_count(),
                    found: features,
                });
            }
        };
        let mut shapes = vec![input];
        let mut nodes = Vec::with_capacity(found);
        let mut named: [Vec<(usize, Tensor)>; 2] = [Vec::new(), Vec::new()];
        for (layer, part) in self.parts.iter().enumerate() {
            let site = Site::new(layer, part, &shapes)?;
            let (shape, tensors) = site.make()?;
            let [trained, base] = &mut named;
            let list = if part.is_frozen { base } else { trained };
            let number = u16::try_from(layer).unwrap_or(u16::MAX);
            for (name, label, shape, start) in tensors {
                let name = format!("{}.{name}", part.name);
                list.push((layer, Tensor { name, label, layer: number, shape, start }));
            }
            shapes.push(shape);
            let inputs = part.inputs.clone();
            nodes.push(Node { layer: part.layer, inputs, shape, tensors: Vec::new() });
        }
        check_used(&self.parts)?;
        check_output(shapes.last().copied().unwrap_or(input), (classes, is_running))?;
        let [trained, base] = named;
        let tensors = placed(trained, &mut nodes, TensorPlace::Trained);
        let base = placed(base, &mut nodes, TensorPlace::Base);
        Ok(Network { input, nodes, tensors, base })
    }
}

/// Sorts tensors by name and tells their layers where they are.
fn placed(
    mut named: Vec<(usize, Tensor)>,
    nodes: &mut [Node],
    place: fn(usize) -> TensorPlace,
) -> Vec<Tensor> {
    named.sort_by(|left, right| left.1.name.cmp(&right.1.name));
    for (index, (layer, _)) in named.iter().enumerate() {
        // A bias sorts before its weight, so both come in the order that layers expect.
        if let Some(node) = nodes.get_mut(*layer) {
            node.tensors.push(place(index));
        }
    }
    named.into_iter().map(|(_, tensor)| tensor).collect()
}

/// Refuses layers that nobody reads, because nothing in them would be trained.
fn check_used(parts: &[Part]) -> Result<(), NetworkError> {
    let read: BTreeSet<usize> = parts.iter().flat_map(|part| part.inputs.iter().copied()).collect();
    let unused = (1..parts.len()).find(|value| !read.contains(value));
    match unused.and_then(|value| value.checked_sub(1)) {
        Some(layer) => Err(NetworkError::Unused { layer }),
        None => Ok(()),
    }
}

fn check_output(shape: ValueShape, (classes, is_running): (u32, bool)) -> Result<(), NetworkError> {
    let (found, (_, width)) = (shape.name(), shape.rows());
    let is_fitting = match shape {
        ValueShape::Features { width } => !is_running && width == classes,
        ValueShape::Tokens { width, .. } => is_running && width == classes,
        ValueShape::Image(_) | ValueShape::Indices { .. } => false,
    };
    let expected = if is_running { "rows of tokens" } else { "features" };
    if is_fitting { Ok(()) } else { Err(NetworkError::Output { found, width, expected, classes }) }
}

impl<'part> Site<'part> {
    fn new(layer: usize, part: &'part Part, shapes: &[ValueShape]) -> Result<Self, NetworkError> {
        let shape = |value: &usize| {
            shapes.get(*value).copied().ok_or(NetworkError::NoSuchValue { layer, value: *value })
        };
        let inputs = part.inputs.iter().map(shape).collect::<Result<Vec<_>, _>>()?;
        let site = Self { layer, part, inputs };
        let (found, (min, max)) = (site.inputs.len(), input_counts(part.layer));
        if (min..=max).contains(&found) {
            Ok(site)
        } else {
            Err(NetworkError::InputCount { layer, name: site.name(), found, min, max })
        }
    }

    const fn name(&self) -> &'static str {
        self.part.layer.name()
    }

    fn first(&self) -> ValueShape {
        self.inputs.first().copied().unwrap_or(ValueShape::Features { width: 0 })
    }

    fn kind(&self, expected: &'static str, found: ValueShape) -> NetworkError {
        NetworkError::Kind { layer: self.layer, name: self.name(), expected, found: found.name() }
    }

    /// Refuses a number unless it is allowed.
    fn number(
        &self,
        is_allowed: bool,
        (field, value): (&'static str, u32),
        allowed: &'static str,
    ) -> Result<(), NetworkError> {
        if is_allowed { Ok(()) } else { Err(self.wrong((field, value), allowed)) }
    }

    fn wrong(&self, (field, value): (&'static str, u32), allowed: &'static str) -> NetworkError {
        NetworkError::Number { layer: self.layer, name: self.name(), field, value, allowed }
    }

    fn image(&self) -> Result<ImageShape, NetworkError> {
        if let ValueShape::Image(image) = self.first() {
            return Ok(image);
        }
        Err(self.kind("an image", self.first()))
    }

    fn tokens(&self) -> Result<(u32, u32), NetworkError> {
        if let ValueShape::Tokens { count, width } = self.first() {
            return Ok((count, width));
        }
        Err(self.kind("rows of tokens", self.first()))
    }

    /// Numbers as they are, of whatever form.
    fn numbers(&self) -> Result<ValueShape, NetworkError> {
        if let found @ ValueShape::Indices { .. } = self.first() {
            return Err(self.kind("numbers", found));
        }
        Ok(self.first())
    }

    /// The width of rows: of features or of tokens.
    fn row_width(&self) -> Result<u32, NetworkError> {
        match self.first() {
            ValueShape::Features { width } | ValueShape::Tokens { width, .. } => Ok(width),
            found @ (ValueShape::Image(_) | ValueShape::Indices { .. }) => {
                Err(self.kind("rows", found))
            }
        }
    }

    fn start(&self, input_count: u32) -> Start {
        match self.part.initial {
            Initial::Rectified => Start::Rectified { input_count },
            Initial::Small => Start::Small,
            Initial::Zero => Start::Zeros,
        }
    }

    fn make(&self) -> Result<Made, NetworkError> {
        match self.part.layer {
            Layer::Linear { outputs, has_bias } => self.linear(outputs, has_bias),
            Layer::Convolution { .. } => self.convolution(),
            Layer::MaxPool => self.max_pool(),
            Layer::AveragePool => {
                let image = self.image()?;
                Ok((ValueShape::Features { width: image.channels }, Vec::new()))
            }
            Layer::Relu | Layer::Gelu | Layer::Silu => Ok((self.numbers()?, Vec::new())),
            Layer::Scale { factor } => {
                self.number(is_finite(factor), ("factor (bits)", factor), "finite numbers")?;
                Ok((self.numbers()?, Vec::new()))
            }
            Layer::Dropout { rate } => {
                let is_share = rate < Float::ONE.0;
                self.number(is_share, ("rate (bits)", rate), "0 to below 1")?;
                Ok((self.numbers()?, Vec::new()))
            }
            Layer::LayerNorm { epsilon } => self.norm(epsilon, true),
            Layer::RmsNorm { epsilon } => self.norm(epsilon, false),
            Layer::GroupNorm { groups, epsilon } => self.group_norm(groups, epsilon),
            Layer::Attention { heads, mask } => self.attention(heads, mask),
            Layer::Rope { heads, base } => self.rope(heads, base),
            Layer::Embedding { vocabulary, width } => self.embedding(vocabulary, width),
            Layer::PositionEmbedding { positions } => {
                let (count, width) = self.tokens()?;
                let is_enough = positions >= count;
                self.number(is_enough, ("positions", positions), "the tokens or more")?;
                let table = ("weight", "position embedding", vec![positions, width], self.start(1));
                Ok((self.first(), vec![table]))
            }
            Layer::Add | Layer::Multiply => self.join(),
            Layer::Flatten => {
                let (rows, width) = self.numbers()?.rows();
                Ok((ValueShape::Features { width: rows.saturating_mul(width) }, Vec::new()))
            }
            Layer::Patches { side } => self.patches(side),
            Layer::MeanTokens => {
                let (count, width) = self.tokens()?;
                self.check_indices(count)?;
                Ok((ValueShape::Features { width }, Vec::new()))
            }
            Layer::FirstToken => {
                let (_, width) = self.tokens()?;
                Ok((ValueShape::Features { width }, Vec::new()))
            }
        }
    }

    fn linear(&self, outputs: u32, has_bias: bool) -> Result<Made, NetworkError> {
        let inputs = self.row_width()?;
        self.number(outputs > 0, ("outputs", outputs), "1 or more")?;
        let shape = if let ValueShape::Tokens { count, .. } = self.first() {
            ValueShape::Tokens { count, width: outputs }
        } else {
            ValueShape::Features { width: outputs }
        };
        let weight = ("weight", "linear weight", vec![outputs, inputs], self.start(inputs));
        let bias = ("bias", "linear bias", vec![outputs], Start::Zeros);
        Ok((shape, if has_bias { vec![bias, weight] } else { vec![weight] }))
    }

    fn convolution(&self) -> Result<Made, NetworkError> {
        let Layer::Convolution { outputs, kernel, stride, padding, has_bias } = self.part.layer
        else {
            return Err(self.kind("an image", self.first()));
        };
        let image = self.image()?;
        self.number(outputs > 0, ("outputs", outputs), "1 or more")?;
        self.number(stride > 0, ("stride", stride), "1 or more")?;
        self.number(padding < kernel, ("padding", padding), "less than the kernel")?;
        let side = |length: u32| {
            let padded = length.saturating_add(padding.saturating_mul(2));
            let last = padded.checked_sub(kernel).filter(|_| kernel > 0)?;
            last.checked_div(stride)?.checked_add(1)
        };
        let (Some(height), Some(width)) = (side(image.height), side(image.width)) else {
            return Err(self.wrong(("kernel", kernel), "1 to the padded sides of the image"));
        };
        let area = kernel.saturating_mul(kernel);
        let inputs = area.saturating_mul(image.channels);
        let shape = ValueShape::Image(ImageShape { channels: outputs, height, width });
        let label = "convolution weight";
        let weight = ("weight", label, vec![outputs, inputs], self.start(inputs));
        let bias = ("bias", "convolution bias", vec![outputs], Start::Zeros);
        Ok((shape, if has_bias { vec![bias, weight] } else { vec![weight] }))
    }

    fn max_pool(&self) -> Result<Made, NetworkError> {
        let image = self.image()?;
        let halved = |field, side: u32| {
            let is_even = side > 0 && side.checked_rem(HALVES) == Some(0);
            self.number(is_even, (field, side), "even numbers")?;
            Ok::<_, NetworkError>(side.checked_div(HALVES).unwrap_or(0))
        };
        let (height, width) = (halved("rows", image.height)?, halved("columns", image.width)?);
        Ok((ValueShape::Image(ImageShape { height, width, ..image }), Vec::new()))
    }

    fn epsilon(&self, epsilon: u32) -> Result<(), NetworkError> {
        let is_positive = epsilon > 0 && is_finite(epsilon);
        self.number(is_positive, ("epsilon (bits)", epsilon), "finite numbers above 0")
    }

    fn norm(&self, epsilon: u32, has_bias: bool) -> Result<Made, NetworkError> {
        let width = self.row_width()?;
        self.epsilon(epsilon)?;
        Ok((self.first(), scale_and_shift(width, has_bias)))
    }

    fn group_norm(&self, groups: u32, epsilon: u32) -> Result<Made, NetworkError> {
        let image = self.image()?;
        self.epsilon(epsilon)?;
        let is_divisor = image.channels.checked_rem(groups) == Some(0);
        self.number(is_divisor, ("groups", groups), "divisors of the channels")?;
        Ok((self.first(), scale_and_shift(image.channels, true)))
    }

    /// Tokens and width of what packed rows hold.
    fn packed(&self, heads: u32) -> Result<(u32, u32), NetworkError> {
        let (count, packed) = self.tokens()?;
        let is_packed = packed.checked_rem(PACKED) == Some(0);
        self.number(is_packed, ("width", packed), "multiples of 3")?;
        let width = packed.checked_div(PACKED).unwrap_or(0);
        let is_divisor = width.checked_rem(heads) == Some(0);
        self.number(is_divisor, ("heads", heads), "divisors of a third of the width")?;
        Ok((count, width))
    }

    fn attention(&self, heads: u32, mask: AttentionMask) -> Result<Made, NetworkError> {
        let (count, width) = self.packed(heads)?;
        let expected = if mask == AttentionMask::Padding { 2 } else { 1 };
        let found = self.inputs.len();
        if found != expected {
            let (layer, name) = (self.layer, self.name());
            return Err(NetworkError::InputCount {
                layer,
                name,
                found,
                min: expected,
                max: expected,
            });
        }
        self.check_indices(count)?;
        Ok((ValueShape::Tokens { count, width }, Vec::new()))
    }

    /// A second value must be the tokens.
    fn check_indices(&self, count: u32) -> Result<(), NetworkError> {
        match self.inputs.get(1) {
            None => Ok(()),
            Some(ValueShape::Indices { count: found }) if *found == count => Ok(()),
            Some(found) => Err(self.kind("tokens beside its rows", *found)),
        }
    }

    fn rope(&self, heads: u32, base: u32) -> Result<Made, NetworkError> {
        let (_, width) = self.packed(heads)?;
        let is_even = width.checked_div(heads).and_then(|head| head.checked_rem(HALVES)) == Some(0);
        self.number(is_even, ("heads", heads), "numbers that leave heads of even width")?;
        let is_above = base > Float::ONE.0 && is_finite(base);
        self.number(is_above, ("base (bits)", base), "finite numbers above 1")?;
        Ok((self.first(), Vec::new()))
    }

    fn embedding(&self, vocabulary: u32, width: u32) -> Result<Made, NetworkError> {
        let ValueShape::Indices { count } = self.first() else {
            return Err(self.kind("tokens", self.first()));
        };
        self.number(vocabulary > 0, ("vocabulary", vocabulary), "1 or more")?;
        self.number(width > 0, ("width", width), "1 or more")?;
        let table = ("weight", "token embedding", vec![vocabulary, width], self.start(1));
        Ok((ValueShape::Tokens { count, width }, vec![table]))
    }

    fn join(&self) -> Result<Made, NetworkError> {
        let first = self.numbers()?;
        let second = self.inputs.get(1).copied().unwrap_or(first);
        if first == second {
            return Ok((first, Vec::new()));
        }
        let (layer, name) = (self.layer, self.name());
        let (first, second) = (first.value_count(), second.value_count());
        Err(NetworkError::Unequal { layer, name, first, second })
    }

    fn patches(&self, side: u32) -> Result<Made, NetworkError> {
        let ImageShape { channels, height, width } = self.image()?;
        let is_divisor = height.checked_rem(side) == Some(0) && width.checked_rem(side) == Some(0);
        self.number(is_divisor, ("side", side), "divisors of the sides of the image")?;
        let squares = |length: u32| length.checked_div(side).unwrap_or(0);
        let count = squares(height).saturating_mul(squares(width));
        let width = channels.saturating_mul(side).saturating_mul(side);
        Ok((ValueShape::Tokens { count, width }, Vec::new()))
    }
}

/// Bias and weight of a norm.
fn scale_and_shift(
    width: u32,
    has_bias: bool,
) -> Vec<(&'static str, &'static str, Vec<u32>, Start)> {
    let weight = ("weight", "norm weight", vec![width], Start::Ones);
    let bias = ("bias", "norm bias", vec![width], Start::Zeros);
    if has_bias { vec![bias, weight] } else { vec![weight] }
}

/// Whether the bits are those of a finite number.
const fn is_finite(bits: u32) -> bool {
    bits & 0x7f80_0000 != 0x7f80_0000
}

/// Fewest and most values that a layer reads.
const fn input_counts(layer: Layer) -> (usize, usize) {
    if matches!(layer, Layer::Add | Layer::Multiply) {
        return (LAYER_INPUTS_MAX, LAYER_INPUTS_MAX);
    }
    if matches!(layer, Layer::MeanTokens | Layer::Attention { .. }) {
        return (1, LAYER_INPUTS_MAX);
    }
    (1, 1)
}

impl Layer {
    /// Its name in specifications.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Convolution { .. } => "convolution",
            Self::MaxPool => "max_pool",
            Self::AveragePool => "average_pool",
            Self::Relu => "relu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::LayerNorm { .. } => "layer_norm",
            Self::RmsNorm { .. } => "rms_norm",
            Self::GroupNorm { .. } => "group_norm",
            Self::Attention { .. } => "attention",
            Self::Embedding { .. } => "embedding",
            Self::PositionEmbedding { .. } => "position_embedding",
            Self::Rope { .. } => "rope",
            Self::Dropout { .. } => "dropout",
            Self::Add => "add",
            Self::Multiply => "multiply",
            Self::Scale { .. } => "scale",
            Self::Flatten => "flatten",
            Self::Patches { .. } => "patches",
            Self::MeanTokens => "mean_tokens",
            Self::FirstToken => "first_token",
        }
    }
}
