//! `aipot plot`: tables, proofs and sectors of a farm, without any server.

mod fresh_file;
mod input;
mod proof;
mod table;

use std::process::ExitCode;

use clap::Subcommand;

use super::{CommandError, Output};

/// Subcommands of `aipot plot`.
#[derive(Debug, Subcommand)]
pub(super) enum PlotCommand {
    /// Make the seven tables of a seed, find all proofs, and print what identifies them.
    Table(table::TableArguments),
    /// Print the proof for one s-bucket, or that there is none.
    Prove(proof::ProveArguments),
    /// Check a proof as the chain does.
    VerifyProof(proof::VerifyProofArguments),
}

/// Runs a subcommand.
pub(super) fn run(command: &PlotCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        PlotCommand::Table(arguments) => table::run(arguments, output),
        PlotCommand::Prove(arguments) => proof::prove_one(arguments, output),
        PlotCommand::VerifyProof(arguments) => proof::verify(arguments, output),
    }
}
