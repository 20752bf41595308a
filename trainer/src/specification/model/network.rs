//! Architectures that are made of declared layers: read and written.

use aipot_domain_runtime::order::check::WIDTH_MAX;
use aipot_domain_runtime::order::network::{GraphInput, GraphLayer};
use aipot_domain_runtime::order::tensors::BLOCKS_MAX;
use aipot_domain_runtime::order::{
    Architecture, BertShape, ImageShape, LlamaShape, LoraBase, LoraShape, LoraTarget, ResnetShape,
    VitShape,
};

use super::super::error::SpecificationError;
use super::super::recipe::number;
use super::super::section::Section;
use super::layer;
use super::{bounded, image, joined, size, width_max};

/// Base of the angles where none is given.
///
/// # Source
/// Su and others, "Enhanced transformer with rotary position embedding", 2021, section 3.2.2.
const ROPE_BASE_DEFAULT: f32 = 10_000.0;
/// Groups of a norm where none are given; they divide every usual width.
const GROUPS_DEFAULT: u32 = 8;
/// Tokens of the largest vocabulary: those of the published models have fewer.
const VOCABULARY_MAX: u32 = 1 << 20;

const INPUTS: &[(&str, Input)] =
    &[("features", Input::Features), ("image", Input::Image), ("tokens", Input::Tokens)];
const BASES: &[(&str, Base)] = &[("bert", Base::Bert), ("llama", Base::Llama)];
const TARGETS: &[(&str, LoraTarget)] = &[
    ("attention.input", LoraTarget::AttentionInput),
    ("attention.output", LoraTarget::AttentionOutput),
    ("perceptron.gate", LoraTarget::PerceptronGate),
    ("perceptron.input", LoraTarget::PerceptronInput),
    ("perceptron.output", LoraTarget::PerceptronOutput),
];

#[derive(Clone, Copy)]
enum Input {
    Features,
    Image,
    Tokens,
}

#[derive(Clone, Copy)]
enum Base {
    Bert,
    Llama,
}

/// Layers as they are declared.
pub(super) fn graph(section: &mut Section) -> Result<Architecture, SpecificationError> {
    let input = match section.word("input", INPUTS)?.unwrap_or(Input::Features) {
        Input::Features => GraphInput::Features,
        Input::Image => GraphInput::Image(image(section)?),
        Input::Tokens => GraphInput::Tokens,
    };
    let tables = section.sections("layer")?;
    let tables = section.required("layer", tables)?;
    let layers = tables.into_iter().map(layer::read);
    let layers = layers.collect::<Result<Vec<GraphLayer>, SpecificationError>>()?;
    Ok(Architecture::Graph { input, layers: bounded(layers, || section.field("layer"))? })
}

pub(super) fn resnet(section: &mut Section) -> Result<Architecture, SpecificationError> {
    let widths = section.integers("widths", 1..=width_max())?;
    let widths = section.required("widths", widths)?;
    Ok(Architecture::Resnet(ResnetShape {
        image: image(section)?,
        widths: bounded(widths, || section.field("widths (stages)"))?,
        block_count: size(section, "blocks", BLOCKS_MAX)?,
        groups: section.integer("groups", 1..=width_max())?.unwrap_or(GROUPS_DEFAULT),
    }))
}

pub(super) fn vit(section: &mut Section) -> Result<Architecture, SpecificationError> {
    Ok(Architecture::Vit(VitShape {
        image: image(section)?,
        patch: size(section, "patch", width_max())?,
        width: size(section, "width", width_max())?,
        layer_count: size(section, "layers", BLOCKS_MAX)?,
        head_count: size(section, "heads", width_max())?,
    }))
}

pub(super) fn bert(section: &mut Section) -> Result<Architecture, SpecificationError> {
    bert_shape(section).map(Architecture::Bert)
}

fn bert_shape(section: &mut Section) -> Result<BertShape, SpecificationError> {
    Ok(BertShape {
        vocabulary: size(section, "vocabulary", VOCABULARY_MAX)?,
        positions: size(section, "positions", width_max())?,
        width: size(section, "width", width_max())?,
        hidden_width: size(section, "hidden_width", width_max())?,
        layer_count: size(section, "layers", BLOCKS_MAX)?,
        head_count: size(section, "heads", width_max())?,
    })
}

pub(super) fn llama(section: &mut Section) -> Result<Architecture, SpecificationError> {
    llama_shape(section).map(Architecture::Llama)
}

fn llama_shape(section: &mut Section) -> Result<LlamaShape, SpecificationError> {
    Ok(LlamaShape {
        width: size(section, "width", width_max())?,
        hidden_width: size(section, "hidden_width", width_max())?,
        layer_count: size(section, "layers", BLOCKS_MAX)?,
        head_count: size(section, "heads", width_max())?,
        rope_base: section.float("rope_base")?.unwrap_or(ROPE_BASE_DEFAULT).to_bits(),
    })
}

pub(super) fn lora(section: &mut Section) -> Result<Architecture, SpecificationError> {
    let family = section.word("family", BASES)?;
    let base = match section.required("family", family)? {
        Base::Bert => LoraBase::Bert(bert_shape(section)?),
        Base::Llama => LoraBase::Llama(llama_shape(section)?),
    };
    let rank = size(section, "rank", width_max())?;
    let alpha = section.float("alpha")?.unwrap_or_else(|| as_f32(rank));
    let targets = section.words("targets", TARGETS)?.unwrap_or_default();
    Ok(Architecture::Lora(LoraShape {
        base,
        rank,
        alpha: alpha.to_bits(),
        targets: bounded(targets, || section.field("targets"))?,
    }))
}

/// Writes one of these architectures; the others are written elsewhere.
pub(super) fn write(architecture: &Architecture) -> String {
    match architecture {
        Architecture::Graph { input, layers } => {
            let input = match input {
                GraphInput::Features => "input = \"features\"".to_owned(),
                GraphInput::Tokens => "input = \"tokens\"".to_owned(),
                GraphInput::Image(image) => format!("input = \"image\"\n{}", sides(*image)),
            };
            let layers: Vec<_> = layers.iter().map(layer::write).collect();
            format!(
                "architecture = \"graph\"\n{input}\nlayer = [\n    {},\n]\n",
                layers.join(",\n    ")
            )
        }
        Architecture::Resnet(shape) => format!(
            "architecture = \"resnet\"\n{}\nwidths = [{}]\nblocks = {}\ngroups = {}\n",
            sides(shape.image),
            joined(&shape.widths),
            shape.block_count,
            shape.groups
        ),
        Architecture::Vit(shape) => format!(
            "architecture = \"vit\"\n{}\npatch = {}\nwidth = {}\nlayers = {}\nheads = {}\n",
            sides(shape.image),
            shape.patch,
            shape.width,
            shape.layer_count,
            shape.head_count
        ),
        Architecture::Bert(shape) => format!("architecture = \"bert\"\n{}", bert_text(shape)),
        Architecture::Llama(shape) => format!("architecture = \"llama\"\n{}", llama_text(shape)),
        Architecture::Lora(shape) => lora_text(shape),
        Architecture::Mlp { .. } | Architecture::Cnn { .. } | Architecture::Gpt { .. } => {
            String::new()
        }
    }
}

fn sides(image: ImageShape) -> String {
    format!("image = [{}, {}, {}]", image.channels, image.height, image.width)
}

fn bert_text(shape: &BertShape) -> String {
    format!(
        "vocabulary = {}\npositions = {}\nwidth = {}\nhidden_width = {}\nlayers = {}\nheads = {}\n",
        shape.vocabulary,
        shape.positions,
        shape.width,
        shape.hidden_width,
        shape.layer_count,
        shape.head_count
    )
}

fn llama_text(shape: &LlamaShape) -> String {
    format!(
        "width = {}\nhidden_width = {}\nlayers = {}\nheads = {}\nrope_base = {}\n",
        shape.width,
        shape.hidden_width,
        shape.layer_count,
        shape.head_count,
        number(shape.rope_base)
    )
}

fn lora_text(shape: &LoraShape) -> String {
    let (family, base) = match &shape.base {
        LoraBase::Bert(shape) => ("bert", bert_text(shape)),
        LoraBase::Llama(shape) => ("llama", llama_text(shape)),
    };
    let name = |target: &LoraTarget| {
        let word = TARGETS.iter().find(|(_, other)| other == target);
        format!("\"{}\"", word.map_or("", |(word, _)| word))
    };
    let targets: Vec<_> = shape.targets.iter().map(name).collect();
    format!(
        "architecture = \"lora\"\nfamily = \"{family}\"\n{base}rank = {}\nalpha = {}\n\
         targets = [{}]\n",
        shape.rank,
        number(shape.alpha),
        targets.join(", ")
    )
}

#[expect(clippy::cast_precision_loss, reason = "a rank is at most 65,536, which f32 holds exactly")]
fn as_f32(rank: u32) -> f32 {
    debug_assert!(u64::from(rank) <= WIDTH_MAX);
    rank as f32
}
