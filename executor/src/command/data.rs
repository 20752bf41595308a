//! The data files of an order: named on the command line, named in the order, or made out of its seed.
//! `aipot data` makes them out of files of other formats.

mod error;
mod open;
mod prepare;
mod running;
mod target;
mod tokenizer;

use std::path::Path;
use std::process::ExitCode;

use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::dataset::{PreparedFile, prepare};
use aipot_trainer::specification::{DataSource, OrderDraft};
use clap::Subcommand;

pub(super) use error::ImportingError;

use super::files::read_data;
use super::{CommandError, Output};

/// Subcommands of `aipot data`.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Make the data files of an order out of idx, npy, npz, csv, text, jsonl, safetensors or parquet files.
    Prepare(Box<prepare::PrepareArguments>),
    /// Train tokenizers.
    #[command(subcommand)]
    Tokenizer(tokenizer::TokenizerCommand),
}

/// Runs a subcommand.
pub(super) fn run(command: &DataCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        DataCommand::Prepare(arguments) => prepare::run(arguments, output),
        DataCommand::Tokenizer(command) => tokenizer::run(command, output),
    }
}

/// The bytes of a file of an order as the client has them; `None` when nothing says where they are.
///
/// A `given` path goes before one in the order, which lies relative to the file of the `order`.
pub(super) fn find_data(
    draft: &OrderDraft,
    order: &Path,
    part: Part,
    given: Option<&Path>,
) -> Result<Option<Vec<u8>>, CommandError> {
    if let Some(path) = given {
        return read_data(path).map(Some);
    }
    let written = match (&draft.data.source, part) {
        (DataSource::Synthetic { .. }, _) => return Ok(draft.data.synthetic(part)?),
        (DataSource::Files { train, .. }, Part::Train) => train,
        (DataSource::Files { test, .. }, Part::Test) => test,
    };
    let folder = order.parent().unwrap_or(Path::new(""));
    written.as_ref().map(|path| read_data(&folder.join(path))).transpose()
}

/// The same of a file that a command cannot do without.
pub(super) fn require_data(
    draft: &OrderDraft,
    order: &Path,
    part: Part,
    given: Option<&Path>,
) -> Result<Vec<u8>, CommandError> {
    let (option, field) = match part {
        Part::Train => ("--data", "data.train.path"),
        Part::Test => ("--test", "data.test.path"),
    };
    find_data(draft, order, part, given)?.ok_or(CommandError::NoData { option, field })
}

/// A single file as the order has it.
pub(super) fn prepare_one<'bytes>(
    draft: &OrderDraft,
    bytes: &'bytes [u8],
) -> Result<PreparedFile<'bytes>, CommandError> {
    let (train, _) = prepare(&draft.data.shape(), Some(bytes), None)?;
    train.ok_or(CommandError::NoData { option: "--data", field: "data.train.path" })
}
