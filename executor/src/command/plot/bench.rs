//! `aipot plot bench`: how fast each device of this machine plots, and which to use.

mod measure;
mod report;

use std::process::ExitCode;

use aipot_kernels::proof_of_space::Variant;
use clap::Args;

use super::super::{CommandError, Output};
use super::input;
use super::size::parse_size;
use crate::backend::{Backend, Candidate, candidates};
use measure::measure;
use report::Report;

/// Pieces of a full sector on Autonomys' main network.
const PIECES_DEFAULT: u16 = 1000;
/// Records that a device may be given in all.
const RECORDS_MAX: u64 = 10_000;

/// Arguments of `aipot plot bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot plot bench --plot-size 4TiB\n\nEach device encodes a few records of made-up data. Software adapters compute on the processor; they are\nmeasured with one record, to show that they are right, and never recommended."
)]
pub(in crate::command) struct BenchArguments {
    /// Which proofs are found, v1 or v2; their speed differs little.
    #[arg(long, default_value = "v1")]
    variant: String,
    /// Only devices of this backend: cpu, wgpu or cuda.
    #[arg(long, default_value = "auto")]
    backend: String,
    /// Records that each hardware device encodes; more of them, steadier figures. By default as many as
    /// each works on at once, twice.
    #[arg(long)]
    records: Option<u64>,
    /// How much space is to be plotted, for example 4TiB.
    #[arg(long)]
    plot_size: Option<String>,
    /// Pieces of a sector.
    #[arg(long, default_value_t = PIECES_DEFAULT)]
    pieces_in_sector: u16,
}

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    variant: Variant,
    records: Option<u64>,
    plot_bytes: Option<u64>,
    pieces_in_sector: u16,
}

/// Measures every device and says which to use.
pub(super) fn run(arguments: &BenchArguments, output: Output) -> Result<ExitCode, CommandError> {
    let plan = plan(arguments)?;
    let wanted = input::device(&arguments.backend)?;
    let mut report = Report::new(plan);
    for candidate in candidates().into_iter().rev() {
        if wanted.includes(&candidate) {
            for threads in threads(&candidate) {
                output.note(&format!("measuring {}", candidate.name));
                report.add(&candidate, threads, measure(&candidate, threads, &plan));
            }
        }
    }
    report.judge();
    output.result(&report, &report.text())?;
    Ok(if report.has_figures() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// With how many threads a device is measured: the processor with one and with all, others with no say.
fn threads(candidate: &Candidate) -> Vec<Option<usize>> {
    if candidate.backend != Backend::Cpu {
        return vec![None];
    }
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![Some(1), Some(all)];
    counts.dedup();
    counts
}

fn plan(arguments: &BenchArguments) -> Result<Plan, CommandError> {
    let pieces = u64::from(arguments.pieces_in_sector);
    input::in_range("--pieces-in-sector", pieces, 1, u64::from(PIECES_DEFAULT))?;
    if let Some(records) = arguments.records {
        input::in_range("--records", records, 1, RECORDS_MAX)?;
    }
    let plot_bytes = arguments.plot_size.as_deref();
    Ok(Plan {
        variant: input::variant(&arguments.variant)?,
        records: arguments.records,
        plot_bytes: plot_bytes.map(|text| parse_size("--plot-size", text)).transpose()?,
        pieces_in_sector: arguments.pieces_in_sector,
    })
}
