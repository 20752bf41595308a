//! `aipot device bench`: how fast orders are trained on this machine and what they take, and what canonical
//! bits cost.

mod measure;
mod orders;
mod report;

use std::process::{Command, ExitCode, Stdio};

use aipot_trainer::comparison::{ProductShape, SHAPES};
use clap::Args;

use super::super::model::on_threads;
use super::super::{CommandError, Output};
use measure::measure;
use report::{Figures, Report};

/// The variable from which candle takes its number of threads.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";
/// Most threads that are measured.
const THREADS_MAX: u64 = 1024;
/// Most samples of each product.
const SAMPLES_MAX: u64 = 1000;

/// Arguments of `aipot device bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: aipot device bench --steps 10 --threads 1,2\n          aipot device bench --arithmetic --threads 1,2\n\nEach order of benches/orders is trained for some steps in a process of its own: steps a second after the first\none, and the memory at the peak beside the estimate.\n\nWith --arithmetic, each product is computed in turns by the canonical kernel and by candle; the figures are medians, and a ratio\nbelow 1 says that the canonical one is faster. Shapes are rows x depth x columns.\n\nExit codes: 0 measured, 1 a ratio is above --ratio-max or measuring failed, 2 wrong usage."
)]
pub(in crate::command) struct BenchArguments {
    /// Compare canonical products of matrices with candle's, instead of training orders.
    #[arg(long)]
    arithmetic: bool,
    /// Only this order; may be given several times. By default all of them.
    #[arg(long, value_enum, conflicts_with = "arithmetic")]
    order: Vec<orders::BenchmarkOrder>,
    /// Steps of each order that are measured.
    #[arg(long, default_value_t = 10, conflicts_with = "arithmetic")]
    steps: u64,
    /// Train in this process: its memory is measured, so it must have done nothing else.
    #[arg(long, hide = true, conflicts_with = "arithmetic")]
    alone: bool,
    /// With how many threads, each count for itself.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    threads: Vec<u64>,
    /// Only this shape, for example 64x800x576; may be given several times. By default squares, and tall
    /// and thin shapes of training.
    #[arg(long, requires = "arithmetic", value_parser = parse_shape)]
    shape: Vec<ProductShape>,
    /// Samples of each product; more of them, steadier figures.
    #[arg(long, default_value_t = 15)]
    samples: u64,
    /// Fail when a ratio is above this one.
    #[arg(long, requires = "arithmetic")]
    ratio_max: Option<f64>,
}

/// Measures every product and prints the report.
pub(super) fn run(arguments: &BenchArguments, output: Output) -> Result<ExitCode, CommandError> {
    in_range("--samples", arguments.samples, SAMPLES_MAX)?;
    for &threads in &arguments.threads {
        in_range("--threads", threads, THREADS_MAX)?;
    }
    if !arguments.arithmetic {
        return orders::run(arguments, output);
    }
    let mut products = Vec::new();
    for &threads in &arguments.threads {
        if std::env::var(THREADS_VARIABLE).is_ok_and(|value| value == threads.to_string()) {
            products.extend(measure_here(arguments, threads, output)?);
        } else {
            products.extend(measure_apart(arguments, threads)?);
        }
    }
    let report = Report::new(products);
    output.result(&report, &report.text())?;
    let is_slow = arguments.ratio_max.is_some_and(|max| report.is_above(max));
    Ok(if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures in this process, whose environment names the number of threads.
fn measure_here(
    arguments: &BenchArguments,
    threads: u64,
    output: Output,
) -> Result<Vec<Figures>, CommandError> {
    let count = usize::try_from(threads).unwrap_or(usize::MAX);
    let mut products = Vec::new();
    for shape in shapes(arguments) {
        output.note(&format!("measuring {shape} on {threads} threads"));
        products.push(on_threads(count, || measure(shape, threads, arguments.samples))??);
    }
    Ok(products)
}

/// Measures in a process of its own: candle asks the environment for its threads, and changing that of
/// a process that runs already is not safe.
fn measure_apart(arguments: &BenchArguments, threads: u64) -> Result<Vec<Figures>, CommandError> {
    let failed = |source| CommandError::MeasureApart { threads, source };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["--json", "device", "bench", "--arithmetic", "--threads", &threads.to_string()]);
    command.args(["--samples", &arguments.samples.to_string()]);
    for shape in &arguments.shape {
        command.args(["--shape", &shape.to_string()]);
    }
    command.env(THREADS_VARIABLE, threads.to_string()).stderr(Stdio::inherit());
    let found = command.output().map_err(failed)?;
    let report: Report =
        serde_json::from_slice(&found.stdout).map_err(|error| failed(error.into()))?;
    Ok(report.into_products())
}

fn shapes(arguments: &BenchArguments) -> Vec<ProductShape> {
    if arguments.shape.is_empty() { SHAPES.to_vec() } else { arguments.shape.clone() }
}

fn in_range(field: &'static str, value: u64, max: u64) -> Result<(), CommandError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(CommandError::OutOfRange { field, value, min: 1, max })
}

fn parse_shape(text: &str) -> Result<ProductShape, String> {
    text.parse().map_err(|error: aipot_trainer::comparison::UnknownShape| error.to_string())
}
