//! What each operator becomes.

use aipot_domain_runtime::order::ImageShape;
use aipot_domain_runtime::order::network::{Layer, ValueShape};

use super::OPERATORS;
use super::constant::Constant;
use super::graph::Weights;
use super::node::Site;
use crate::import::ImportError;

/// Side of a pool, and the step from one to the next.
const POOL_SIDE: u32 = 2;
/// Images of a batch, channels, rows and columns.
const IMAGE_AXES: i64 = 4;
/// The version from which a group norm has a weight for each channel, and not for each group.
///
/// # Source
/// The change log of the ONNX operators.
const CHANNEL_WEIGHTS_VERSION: i64 = 21;
/// Keeps the root of a norm from zero where a node says nothing.
///
/// # Source
/// The ONNX operators.
const EPSILON: f32 = 1e-5;

impl Site<'_> {
    /// Adds what the node is to the graph.
    pub(super) fn convert(mut self) -> Result<(), ImportError> {
        let is_standard = matches!(self.node.domain.as_str(), "" | "ai.onnx");
        let operator = if is_standard { self.node.operator.as_str() } else { "" };
        match operator {
            "Add" => self.add(),
            "AveragePool" => self.average_pool(),
            "BatchNormalization" => self.batch_norm(),
            "Constant" => self.literal(),
            "Conv" => self.convolution(),
            "Dropout" | "Identity" => self.identity(),
            "Flatten" => self.flatten(),
            "Gelu" => self.gelu(),
            "Gemm" => self.gemm(),
            "GlobalAveragePool" => self.global_average(),
            "GroupNormalization" => self.group_norm(),
            "LayerNormalization" => self.layer_norm(),
            "MatMul" => self.product(),
            "MaxPool" => self.max_pool(),
            "Mul" => self.multiply(),
            "ReduceMean" => self.mean(),
            "Relu" => self.same(Layer::Relu),
            "Reshape" => self.reshape(),
            "Softmax" => self.softmax(),
            "Transpose" => self.transpose(),
            _ => Err(ImportError::Operator {
                node: self.name(),
                operator: format!("{}{}", self.prefix(), self.node.operator),
                allowed: OPERATORS.join(", "),
            }),
        }
    }

    fn prefix(&self) -> String {
        let domain = &self.node.domain;
        if domain.is_empty() { String::new() } else { format!("{domain}.") }
    }

    /// A layer that reads the first input.
    fn then(
        &mut self,
        layer: Layer,
        shape: ValueShape,
        weights: Weights,
    ) -> Result<(), ImportError> {
        let (value, _) = self.value(0)?;
        let name = self.output_name()?;
        self.graph.add(name, (layer, vec![value]), shape, weights);
        Ok(())
    }

    /// A layer that leaves the form of what it reads.
    fn same(&mut self, layer: Layer) -> Result<(), ImportError> {
        let (_, shape) = self.value(0)?;
        self.then(layer, shape, Weights::default())
    }

    fn identity(&mut self) -> Result<(), ImportError> {
        let (input, output) = (self.input_name(0).unwrap_or_default(), self.output_name()?);
        if let Some(constant) = self.graph.constant(input).cloned() {
            self.graph.set_constant(output, constant);
            return Ok(());
        }
        let (value, _) = self.value(0)?;
        self.graph.alias(output, value);
        Ok(())
    }

    fn literal(&mut self) -> Result<(), ImportError> {
        let tensor = self.tensor("value").cloned();
        let tensor = tensor.ok_or_else(|| self.refuse("the value", "missing", "a tensor"))?;
        let name = self.output_name()?;
        self.graph.set_constant(name, Constant::read(tensor)?);
        Ok(())
    }

    fn transpose(&mut self) -> Result<(), ImportError> {
        let found = self.integers("perm").unwrap_or(&[1, 0]);
        self.demand(
            found == [1, 0],
            ("perm", format!("{found:?}")),
            "[1, 0] of a tensor of the file",
        )?;
        let transposed = self.constant(0)?.transposed()?;
        let name = self.output_name()?;
        self.graph.set_constant(name, transposed);
        Ok(())
    }

    fn softmax(&mut self) -> Result<(), ImportError> {
        let (output, axis) = (self.output_name()?, self.integer("axis", -1));
        let is_end = self.graph.is_output(output);
        self.demand(is_end, ("the place", "in the middle".to_owned()), "the end of the graph")?;
        self.demand(matches!(axis, -1 | 1), ("axis", axis.to_string()), "-1 or 1")?;
        self.features()?;
        // The loss takes logits, and the largest of them is the largest share.
        self.identity()
    }

    fn gelu(&mut self) -> Result<(), ImportError> {
        let found = self.text("approximate", "none");
        self.demand(found == "none", ("approximate", found.clone()), "none")?;
        self.same(Layer::Gelu)
    }

    fn flatten(&mut self) -> Result<(), ImportError> {
        self.only(("axis", 1), 1, "1")?;
        self.flat()
    }

    fn flat(&mut self) -> Result<(), ImportError> {
        let (_, shape) = self.value(0)?;
        if let ValueShape::Features { .. } = shape {
            return self.identity();
        }
        let width = u32::try_from(shape.value_count()).unwrap_or(u32::MAX);
        self.then(Layer::Flatten, ValueShape::Features { width }, Weights::default())
    }

    fn reshape(&mut self) -> Result<(), ImportError> {
        let (_, shape) = self.value(0)?;
        let target = self.constant(1)?.integers()?.to_vec();
        let count = i64::try_from(shape.value_count()).unwrap_or(i64::MAX);
        let is_flat = match target[..] {
            [batch, -1] => batch >= 0,
            [batch, width] => batch >= -1 && width == count,
            _ => false,
        };
        self.demand(is_flat, ("the shape", format!("{target:?}")), "[batch, -1]")?;
        self.flat()
    }

    fn gemm(&mut self) -> Result<(), ImportError> {
        self.only(("transA", 0), 0, "0")?;
        for name in ["alpha", "beta"] {
            let found = self.real(name, 1.0);
            self.demand(found.to_bits() == 1_f32.to_bits(), ("a factor", found.to_string()), "1")?;
        }
        let weight = self.constant(1)?;
        let weight =
            if self.integer("transB", 0) == 0 { weight.transposed()? } else { weight.clone() };
        self.linear(&weight, 2)
    }

    fn product(&mut self) -> Result<(), ImportError> {
        let weight = self.constant(1)?.transposed()?;
        self.linear(&weight, 2)
    }

    /// A linear layer with a weight `[output, input]`.
    fn linear(&mut self, weight: &Constant, bias: usize) -> Result<(), ImportError> {
        let (_, width) = self.features()?;
        let weight_values = weight.reals(&[None, Some(width)])?.to_vec();
        let outputs = weight.sides[0];
        let bias = match self.optional_constant(bias)? {
            None => None,
            Some(bias) if bias.sides.len() == 2 => {
                Some(bias.reals(&[Some(1), Some(outputs)])?.to_vec())
            }
            Some(bias) => Some(bias.reals(&[Some(outputs)])?.to_vec()),
        };
        let outputs = self.side(outputs)?;
        let layer = Layer::Linear { outputs, has_bias: bias.is_some() };
        let weights = Weights { weight: Some(weight_values), bias };
        self.then(layer, ValueShape::Features { width: outputs }, weights)
    }

    fn side(&self, side: usize) -> Result<u32, ImportError> {
        u32::try_from(side).map_err(|_| self.refuse("a side", side.to_string(), "up to 32 bits"))
    }

    fn convolution(&mut self) -> Result<(), ImportError> {
        let (_, image) = self.image()?;
        self.only(("group", 1), 1, "1")?;
        self.demand(self.uniform("dilations", 1)? == 1, ("dilations", "more".to_owned()), "1")?;
        self.no_automatic_padding()?;
        let (stride, padding) = (self.uniform("strides", 1)?, self.uniform("pads", 0)?);
        let channels = usize::try_from(image.channels).unwrap_or(usize::MAX);
        let weight = self.constant(1)?;
        let values = weight.reals(&[None, Some(channels), None, None])?.to_vec();
        let (outputs, sides) = (weight.sides[0], (weight.sides[2], weight.sides[3]));
        self.demand(sides.0 == sides.1, ("the kernel", format!("{sides:?}")), "a square")?;
        let bias =
            self.optional_constant(2)?.map(|bias| bias.reals(&[Some(outputs)])).transpose()?;
        let bias = bias.map(<[f32]>::to_vec);
        let (outputs, kernel) = (self.side(outputs)?, self.side(sides.0)?);
        let side = |side: u32| {
            let last = side.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)?;
            last.checked_div(stride)?.checked_add(1)
        };
        let sides = (side(image.height), side(image.width));
        let (Some(height), Some(width)) = sides else {
            return Err(self.refuse(
                "the kernel",
                kernel.to_string(),
                "less than the padded image",
            ));
        };
        let layer =
            Layer::Convolution { outputs, kernel, stride, padding, has_bias: bias.is_some() };
        let shape = ValueShape::Image(ImageShape { channels: outputs, height, width });
        self.then(layer, shape, Weights { weight: Some(values), bias })
    }

    fn no_automatic_padding(&self) -> Result<(), ImportError> {
        let found = self.text("auto_pad", "NOTSET");
        self.demand(found == "NOTSET", ("auto_pad", found.clone()), "NOTSET")
    }

    fn max_pool(&mut self) -> Result<(), ImportError> {
        let (_, image) = self.image()?;
        self.no_automatic_padding()?;
        self.only(("ceil_mode", 0), 0, "0")?;
        let sides = [self.uniform("kernel_shape", 0)?, self.uniform("strides", 1)?];
        let found = ("kernel and strides", format!("{sides:?}"));
        self.demand(sides == [POOL_SIDE, POOL_SIDE], found, "2 x 2 with strides of 2")?;
        let rest = [self.uniform("pads", 0)?, self.uniform("dilations", 1)?];
        self.demand(rest == [0, 1], ("pads and dilations", format!("{rest:?}")), "[0, 1]")?;
        let is_even = image.height % POOL_SIDE == 0 && image.width % POOL_SIDE == 0;
        let found = ("the image", format!("{} x {}", image.height, image.width));
        self.demand(is_even, found, "even sides")?;
        let (height, width) = (image.height / POOL_SIDE, image.width / POOL_SIDE);
        let shape = ValueShape::Image(ImageShape { height, width, ..image });
        self.then(Layer::MaxPool, shape, Weights::default())
    }

    fn average_pool(&mut self) -> Result<(), ImportError> {
        let (_, image) = self.image()?;
        self.no_automatic_padding()?;
        let found = self.integers("kernel_shape").unwrap_or(&[]);
        let is_whole = found == [i64::from(image.height), i64::from(image.width)];
        self.demand(is_whole, ("kernel_shape", format!("{found:?}")), "the whole plane")?;
        self.demand(self.uniform("pads", 0)? == 0, ("pads", "more".to_owned()), "0")?;
        self.global_average()
    }

    fn global_average(&mut self) -> Result<(), ImportError> {
        let (_, image) = self.image()?;
        let shape = ValueShape::Features { width: image.channels };
        self.then(Layer::AveragePool, shape, Weights::default())
    }

    /// The mean over both sides of a plane, which is how exporters write a pool over all of it.
    fn mean(&mut self) -> Result<(), ImportError> {
        let axes = match (self.integers("axes"), self.optional_constant(1)?) {
            (Some(axes), _) => axes.to_vec(),
            (None, Some(axes)) => axes.integers()?.to_vec(),
            (None, None) => Vec::new(),
        };
        let mut places: Vec<i64> = axes.iter().map(|axis| axis.rem_euclid(IMAGE_AXES)).collect();
        places.sort_unstable();
        self.demand(places == [2, 3], ("axes", format!("{axes:?}")), "rows and columns of images")?;
        self.global_average()
    }

    fn norm_weights(&self, width: usize) -> Result<Weights, ImportError> {
        let weight = self.constant(1)?.reals(&[Some(width)])?.to_vec();
        let bias = self.optional_constant(2)?.map(|bias| bias.reals(&[Some(width)])).transpose()?;
        let bias = bias.map_or_else(|| vec![0.0; width], <[f32]>::to_vec);
        Ok(Weights { weight: Some(weight), bias: Some(bias) })
    }

    fn layer_norm(&mut self) -> Result<(), ImportError> {
        let (_, width) = self.features()?;
        let axis = self.integer("axis", -1);
        self.demand(matches!(axis, -1 | 1), ("axis", axis.to_string()), "-1")?;
        let weights = self.norm_weights(width)?;
        let (_, shape) = self.value(0)?;
        let epsilon = self.real("epsilon", EPSILON).to_bits();
        self.then(Layer::LayerNorm { epsilon }, shape, weights)
    }

    fn group_norm(&mut self) -> Result<(), ImportError> {
        let (_, image) = self.image()?;
        let is_channelwise = self.version >= CHANNEL_WEIGHTS_VERSION;
        let version = ("the version of the operators", self.version.to_string());
        self.demand(is_channelwise, version, "21 or later")?;
        let found = self.integer("num_groups", 0);
        let groups = u32::try_from(found).ok().filter(|groups| *groups > 0);
        let groups =
            groups.ok_or_else(|| self.refuse("num_groups", found.to_string(), "1 or more"))?;
        let weights = self.norm_weights(usize::try_from(image.channels).unwrap_or(usize::MAX))?;
        let epsilon = self.real("epsilon", EPSILON).to_bits();
        self.then(Layer::GroupNorm { groups, epsilon }, ValueShape::Image(image), weights)
    }

    /// In inference a batch norm is a factor and a shift for each channel, which go into the layer before.
    fn batch_norm(&mut self) -> Result<(), ImportError> {
        self.only(("training_mode", 0), 0, "0")?;
        let epsilon = f64::from(self.real("epsilon", EPSILON));
        let mut channels = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for (place, values) in (1..).zip(&mut channels) {
            *values = self.constant(place)?.reals(&[None])?.to_vec();
        }
        let [scale, shift, mean, variance] = channels;
        let (input, output) = (self.input_name(0).unwrap_or_default(), self.output_name()?);
        let allowed = "what a convolution or a linear layer makes for it alone";
        let refused = self.refuse("the input", format!("{input:?}"), allowed);
        let Some((value, layer, weights)) = self.graph.maker(input) else { return Err(refused) };
        let (Layer::Linear { outputs, has_bias } | Layer::Convolution { outputs, has_bias, .. }) =
            layer
        else {
            return Err(refused);
        };
        let count = usize::try_from(*outputs).unwrap_or(usize::MAX);
        if [&scale, &shift, &mean, &variance].iter().any(|values| values.len() != count) {
            return Err(refused);
        }
        *has_bias = true;
        let bias = weights.bias.get_or_insert_with(|| vec![0.0; count]);
        let weight = weights.weight.get_or_insert_default();
        let row_values = (weight.len() / count.max(1)).max(1);
        for (channel, row) in weight.chunks_mut(row_values).enumerate().take(count) {
            let factor =
                f64::from(scale[channel]) / (f64::from(variance[channel]) + epsilon).sqrt();
            for value in row {
                *value = narrow(f64::from(*value) * factor);
            }
            let centered = f64::from(bias[channel]) - f64::from(mean[channel]);
            bias[channel] = narrow(centered * factor + f64::from(shift[channel]));
        }
        self.graph.alias(output, value);
        Ok(())
    }

    /// The sum of two values, or the bias of the product before it.
    fn add(&mut self) -> Result<(), ImportError> {
        let Some((value, constant)) = self.value_and_constant() else {
            return self.join(Layer::Add);
        };
        let (input, output) = (self.input_name(value).unwrap_or_default(), self.output_name()?);
        let bias = self.constant(constant)?.clone();
        let allowed = "two values, or the bias of the MatMul before it";
        let refused = self.refuse("an input", format!("{:?}", bias.name), allowed);
        let Some((value, layer, weights)) = self.graph.maker(input) else { return Err(refused) };
        let Layer::Linear { outputs, has_bias } = layer else { return Err(refused) };
        if *has_bias || bias.sides.iter().rev().skip(1).any(|side| *side != 1) {
            return Err(refused);
        }
        let width = usize::try_from(*outputs).unwrap_or(usize::MAX);
        let mut sides: Vec<Option<usize>> = bias.sides.iter().map(|_| Some(1)).collect();
        match sides.last_mut() {
            Some(last) => *last = Some(width),
            None => return Err(refused),
        }
        weights.bias = Some(bias.reals(&sides)?.to_vec());
        *has_bias = true;
        self.graph.alias(output, value);
        Ok(())
    }

    /// The product of two values, or of a value and a number.
    fn multiply(&mut self) -> Result<(), ImportError> {
        let Some((value, constant)) = self.value_and_constant() else {
            return self.join(Layer::Multiply);
        };
        let factor = self.constant(constant)?.scalar();
        let factor =
            factor.ok_or_else(|| self.refuse("a factor", "a tensor", "a value or one number"))?;
        let (value, shape) = self.value(value)?;
        let (name, layer) = (self.output_name()?, Layer::Scale { factor: factor.to_bits() });
        self.graph.add(name, (layer, vec![value]), shape, Weights::default());
        Ok(())
    }

    /// Which of two inputs is a value and which a tensor, if they are one of each.
    fn value_and_constant(&self) -> Option<(usize, usize)> {
        let is_constant = |place: usize| {
            self.input_name(place).is_some_and(|name| self.graph.constant(name).is_some())
        };
        match (is_constant(0), is_constant(1)) {
            (true, false) => Some((1, 0)),
            (false, true) => Some((0, 1)),
            (true, true) | (false, false) => None,
        }
    }

    fn join(&mut self, layer: Layer) -> Result<(), ImportError> {
        let ((first, shape), (second, other)) = (self.value(0)?, self.value(1)?);
        self.demand(shape == other, ("the inputs", "unequal".to_owned()), "two of one shape")?;
        let name = self.output_name()?;
        self.graph.add(name, (layer, vec![first, second]), shape, Weights::default());
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to the nearest f32 on purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}
