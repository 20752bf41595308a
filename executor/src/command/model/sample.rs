//! `aipot model sample`: what a model of text says.

use std::path::PathBuf;

use aipot_trainer::model_file::read_model;
use aipot_trainer::sampling::{Drawing, sample};
use clap::Args;
use serde_json::json;

use super::super::files::{read_model_file, read_order};
use super::super::train::error::TrainCommandError;
use super::super::{CommandError, Output};
use super::{on_threads, without_files};

/// Most tokens of one sample.
const TOKENS_MAX: usize = 100_000;

/// Arguments of `aipot model sample`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot model sample model.safetensors --order order.toml --prompt 'ROMEO:' --tokens 300 --temperature 0.8"
)]
pub(in crate::command) struct SampleArguments {
    /// The model file, of an order over text.
    model: PathBuf,
    /// The order, in TOML or JSON.
    #[arg(long)]
    order: PathBuf,
    /// What the model goes on with.
    #[arg(long, default_value = "\n")]
    prompt: String,
    /// Bytes that it says.
    #[arg(long, default_value_t = 300)]
    tokens: usize,
    /// 0 takes the most probable byte, 1 draws as the model says.
    #[arg(long, default_value_t = 0.8)]
    temperature: f32,
    /// The same seed draws the same text.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Draws a text and prints it behind its beginning.
pub(super) fn run(arguments: &SampleArguments, output: Output) -> Result<(), CommandError> {
    if arguments.tokens > TOKENS_MAX {
        let max = u64::try_from(TOKENS_MAX).unwrap_or(u64::MAX);
        let value = u64::try_from(arguments.tokens).unwrap_or(u64::MAX);
        return Err(CommandError::OutOfRange { field: "--tokens", value, min: 0, max });
    }
    let specification = without_files(read_order(&arguments.order)?, None)?;
    let weights = read_model(&read_model_file(&arguments.model)?, &specification)?.into_values();
    let beginning: Vec<u32> = arguments.prompt.bytes().map(u32::from).collect();
    let drawing = Drawing { temperature: arguments.temperature, seed: arguments.seed };
    let compute = || sample(&specification, &weights, &beginning, (arguments.tokens, drawing));
    let said = on_threads(1, compute)?.map_err(TrainCommandError::from)?;
    let bytes: Vec<u8> = said.iter().map(|token| u8::try_from(*token).unwrap_or(b'?')).collect();
    let said = String::from_utf8_lossy(&bytes);
    let value = json!({ "prompt": arguments.prompt, "text": said });
    output.result(&value, &format!("{}{said}", arguments.prompt))
}
