//! `aipot plot`: tables, proofs and sectors of a farm, without any server.

mod bench;
pub(super) mod fresh_file;
pub(super) mod input;
mod pieces;
mod proof;
mod sector;
mod size;
mod table;
mod verify;

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
    /// Plot a sector of a folder of pieces into a file.
    Sector(sector::SectorArguments),
    /// Check a sector file: checksums, proofs, and that its pieces come out again.
    Verify(verify::VerifyArguments),
    /// Measure how fast this machine plots, on each of its devices.
    Bench(bench::BenchArguments),
}

/// Runs a subcommand.
pub(super) fn run(command: &PlotCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        PlotCommand::Table(arguments) => table::run(arguments, output),
        PlotCommand::Prove(arguments) => proof::prove_one(arguments, output),
        PlotCommand::VerifyProof(arguments) => proof::verify(arguments, output),
        PlotCommand::Sector(arguments) => sector::run(arguments, output),
        PlotCommand::Verify(arguments) => verify::run(arguments, output),
        PlotCommand::Bench(arguments) => bench::run(arguments, output),
    }
}
