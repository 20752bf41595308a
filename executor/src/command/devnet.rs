//! `aipot devnet`: everything on this machine, a real order to its payout.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{CommandError, Output, runtime};
use crate::devnet::display::Display;
use crate::devnet::report::DevnetReport;
use crate::devnet::{DevnetError, DevnetOptions, ORDERS_MAX, run as run_network};
use crate::loss_curve;

/// Shortest time between blocks; below it a block has no time to reach every process.
const BLOCK_MS_MIN: u64 = 50;
/// Longest time between blocks.
const BLOCK_MS_MAX: u64 = 60_000;
/// Processes that must agree in the end: five operators and the client.
const PROCESS_COUNT: usize = 6;

/// Arguments of `aipot devnet`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aipot devnet\n  aipot devnet --orders 3 --kill --seed 7 --json"
)]
pub(super) struct DevnetArguments {
    /// Orders that the client submits at once.
    #[arg(long, default_value_t = 1)]
    orders: u32,
    /// Kill a provider and a validator with SIGKILL in each phase and start them again.
    #[arg(long)]
    kill: bool,
    /// Keys, data split, training and kills follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep everything in this folder, which must be empty; by default a temporary one that is removed.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Let the network run on after the orders, until Ctrl-C, for orders of your own.
    #[arg(long)]
    stay: bool,
    /// Milliseconds between blocks.
    #[arg(long, default_value_t = 500)]
    block_ms: u64,
}

/// Runs a development network and prints what came of it.
pub(super) fn run(arguments: &DevnetArguments, output: Output) -> Result<ExitCode, CommandError> {
    check_arguments(arguments)?;
    let folder = Folder::open(arguments.folder.as_deref())?;
    let program = std::env::current_exe().map_err(|source| DevnetError::Program { source })?;
    let options = DevnetOptions {
        order_count: arguments.orders,
        kill: arguments.kill,
        seed: arguments.seed,
        folder: folder.path.clone(),
        block_time: Duration::from_millis(arguments.block_ms),
        program,
    };
    let mut display = Display::new(output);
    let runtime = runtime()?;
    let (report, network) = match runtime.block_on(run_network(&options, &mut display)) {
        Ok(finished) => finished,
        Err(error) => {
            // The logs say why, so they stay.
            output.note(&format!("everything is kept in {}", folder.path.display()));
            return Err(error.into());
        }
    };
    output.result(&report, &text(&report, &display))?;
    runtime.block_on(async {
        if arguments.stay {
            output.note(&network.invitation(&options));
            // Without a way to hear Ctrl-C there is nothing to wait for.
            drop(tokio::signal::ctrl_c().await);
        }
        network.stop().await;
    });
    folder.remove(output);
    Ok(if report.is_success(PROCESS_COUNT) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_arguments(arguments: &DevnetArguments) -> Result<(), CommandError> {
    within("--orders", u64::from(arguments.orders), 1, u64::from(ORDERS_MAX))?;
    within("--block-ms", arguments.block_ms, BLOCK_MS_MIN, BLOCK_MS_MAX)
}

fn within(field: &'static str, value: u64, min: u64, max: u64) -> Result<(), CommandError> {
    if value < min || value > max {
        return Err(CommandError::OutOfRange { field, value, min, max });
    }
    Ok(())
}

/// The folder of a run.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn open(given: Option<&Path>) -> Result<Self, DevnetError> {
        let is_temporary = given.is_none();
        let temporary =
            || std::env::temp_dir().join(format!("aipot-devnet-{}", std::process::id()));
        let path = given.map_or_else(temporary, Path::to_owned);
        let failed = |source| DevnetError::Write { path: path.clone(), source };
        std::fs::create_dir_all(&path).map_err(failed)?;
        if std::fs::read_dir(&path).map_err(failed)?.next().is_some() {
            return Err(DevnetError::FolderInUse { path });
        }
        Ok(Self { path, is_temporary })
    }

    fn remove(&self, output: Output) {
        if !self.is_temporary {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            output.note(&format!("{} could not be removed: {error}", self.path.display()));
        }
    }
}

fn text(report: &DevnetReport, display: &Display) -> String {
    let mut parts: Vec<String> = display
        .losses()
        .iter()
        .map(|(curve, losses)| format!("{curve}: loss over steps\n{}", loss_curve::draw(losses)))
        .collect();
    for order in &report.orders {
        parts.push(match &order.receipt {
            Some(receipt) => receipt.text(),
            None => format!("order {} ended without a winner", order.id),
        });
    }
    let seconds = report.duration_ms / 1000;
    parts.push(format!(
        "{} order(s) in {} blocks and {seconds} s, {} kills; {} processes agree on state root {}",
        report.orders.len(),
        report.blocks,
        report.kills,
        report.agreeing_processes,
        report.state_root,
    ));
    parts.join("\n\n")
}
