//! The orders of `benches/orders`, trained for some steps: how fast, and in how much memory.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use aipot_domain_runtime::program::training;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::recipe_run::{RecipeRun, empty_trace};
use aipot_trainer::specification::parse_order_toml;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::super::super::data::prepare_one;
use super::super::super::model::{on_threads, without_files};
use super::super::super::{CommandError, Output};
use super::{BenchArguments, in_range};
use crate::processor::{forget_peak, process_memory};
use crate::worker::memory::OrderMemory;

/// Most steps of an order that are measured; the orders' recipes have at least one more.
const STEPS_MAX: u64 = 40;

/// An order by which machines are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BenchmarkOrder {
    /// A perceptron of 0.5 million parameters.
    Mlp,
    /// A network over images of 2.2 million parameters.
    Cnn,
    /// A decoder over bytes of 3.3 million parameters.
    Gpt,
}

/// What the training of an order took.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OrderFigures {
    order: BenchmarkOrder,
    threads: u64,
    steps: u64,
    steps_per_second: f64,
    /// What the order is estimated to take.
    estimated_bytes: u64,
    /// What it took at its peak; `None` where the operating system does not tell.
    peak_bytes: Option<u64>,
}

/// All orders.
#[derive(Debug, Serialize, Deserialize)]
struct OrdersReport {
    orders: Vec<OrderFigures>,
}

impl BenchmarkOrder {
    fn text(self) -> &'static str {
        match self {
            Self::Mlp => include_str!("../../../../../benches/orders/mlp.toml"),
            Self::Cnn => include_str!("../../../../../benches/orders/cnn.toml"),
            Self::Gpt => include_str!("../../../../../benches/orders/gpt.toml"),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Trains the orders and prints what that took.
pub(super) fn run(arguments: &BenchArguments, output: Output) -> Result<ExitCode, CommandError> {
    in_range("--steps", arguments.steps, STEPS_MAX)?;
    let all = BenchmarkOrder::value_variants();
    let chosen = if arguments.order.is_empty() { all } else { &arguments.order };
    let mut orders = Vec::new();
    for &order in chosen {
        for &threads in &arguments.threads {
            output.note(&format!("training {} on {threads} threads", order.name()));
            orders.extend(if arguments.alone {
                vec![measure(order, arguments.steps, threads)?]
            } else {
                measure_apart(order, arguments.steps, threads)?
            });
        }
    }
    let text: Vec<String> = orders.iter().map(line).collect();
    let head = "order  threads  steps/s   peak MiB  estimated MiB";
    output.result(&OrdersReport { orders }, &format!("{head}\n{}", text.join("\n")))?;
    Ok(ExitCode::SUCCESS)
}

/// Measures in a process of its own, whose memory is that of the order.
fn measure_apart(
    order: BenchmarkOrder,
    steps: u64,
    threads: u64,
) -> Result<Vec<OrderFigures>, CommandError> {
    let failed = |source| CommandError::MeasureApart { threads, source };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["--json", "device", "bench", "--alone", "--order", &order.name()]);
    command.args(["--steps", &steps.to_string(), "--threads", &threads.to_string()]);
    let found = command.stderr(Stdio::inherit()).output().map_err(failed)?;
    let report: OrdersReport =
        serde_json::from_slice(&found.stdout).map_err(|error| failed(error.into()))?;
    Ok(report.orders)
}

fn measure(order: BenchmarkOrder, steps: u64, threads: u64) -> Result<OrderFigures, CommandError> {
    let draft = parse_order_toml(order.text())?;
    let part = draft.data.synthetic(Part::Train)?;
    let field = "data.synthetic";
    let bytes = part.ok_or(CommandError::NoData { option: "--order", field })?;
    let file = prepare_one(&draft, &bytes)?;
    let mut specification = without_files(draft, Some(&file.facts))?;
    specification.data.train = file.facts.file;
    let computation = training(&specification)?;
    let empty = empty_trace(&specification, &computation)?;
    let idle = process_memory().filter(|_| forget_peak());
    let count = usize::try_from(threads).unwrap_or(usize::MAX);
    let seconds = on_threads(count, || {
        let mut run = RecipeRun::new(&specification, &computation, file.bytes.as_ref(), &empty)?;
        // The first step finds caches and buffers cold.
        run.step()?;
        let start = Instant::now();
        for _ in 0..steps {
            run.step()?;
        }
        Ok::<f64, CommandError>(start.elapsed().as_secs_f64())
    })??;
    let need = OrderMemory::of(&specification)?.step;
    let peak = process_memory().zip(idle);
    #[expect(clippy::cast_precision_loss, reason = "a count of at most forty")]
    let steps_per_second = steps as f64 / seconds;
    Ok(OrderFigures {
        order,
        threads,
        steps,
        steps_per_second,
        estimated_bytes: need.bytes(need.rows_max),
        peak_bytes: peak.map(|(now, idle)| now.peak_bytes.saturating_sub(idle.resident_bytes)),
    })
}

fn line(figures: &OrderFigures) -> String {
    let OrderFigures { order, threads, steps_per_second, estimated_bytes, peak_bytes, .. } =
        figures;
    let peak = peak_bytes.map_or_else(|| "unknown".to_owned(), |bytes| (bytes >> 20).to_string());
    let estimated = estimated_bytes >> 20;
    format!("{:<6} {threads:>7} {steps_per_second:>8.2} {peak:>10} {estimated:>14}", order.name())
}
