//! `aipot plot verify`: whether a sector file is what a farmer needs, and if not, what is wrong and where.

mod findings;
mod subject;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aipot_kernels::plotting::{ReadError, SectorView};
use aipot_kernels::proof_of_space::Variant;
use clap::Args;
use rand_core::{OsRng, RngCore};

use super::super::model::on_threads;
use super::super::{CommandError, Output};
use super::fresh_file::FreshFile;
use super::input;
use super::pieces::read_piece;
use findings::Findings;
use subject::Subject;

/// Records that are read unless all are.
const SAMPLE_DEFAULT: u16 = 3;

/// Arguments of `aipot plot verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot verify sector.bin --all\n\nExit code 0 when nothing is wrong, 1 when something is. Without sector.bin.metadata, say which sector it is with\n--public-key, --sector-index, --protocol-info and --pieces-in-sector, as for aipot plot sector."
)]
pub(in crate::command) struct VerifyArguments {
    /// The sector file.
    file: PathBuf,
    /// The metadata that was written with it; by default the file of the same name with .metadata.
    #[arg(long)]
    metadata: Option<PathBuf>,
    /// The variant that its readers expect, v1 or v2; by default whichever it turns out to be.
    #[arg(long)]
    variant: Option<String>,
    /// Read every record. Takes about as long as plotting.
    #[arg(long)]
    all: bool,
    /// Read so many records, chosen anew each time; with 0, only hashes and sizes are checked.
    #[arg(long, default_value_t = SAMPLE_DEFAULT)]
    records: u16,
    /// Folder of pieces, named by piece index, with which those in the sector are compared.
    #[arg(long)]
    pieces: Option<PathBuf>,
    /// Folder into which the pieces that are read are written, named by piece index.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Public key of the farmer whose sector it should be: 32 bytes in hexadecimal digits.
    #[arg(long)]
    public_key: Option<String>,
    /// Number that the sector should have among those of the farmer.
    #[arg(long)]
    sector_index: Option<u64>,
    /// What the farmer knew of the protocol: 42 bytes in hexadecimal digits.
    #[arg(long)]
    protocol_info: Option<String>,
    /// Pieces that the sector should have.
    #[arg(long)]
    pieces_in_sector: Option<u64>,
    /// Threads; 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// Checks the sector and prints what was found.
pub(super) fn run(arguments: &VerifyArguments, output: Output) -> Result<ExitCode, CommandError> {
    let variant = arguments.variant.as_deref().map(input::variant).transpose()?;
    let subject = Subject::read(arguments)?;
    let view = subject.view()?;
    let findings = on_threads(arguments.threads, || {
        let mut findings = Findings::new(&subject, variant);
        findings.note(view.check().err());
        findings.note_sizes(&subject);
        let offsets = offsets(arguments, subject.plan.pieces_in_sector());
        let length = u64::try_from(offsets.len()).unwrap_or(u64::MAX);
        let progress = output.progress(length, "records {bar:40} {pos}/{len}, {eta} left");
        for piece_offset in offsets {
            if let Some(piece) = read_record(&view, piece_offset, &mut findings)? {
                compare(arguments, &subject, (piece_offset, &piece), &mut findings)?;
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok::<_, CommandError>(findings)
    })??;
    output.result(&findings.value(), &findings.text(&arguments.file))?;
    Ok(if findings.is_valid() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Which records are read, in order.
fn offsets(arguments: &VerifyArguments, pieces_in_sector: u16) -> Vec<u16> {
    let mut offsets: Vec<u16> = (0..pieces_in_sector).collect();
    if !arguments.all {
        let mut draws: Vec<(u64, u16)> =
            offsets.iter().map(|&offset| (OsRng.next_u64(), offset)).collect();
        draws.sort_unstable();
        draws.truncate(usize::from(arguments.records));
        offsets = draws.into_iter().map(|(_, offset)| offset).collect();
        offsets.sort_unstable();
    }
    offsets
}

/// Decodes one record, in the variant of the sector as far as it is known; notes what is wrong.
fn read_record(
    view: &SectorView<'_>,
    piece_offset: u16,
    findings: &mut Findings,
) -> Result<Option<Vec<u8>>, CommandError> {
    let candidates = findings.variant.map_or(vec![Variant::V1, Variant::V2], |known| vec![known]);
    let mut faults = Vec::new();
    for variant in candidates {
        match view.decode_piece(piece_offset, variant, &|| true) {
            Ok(piece) => {
                findings.read(piece_offset, variant);
                return Ok(Some(piece));
            }
            Err(ReadError::Proofs(error)) => return Err(error.into()),
            Err(fault) => faults.push(fault),
        }
    }
    findings.note(faults);
    findings.read_offsets.push(piece_offset);
    Ok(None)
}

/// Compares a piece with the one of its index, and writes it out, as asked.
fn compare(
    arguments: &VerifyArguments,
    subject: &Subject,
    (piece_offset, piece): (u16, &[u8]),
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let piece_index = subject.plan.piece_indexes[usize::from(piece_offset)];
    if let Some(folder) = &arguments.pieces
        && read_piece(folder, piece_index)?.as_bytes() != piece
    {
        findings.note_other_piece(piece_offset, piece_index);
    }
    if let Some(folder) = &arguments.out {
        write_piece(folder, piece_index, piece)?;
    }
    Ok(())
}

fn write_piece(folder: &Path, piece_index: u64, piece: &[u8]) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
    let needed_bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
    let mut file = FreshFile::begin(&folder.join(piece_index.to_string()), needed_bytes)?;
    file.write(piece)?;
    file.finish()
}
