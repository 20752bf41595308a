//! `aipot data tokenizer`: tokenizers out of texts.

use std::path::PathBuf;
use std::process::ExitCode;

use aipot_trainer::dataset::import::RunningText;
use aipot_trainer::tokenizer::{Tokenizer, VOCABULARY_MAX, VOCABULARY_MIN, train};
use clap::{Args, Subcommand};
use serde_json::json;

use super::super::plot::fresh_file::FreshFile;
use super::super::{CommandError, Output};
use super::ImportingError;
use super::open::open;

/// Subcommands of `aipot data tokenizer`.
#[derive(Debug, Subcommand)]
pub(in crate::command) enum TokenizerCommand {
    /// Train byte-pair encoding over bytes, so that every text can be written.
    Train(TrainArguments),
}

/// Arguments of `aipot data tokenizer train`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot data tokenizer train --vocabulary 4096 --text shakespeare.txt --out tokenizer.json"
)]
pub(in crate::command) struct TrainArguments {
    /// Most tokens, 257 to 65536: the bytes, padding, and what is merged from them.
    #[arg(long)]
    vocabulary: u32,
    /// What to learn from, UTF-8.
    #[arg(long)]
    text: PathBuf,
    /// Where to write the tokenizer.
    #[arg(long)]
    out: PathBuf,
}

/// Runs a subcommand.
pub(super) fn run(command: &TokenizerCommand, output: Output) -> Result<ExitCode, CommandError> {
    let TokenizerCommand::Train(arguments) = command;
    if !(VOCABULARY_MIN..=VOCABULARY_MAX).contains(&arguments.vocabulary) {
        return Err(CommandError::OutOfRange {
            field: "--vocabulary",
            value: arguments.vocabulary.into(),
            min: VOCABULARY_MIN.into(),
            max: VOCABULARY_MAX.into(),
        });
    }
    let mut text = RunningText::whole(open(&arguments.text)?);
    output.note("learning from the text");
    let json = train(&mut text, arguments.vocabulary).map_err(ImportingError::from)?;
    let unusable = |source| ImportingError::Tokenizer { path: arguments.out.clone(), source };
    let tokenizer = Tokenizer::from_bytes(json.as_bytes()).map_err(unusable)?;
    let mut file = FreshFile::begin(&arguments.out, u64::try_from(json.len()).unwrap_or(u64::MAX))?;
    file.write(json.as_bytes())?;
    file.finish()?;
    let (vocabulary, path) = (tokenizer.vocabulary(), arguments.out.display().to_string());
    let value = json!({ "path": path, "vocabulary": vocabulary });
    output.result(&value, &format!("{path}: {vocabulary} tokens"))?;
    Ok(ExitCode::SUCCESS)
}
