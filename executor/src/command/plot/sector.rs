//! `aipot plot sector`: a sector of a folder of pieces, without any server.

mod output_files;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aipot_kernels::plotting::{
    CheckPolicy, FinishedSector, Piece, RecordEncoder, Sector, SectorPlan,
};
use aipot_kernels::proof_of_space::Variant;
use clap::Args;

use super::super::model::on_threads;
use super::super::train::processor_time;
use super::super::{CommandError, Output};
use super::input;
use super::pieces::read_piece;
use output_files::OutputFiles;
pub(super) use output_files::metadata_path;
use report::PieceHashes;

/// Seconds of an hour.
const HOUR_SECONDS: f64 = 3600.0;

/// Arguments of `aipot plot sector`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot sector --pieces pieces/ --public-key HEX --sector-index 0 --protocol-info HEX --pieces-in-sector 1000 --variant v2 --out sector.bin\n\nThe sector's metadata, as a farmer gets it, is written beside it, as sector.bin.metadata."
)]
pub(in crate::command) struct SectorArguments {
    /// Folder of the pieces: files of 1,048,672 bytes, named by piece index.
    #[arg(long)]
    pieces: PathBuf,
    /// Public key of the farmer: 32 bytes in hexadecimal digits.
    #[arg(long)]
    public_key: String,
    /// Number of the sector among those of the farmer, 0 to 65,535.
    #[arg(long)]
    sector_index: u64,
    /// What the farmer knows of the protocol, SCALE-encoded: 42 bytes in hexadecimal digits.
    #[arg(long)]
    protocol_info: String,
    /// Pieces of the sector, at most 1,000.
    #[arg(long)]
    pieces_in_sector: u64,
    /// Which proofs hide the data, v1 or v2, as your farmers read it; there is no default.
    #[arg(long)]
    variant: String,
    /// What computes: auto, cpu, wgpu or cuda; wgpu:1 is the second device of wgpu.
    #[arg(long, default_value = "auto")]
    backend: String,
    /// Threads on the processor; 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where the sector is written.
    #[arg(long)]
    out: PathBuf,
}

/// A sector that was plotted, and in what time.
struct Plotted {
    sector: FinishedSector,
    hashes: PieceHashes,
    device: String,
    wall: Duration,
    processor: Duration,
}

/// Plots the sector, writes it and prints what identifies it.
pub(super) fn run(arguments: &SectorArguments, output: Output) -> Result<ExitCode, CommandError> {
    let plan = input::plan(
        &arguments.public_key,
        arguments.sector_index,
        &arguments.protocol_info,
        arguments.pieces_in_sector,
    )?;
    let variant = input::variant(&arguments.variant)?;
    let encoder = input::device(&arguments.backend)?.candidate()?.encoder()?;
    let files = OutputFiles::begin(&arguments.out, plan.pieces_in_sector())?;
    let (pieces, hashes) = read_pieces(arguments, &plan, output)?;
    let plotted = on_threads(arguments.threads, || {
        let (start, processor_start) = (Instant::now(), processor_time());
        let sector = plot(plan.clone(), variant, pieces, encoder.as_ref(), output)?;
        Ok::<_, CommandError>(Plotted {
            sector,
            hashes,
            device: encoder.name(),
            wall: start.elapsed(),
            processor: processor_time().saturating_sub(processor_start),
        })
    })??;
    let regions = files.write(&plotted.sector)?;
    let value = report::value(&plan, variant, &plotted, &regions);
    output.result(&value, &report::text(&plan, &plotted, &regions, &arguments.out))?;
    Ok(ExitCode::SUCCESS)
}

fn read_pieces(
    arguments: &SectorArguments,
    plan: &SectorPlan,
    output: Output,
) -> Result<(Vec<Piece>, PieceHashes), CommandError> {
    let length = u64::from(plan.pieces_in_sector());
    let progress = output.progress(length, "pieces  {bar:40} {pos}/{len}");
    let (mut pieces, mut hashes) = (Vec::new(), PieceHashes::default());
    for &piece_index in &plan.piece_indexes {
        let piece = read_piece(&arguments.pieces, piece_index)?;
        hashes.add(&piece);
        pieces.push(piece);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok((pieces, hashes))
}

fn plot(
    plan: SectorPlan,
    variant: Variant,
    pieces: Vec<Piece>,
    encoder: &dyn RecordEncoder,
    output: Output,
) -> Result<FinishedSector, CommandError> {
    let length = u64::from(plan.pieces_in_sector());
    let progress = output.progress(length, "records {bar:40} {pos}/{len}  {msg}, {eta} left");
    // Other chunks are checked in every sector, and the same ones whenever this sector is plotted.
    let policy = CheckPolicy::usual(*plan.sector_id.as_bytes());
    let pieces_in_sector = f64::from(plan.pieces_in_sector());
    let mut sector = Sector::new(plan, variant, pieces, policy)?;
    let start = Instant::now();
    while !sector.is_done() {
        sector.advance(encoder, &|| true)?;
        let done_count = u32::try_from(sector.done_count()).unwrap_or(u32::MAX);
        let sectors_per_second =
            f64::from(done_count) / pieces_in_sector / start.elapsed().as_secs_f64();
        progress.set_position(u64::from(done_count));
        progress.set_message(format!("{:.2} sectors/h", sectors_per_second * HOUR_SECONDS));
    }
    progress.finish_and_clear();
    sector.finish().map_err(|sector| CommandError::Unfinished { done_count: sector.done_count() })
}
