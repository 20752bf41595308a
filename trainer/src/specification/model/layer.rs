//! One layer of a graph: read and written.

use aipot_domain_runtime::order::network::{AttentionMask, GraphLayer, LAYERS_MAX, Layer};

use super::super::error::SpecificationError;
use super::super::recipe::number;
use super::super::section::Section;
use super::{bounded, size, width_max};

/// Keeps the root of a norm from zero where nothing else is said.
///
/// # Source
/// The default of `PyTorch`'s norms.
const EPSILON_DEFAULT: f32 = 1e-5;
/// Base of the angles where none is given.
///
/// # Source
/// Su and others, "Enhanced transformer with rotary position embedding", 2021, section 3.2.2.
const ROPE_BASE_DEFAULT: f32 = 10_000.0;
/// Tokens of the largest vocabulary.
const VOCABULARY_MAX: u32 = 1 << 20;

const OPERATIONS: &[(&str, Operation)] = &[
    ("linear", Operation::Linear),
    ("convolution", Operation::Convolution),
    ("max_pool", Operation::MaxPool),
    ("average_pool", Operation::AveragePool),
    ("relu", Operation::Relu),
    ("gelu", Operation::Gelu),
    ("silu", Operation::Silu),
    ("layer_norm", Operation::LayerNorm),
    ("rms_norm", Operation::RmsNorm),
    ("group_norm", Operation::GroupNorm),
    ("attention", Operation::Attention),
    ("embedding", Operation::Embedding),
    ("position_embedding", Operation::PositionEmbedding),
    ("rope", Operation::Rope),
    ("dropout", Operation::Dropout),
    ("add", Operation::Add),
    ("multiply", Operation::Multiply),
    ("scale", Operation::Scale),
    ("flatten", Operation::Flatten),
    ("patches", Operation::Patches),
    ("mean_tokens", Operation::MeanTokens),
    ("first_token", Operation::FirstToken),
];
const MASKS: &[(&str, AttentionMask)] = &[
    ("none", AttentionMask::None),
    ("causal", AttentionMask::Causal),
    ("padding", AttentionMask::Padding),
];
const ANSWERS: &[(&str, bool)] = &[("yes", true), ("no", false)];

#[derive(Clone, Copy)]
enum Operation {
    Linear,
    Convolution,
    MaxPool,
    AveragePool,
    Relu,
    Gelu,
    Silu,
    LayerNorm,
    RmsNorm,
    GroupNorm,
    Attention,
    Embedding,
    PositionEmbedding,
    Rope,
    Dropout,
    Add,
    Multiply,
    Scale,
    Flatten,
    Patches,
    MeanTokens,
    FirstToken,
}

/// Reads the table of a layer.
pub(super) fn read(mut section: Section) -> Result<GraphLayer, SpecificationError> {
    let operation = section.word("operation", OPERATIONS)?;
    let operation = section.required("operation", operation)?;
    let values_max = u16::try_from(LAYERS_MAX).unwrap_or(u16::MAX);
    let inputs = section.integers("inputs", 0..=values_max)?.unwrap_or_default();
    let inputs = bounded(inputs, || section.field("inputs"))?;
    let layer = layer(&mut section, operation)?;
    section.finish()?;
    Ok(GraphLayer { layer, inputs })
}

fn layer(section: &mut Section, operation: Operation) -> Result<Layer, SpecificationError> {
    Ok(match operation {
        Operation::Linear => {
            let outputs = size(section, "outputs", width_max())?;
            Layer::Linear { outputs, has_bias: has_bias(section)? }
        }
        Operation::Convolution => Layer::Convolution {
            outputs: size(section, "outputs", width_max())?,
            kernel: size(section, "kernel", width_max())?,
            stride: section.integer("stride", 1..=width_max())?.unwrap_or(1),
            padding: section.integer("padding", 0..=width_max())?.unwrap_or(0),
            has_bias: has_bias(section)?,
        },
        Operation::MaxPool => Layer::MaxPool,
        Operation::AveragePool => Layer::AveragePool,
        Operation::Relu => Layer::Relu,
        Operation::Gelu => Layer::Gelu,
        Operation::Silu => Layer::Silu,
        Operation::LayerNorm => Layer::LayerNorm { epsilon: epsilon(section)? },
        Operation::RmsNorm => Layer::RmsNorm { epsilon: epsilon(section)? },
        Operation::GroupNorm => {
            let groups = size(section, "groups", width_max())?;
            Layer::GroupNorm { groups, epsilon: epsilon(section)? }
        }
        Operation::Attention => Layer::Attention {
            heads: size(section, "heads", width_max())?,
            mask: section.word("mask", MASKS)?.unwrap_or(AttentionMask::None),
        },
        Operation::Embedding => Layer::Embedding {
            vocabulary: size(section, "vocabulary", VOCABULARY_MAX)?,
            width: size(section, "width", width_max())?,
        },
        Operation::PositionEmbedding => {
            Layer::PositionEmbedding { positions: size(section, "positions", width_max())? }
        }
        Operation::Rope => Layer::Rope {
            heads: size(section, "heads", width_max())?,
            base: section.float("base")?.unwrap_or(ROPE_BASE_DEFAULT).to_bits(),
        },
        Operation::Dropout => Layer::Dropout { rate: real(section, "rate")? },
        Operation::Add => Layer::Add,
        Operation::Multiply => Layer::Multiply,
        Operation::Scale => Layer::Scale { factor: real(section, "factor")? },
        Operation::Flatten => Layer::Flatten,
        Operation::Patches => Layer::Patches { side: size(section, "side", width_max())? },
        Operation::MeanTokens => Layer::MeanTokens,
        Operation::FirstToken => Layer::FirstToken,
    })
}

fn has_bias(section: &mut Section) -> Result<bool, SpecificationError> {
    Ok(section.word("bias", ANSWERS)?.unwrap_or(true))
}

fn epsilon(section: &mut Section) -> Result<u32, SpecificationError> {
    Ok(section.float("epsilon")?.unwrap_or(EPSILON_DEFAULT).to_bits())
}

fn real(section: &mut Section, key: &'static str) -> Result<u32, SpecificationError> {
    let value = section.float(key)?;
    Ok(section.required(key, value)?.to_bits())
}

/// Writes a layer as an inline table.
pub(super) fn write(layer: &GraphLayer) -> String {
    let GraphLayer { layer, inputs } = layer;
    let bias = |has_bias: bool| if has_bias { "yes" } else { "no" };
    let rest = match *layer {
        Layer::Linear { outputs, has_bias } => {
            format!(", outputs = {outputs}, bias = \"{}\"", bias(has_bias))
        }
        Layer::Convolution { outputs, kernel, stride, padding, has_bias } => format!(
            ", outputs = {outputs}, kernel = {kernel}, stride = {stride}, padding = {padding}, \
             bias = \"{}\"",
            bias(has_bias)
        ),
        Layer::LayerNorm { epsilon } | Layer::RmsNorm { epsilon } => {
            format!(", epsilon = {}", number(epsilon))
        }
        Layer::GroupNorm { groups, epsilon } => {
            format!(", groups = {groups}, epsilon = {}", number(epsilon))
        }
        Layer::Attention { heads, mask } => {
            let word = MASKS.iter().find(|(_, other)| *other == mask).map_or("", |(word, _)| word);
            format!(", heads = {heads}, mask = \"{word}\"")
        }
        Layer::Embedding { vocabulary, width } => {
            format!(", vocabulary = {vocabulary}, width = {width}")
        }
        Layer::PositionEmbedding { positions } => format!(", positions = {positions}"),
        Layer::Rope { heads, base } => format!(", heads = {heads}, base = {}", number(base)),
        Layer::Dropout { rate } => format!(", rate = {}", number(rate)),
        Layer::Scale { factor } => format!(", factor = {}", number(factor)),
        Layer::Patches { side } => format!(", side = {side}"),
        Layer::MaxPool
        | Layer::AveragePool
        | Layer::Relu
        | Layer::Gelu
        | Layer::Silu
        | Layer::Add
        | Layer::Multiply
        | Layer::Flatten
        | Layer::MeanTokens
        | Layer::FirstToken => String::new(),
    };
    let inputs: Vec<_> = inputs.iter().map(ToString::to_string).collect();
    let inputs = if inputs.is_empty() {
        String::new()
    } else {
        format!(", inputs = [{}]", inputs.join(", "))
    };
    format!("{{ operation = \"{}\"{rest}{inputs} }}", layer.name())
}
