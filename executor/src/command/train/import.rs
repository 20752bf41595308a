//! `aipot train import`: a model from elsewhere becomes an order and its base.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aipot_domain_runtime::order::LoraTarget;
use aipot_trainer::import::{BASE_NAME, Folder, Imported, Purpose, Written, read_onnx};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::error::TrainCommandError;
use crate::command::files::{read, read_model_file};
use crate::command::{CommandError, Output};

/// Longest configuration that is read.
const CONFIGURATION_BYTES_MAX: u64 = 1 << 20;
/// Rank of adapters where none is given.
///
/// # Source
/// Hu and others, "Low-rank adaptation of large language models", 2021, table 6.
const RANK_DEFAULT: u32 = 8;

/// Arguments of `aipot train import`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: aipot train import model.onnx --out order\n          aipot train import all-MiniLM-L6-v2 --out order --tokens 64 --classes 2 --targets attention-input\n\nThe folder of --out then holds order.toml, whose data, pay and training are yours to fill in, and the base."
)]
pub(in crate::command) struct ImportArguments {
    /// A network in ONNX, or a folder with config.json and model.safetensors of the family bert or llama.
    model: PathBuf,
    /// The folder that is made.
    #[arg(long)]
    out: PathBuf,
    /// Tokens of an example, for a folder.
    #[arg(long, default_value_t = 128)]
    tokens: u32,
    /// Classes that the head of an encoder tells apart.
    #[arg(long, default_value_t = 2)]
    classes: u32,
    /// Train all weights of a folder's model instead of adapters beside them.
    #[arg(long, conflicts_with_all = ["rank", "alpha", "targets"])]
    whole: bool,
    /// Rank of the adapters.
    #[arg(long, default_value_t = RANK_DEFAULT)]
    rank: u32,
    /// The adapters are scaled by this over their rank; the rank where it is not given.
    #[arg(long)]
    alpha: Option<f32>,
    /// Layers that get adapters; without any, the head of an encoder alone is trained.
    #[arg(long, value_enum, value_delimiter = ',')]
    targets: Vec<TargetName>,
}

/// Layers that get adapters.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TargetName {
    /// Queries, keys and values.
    AttentionInput,
    /// What an attention gives.
    AttentionOutput,
    /// The gate of a gated perceptron.
    PerceptronGate,
    /// The first layer of a perceptron.
    PerceptronInput,
    /// The last layer of a perceptron.
    PerceptronOutput,
}

impl From<TargetName> for LoraTarget {
    fn from(name: TargetName) -> Self {
        match name {
            TargetName::AttentionInput => Self::AttentionInput,
            TargetName::AttentionOutput => Self::AttentionOutput,
            TargetName::PerceptronGate => Self::PerceptronGate,
            TargetName::PerceptronInput => Self::PerceptronInput,
            TargetName::PerceptronOutput => Self::PerceptronOutput,
        }
    }
}

/// Imports and writes order and base.
pub(super) fn run(arguments: &ImportArguments, output: Output) -> Result<ExitCode, CommandError> {
    let Written { order, base, specification } =
        arguments.imported()?.write().map_err(TrainCommandError::from)?;
    write(&arguments.out, "order.toml", order.as_bytes())?;
    write(&arguments.out, BASE_NAME, &base)?;
    let architecture = specification.model.architecture.name();
    let (features, classes) = (specification.data.feature_count, specification.data.class_count);
    let root = specification.model.base.map(|file| file.root.to_string()).unwrap_or_default();
    let value = json!({
        "architecture": architecture,
        "features": features,
        "classes": classes,
        "base": root,
        "base_bytes": base.len(),
        "out": arguments.out,
    });
    let text = format!(
        "{architecture} of {features} features and {classes} classes\nbase blake3:{root}, {} bytes\n\
         {}: fill in data, pay and training, then aipot order check",
        base.len(),
        arguments.out.join("order.toml").display()
    );
    output.result(&value, &text)?;
    Ok(ExitCode::SUCCESS)
}

impl ImportArguments {
    fn imported(&self) -> Result<Imported, CommandError> {
        if !self.model.is_dir() {
            let bytes = read_model_file(&self.model)?;
            return Ok(read_onnx(&bytes).map_err(TrainCommandError::from)?);
        }
        let configuration = read(&self.model.join("config.json"), CONFIGURATION_BYTES_MAX)?;
        let weights = read_model_file(&self.model.join("model.safetensors"))?;
        let folder = Folder { configuration: &configuration, weights: &weights };
        let read = folder.read(&self.purpose(), (self.tokens, self.classes));
        Ok(read.map_err(TrainCommandError::from)?)
    }

    fn purpose(&self) -> Purpose {
        if self.whole {
            return Purpose::Whole;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rank is far below what f32 holds exactly"
        )]
        let alpha = self.alpha.unwrap_or(self.rank as f32);
        let targets = self.targets.iter().copied().map(LoraTarget::from).collect();
        Purpose::Adapters { rank: self.rank, alpha, targets }
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
    written.map_err(|source| CommandError::Write { path, source })
}
