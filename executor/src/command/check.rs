//! `aipot order check`: what an order is, costs and takes, before anything is paid.

use std::path::PathBuf;
use std::time::Instant;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::{OrderLimits, check};
use aipot_domain_runtime::order::cost::price;
use aipot_domain_runtime::primitives::Salt;
use aipot_domain_runtime::window::PHASES;
use aipot_trainer::dataset::prepare;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::memory::{Estimate, estimate, probe};
use aipot_trainer::specification::{TestFacts, format_tokens};
use clap::Args;
use serde::Serialize;

use super::data::find_data;
use super::files::read_order;
use super::{CommandError, Output};
use crate::devnet::scenario::parameters;

/// How long the speed of this machine is measured.
const PROBE_MS: u128 = 200;
/// Time of a domain block on Autonomys.
const BLOCK_SECONDS: u64 = 6;

/// Arguments of `aipot order check`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot order check order.toml --data train.csv --test test.csv")]
pub(super) struct CheckArguments {
    /// The order, in TOML or JSON.
    file: PathBuf,
    /// The training file; fills in or checks what the order says of it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The test file; it stays on this machine.
    #[arg(long)]
    test: Option<PathBuf>,
}

/// What `aipot order check --json` prints.
#[derive(Debug, Serialize)]
struct CheckReport {
    parameters: u64,
    flops_per_step: u64,
    training_flops: u64,
    evaluation_flops: u64,
    peak_memory_bytes: u64,
    model_bytes: u64,
    reward: String,
    client_bond: String,
    total_price: String,
    training_cost: String,
    windows: Vec<WindowReport>,
    settlement_blocks: u64,
    estimated_training_ms: u64,
    estimated_evaluation_ms: u64,
    gflops_here: f64,
}

#[derive(Debug, Serialize)]
struct WindowReport {
    phase: String,
    blocks: u32,
    seconds: u64,
}

/// Checks an order and prints what it costs.
pub(super) fn run(arguments: &CheckArguments, output: Output) -> Result<(), CommandError> {
    let specification = specification(arguments)?;
    let limits = parameters().order_limits;
    check(&specification, &limits)?;
    let speed = operations_per_second()?;
    let estimate = estimate(&specification, speed)?;
    let report = report(&specification, &limits, &estimate, speed);
    output.result(&report, &text(&report))
}

fn specification(arguments: &CheckArguments) -> Result<OrderSpecification, CommandError> {
    let draft = read_order(&arguments.file)?;
    let find =
        |part, given: &Option<PathBuf>| find_data(&draft, &arguments.file, part, given.as_deref());
    let train = find(Part::Train, &arguments.data)?;
    let test = find(Part::Test, &arguments.test)?;
    let (train, test) = prepare(&draft.data.shape(), train.as_deref(), test.as_deref())?;
    // The real salt is drawn at submission; a given commitment must not be compared with one of zeros.
    let test = test.map(|test| match draft.data.test_commitment {
        Some(commitment) => TestFacts { facts: test.facts, commitment },
        None => TestFacts::new(test.facts, &Salt::default()),
    });
    Ok(draft.complete(train.map(|train| train.facts).as_ref(), test.as_ref())?)
}

/// Measures the canonical product on all threads.
fn operations_per_second() -> Result<u64, CommandError> {
    let start = Instant::now();
    let mut operations = 0_u128;
    while start.elapsed().as_millis() < PROBE_MS {
        operations += u128::from(probe()?);
    }
    let elapsed = start.elapsed().as_nanos().max(1);
    Ok(u64::try_from(operations * 1_000_000_000 / elapsed).unwrap_or(u64::MAX))
}

fn report(
    specification: &OrderSpecification,
    limits: &OrderLimits,
    estimate: &Estimate,
    speed: u64,
) -> CheckReport {
    let (cost, pay) = (&estimate.cost, &specification.pay);
    let windows = PHASES.into_iter().map(|phase| {
        let blocks = specification.windows.length(phase);
        let seconds = u64::from(blocks) * BLOCK_SECONDS;
        WindowReport { phase: format!("{phase:?}"), blocks, seconds }
    });
    let total = pay.reward.checked_add(pay.client_bond).unwrap_or(pay.reward);
    #[expect(clippy::cast_precision_loss, reason = "shown to people with one decimal")]
    let gflops_here = speed as f64 / 1e9;
    CheckReport {
        parameters: cost.parameter_count,
        flops_per_step: cost.step_operations,
        training_flops: cost.training_operations,
        evaluation_flops: cost.evaluation_operations,
        peak_memory_bytes: cost.training_bytes,
        model_bytes: cost.model_bytes,
        reward: format_tokens(pay.reward),
        client_bond: format_tokens(pay.client_bond),
        total_price: format_tokens(total),
        training_cost: format_tokens(price(cost.training_operations, limits.training_price)),
        windows: windows.collect(),
        settlement_blocks: specification.windows.settlement_blocks(),
        estimated_training_ms: estimate.training_ms,
        estimated_evaluation_ms: estimate.evaluation_ms,
        gflops_here,
    }
}

fn text(report: &CheckReport) -> String {
    let windows: Vec<String> = report
        .windows
        .iter()
        .map(|window| {
            format!("  {:<20} {:>6} blocks {:>8} s", window.phase, window.blocks, window.seconds)
        })
        .collect();
    format!(
        "The order is valid.\n\
         parameters          {}\n\
         operations per step {}\n\
         operations in all   {} (training), {} (one evaluation)\n\
         peak memory         {} bytes\n\
         model file          about {} bytes\n\
         price               {} reward + {} bond that comes back = {}\n\
         cost of training    {} at the network's price\n\
         time here           {} ms training, {} ms evaluation at {:.1} GFLOP/s\n\
         windows at {BLOCK_SECONDS} s a block (settled {} blocks after claims close)\n{}",
        report.parameters,
        report.flops_per_step,
        report.training_flops,
        report.evaluation_flops,
        report.peak_memory_bytes,
        report.model_bytes,
        report.reward,
        report.client_bond,
        report.total_price,
        report.training_cost,
        report.estimated_training_ms,
        report.estimated_evaluation_ms,
        report.gflops_here,
        report.settlement_blocks,
        windows.join("\n"),
    )
}
