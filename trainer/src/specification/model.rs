//! The model's section: read and written.

mod layer;
mod network;

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::order::check::{DATA_BYTES_MAX, WIDTH_MAX};
use aipot_domain_runtime::order::tensors::BLOCKS_MAX;
use aipot_domain_runtime::order::{
    Architecture, ConvolutionSpecification, DataFile, ImageShape, ModelSpecification,
};
use aipot_domain_runtime::primitives::DataRoot;

use super::error::SpecificationError;
use super::section::Section;
use super::write::wide;

const ARCHITECTURES: &[(&str, Name)] = &[
    ("mlp", Name::Mlp),
    ("cnn", Name::Cnn),
    ("gpt", Name::Gpt),
    ("graph", Name::Graph),
    ("resnet", Name::Resnet),
    ("vit", Name::Vit),
    ("bert", Name::Bert),
    ("llama", Name::Llama),
    ("lora", Name::Lora),
];

#[derive(Clone, Copy)]
enum Name {
    Mlp,
    Cnn,
    Gpt,
    Graph,
    Resnet,
    Vit,
    Bert,
    Llama,
    Lora,
}

pub(super) fn read(mut section: Section) -> Result<ModelSpecification, SpecificationError> {
    let name = section.word("architecture", ARCHITECTURES)?;
    let architecture = match section.required("architecture", name)? {
        Name::Mlp => Architecture::Mlp { hidden_widths: hidden(&mut section)? },
        Name::Cnn => Architecture::Cnn {
            image: image(&mut section)?,
            convolutions: convolutions(&mut section)?,
            hidden_widths: hidden(&mut section)?,
        },
        Name::Gpt => gpt(&mut section)?,
        Name::Graph => network::graph(&mut section)?,
        Name::Resnet => network::resnet(&mut section)?,
        Name::Vit => network::vit(&mut section)?,
        Name::Bert => network::bert(&mut section)?,
        Name::Llama => network::llama(&mut section)?,
        Name::Lora => network::lora(&mut section)?,
    };
    let mut initial = section.section("initial")?;
    let initial_seed = initial.integer("seed", 0..=u64::MAX)?.unwrap_or(0);
    initial.finish()?;
    let base = section.optional_section("base")?.map(base).transpose()?;
    section.finish()?;
    Ok(ModelSpecification { architecture, initial_seed, base })
}

/// A model file by its content.
fn base(mut section: Section) -> Result<DataFile, SpecificationError> {
    let root = section.hash("blob")?;
    let root = DataRoot(section.required("blob", root)?);
    let byte_count = section.integer("bytes", 1..=DATA_BYTES_MAX)?;
    let byte_count = section.required("bytes", byte_count)?;
    section.finish()?;
    Ok(DataFile { root, byte_count })
}

fn width_max() -> u32 {
    u32::try_from(WIDTH_MAX).unwrap_or(u32::MAX)
}

fn size(section: &mut Section, key: &'static str, max: u32) -> Result<u32, SpecificationError> {
    let size = section.integer(key, 1..=max)?;
    section.required(key, size)
}

fn hidden<const MAX: usize>(
    section: &mut Section,
) -> Result<BoundedVec<u32, MAX>, SpecificationError> {
    let widths = section.integers("hidden", 1..=width_max())?;
    let widths = section.required("hidden", widths)?;
    bounded(widths, || section.field("hidden (layers)"))
}

fn bounded<T, const MAX: usize>(
    items: Vec<T>,
    field: impl FnOnce() -> String,
) -> Result<BoundedVec<T, MAX>, SpecificationError> {
    let length = items.len();
    BoundedVec::try_from(items).map_err(|_| SpecificationError::OutOfRange {
        field: field(),
        value: length.to_string(),
        min: "0".into(),
        max: MAX.to_string(),
    })
}

/// Channels, rows and columns.
fn image(section: &mut Section) -> Result<ImageShape, SpecificationError> {
    let sides = section.integers("image", 1..=width_max())?;
    let sides = section.required("image", sides)?;
    let [channels, height, width] = sides[..] else {
        return Err(SpecificationError::Malformed {
            field: section.field("image"),
            value: format!("{sides:?}"),
            expected: "[channels, rows, columns]",
        });
    };
    Ok(ImageShape { channels, height, width })
}

fn convolutions<const MAX: usize>(
    section: &mut Section,
) -> Result<BoundedVec<ConvolutionSpecification, MAX>, SpecificationError> {
    let tables = section.sections("convolutions")?;
    let tables = section.required("convolutions", tables)?;
    let convolutions = tables.into_iter().map(|mut table| {
        let outputs = size(&mut table, "outputs", width_max())?;
        let kernel = size(&mut table, "kernel", width_max())?;
        table.finish()?;
        Ok::<_, SpecificationError>(ConvolutionSpecification { outputs, kernel })
    });
    let convolutions = convolutions.collect::<Result<_, SpecificationError>>()?;
    bounded(convolutions, || section.field("convolutions"))
}

fn gpt(section: &mut Section) -> Result<Architecture, SpecificationError> {
    Ok(Architecture::Gpt {
        width: size(section, "width", width_max())?,
        layer_count: size(section, "layers", BLOCKS_MAX)?,
        head_count: size(section, "heads", width_max())?,
        context: size(section, "context", width_max())?,
    })
}

/// Writes the section.
pub(super) fn write(model: &ModelSpecification) -> String {
    let architecture = match &model.architecture {
        Architecture::Mlp { hidden_widths } => {
            format!("architecture = \"mlp\"\nhidden = [{}]\n", joined(hidden_widths))
        }
        Architecture::Cnn { image, convolutions, hidden_widths } => {
            let ImageShape { channels, height, width } = image;
            let convolutions: Vec<_> = convolutions
                .iter()
                .map(|one| format!("{{ outputs = {}, kernel = {} }}", one.outputs, one.kernel))
                .collect();
            format!(
                "architecture = \"cnn\"\nimage = [{channels}, {height}, {width}]\n\
                 convolutions = [{}]\nhidden = [{}]\n",
                convolutions.join(", "),
                joined(hidden_widths)
            )
        }
        Architecture::Gpt { width, layer_count, head_count, context } => format!(
            "architecture = \"gpt\"\nwidth = {width}\nlayers = {layer_count}\n\
             heads = {head_count}\ncontext = {context}\n"
        ),
        other @ (Architecture::Graph { .. }
        | Architecture::Resnet(_)
        | Architecture::Vit(_)
        | Architecture::Bert(_)
        | Architecture::Llama(_)
        | Architecture::Lora(_)) => network::write(other),
    };
    let base = model.base.map_or_else(String::new, |base| {
        format!("base = {{ blob = \"blake3:{}\", bytes = {} }}\n", base.root, wide(base.byte_count))
    });
    format!("[model]\n{architecture}initial = {{ seed = {} }}\n{base}", wide(model.initial_seed))
}

fn joined(numbers: &[u32]) -> String {
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}
