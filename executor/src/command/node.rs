//! `aipot node`: takes part in a network until it is told to stop.

mod plotting;

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::join::{JoinArguments, Joined, join};
use super::plotter::display::say_sector;
use super::{CommandError, Output, runtime};
use crate::devnet::launch::peers;
use crate::metrics::MetricsPage;
use crate::node::{NodeHandle, StopReason};
use crate::worker::TrainingProgress;
use plotting::Plotting;

/// What a node does for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Role {
    /// Trains models.
    Provider,
    /// Scores models and challenges wrong scores.
    Validator,
    /// Follows and checks everything.
    Observer,
}

/// Arguments of `aipot node`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  aipot node --role provider --folder ~/aipot --chain ws://127.0.0.1:9944 --genesis genesis.json --rpc 127.0.0.1:9955"
)]
pub(super) struct NodeArguments {
    /// What the node does; may be repeated. By default what the configuration says, else it observes.
    #[arg(long)]
    role: Vec<Role>,
    #[command(flatten)]
    join: JoinArguments,
    #[command(flatten)]
    plotting: PlottingArguments,
}

/// For which farming cluster the node plots what its roles leave, if for any.
#[derive(Debug, Args)]
struct PlottingArguments {
    /// NATS server of a farming cluster for which the node plots while no order needs the machine.
    #[arg(long)]
    plotter_nats: Option<String>,
    /// Which proofs hide the data, v1 or v2, as the cluster's farmers read it; there is no default.
    #[arg(long)]
    plotter_variant: Option<String>,
    /// What computes plots: auto, cpu, wgpu or cuda.
    #[arg(long)]
    plotter_backend: Option<String>,
    /// Sectors in work at once.
    #[arg(long)]
    plotter_sectors_max: Option<String>,
    /// Where the page of metrics is shown, HOST:PORT.
    #[arg(long)]
    metrics: Option<String>,
}

impl PlottingArguments {
    fn flags(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("plotter_nats", &self.plotter_nats),
            ("plotter_variant", &self.plotter_variant),
            ("plotter_backend", &self.plotter_backend),
            ("plotter_sectors_max", &self.plotter_sectors_max),
            ("metrics", &self.metrics),
        ];
        flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }
}

/// Runs the node until it is asked to stop or cannot go on.
pub(super) fn run(arguments: &NodeArguments, output: Output) -> Result<ExitCode, CommandError> {
    runtime()?.block_on(take_part(arguments, output))
}

async fn take_part(arguments: &NodeArguments, output: Output) -> Result<ExitCode, CommandError> {
    let stop = |source| CommandError::Runtime { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(stop)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(stop)?;
    let more = [roles(&arguments.role), arguments.plotting.flags()].concat();
    let configuration = arguments.join.resolve(&more)?;
    let Joined { node, mut progress, worker } = join(&configuration).await?;
    let mut plotting = match Plotting::begin(&configuration, worker).await {
        Ok(plotting) => plotting,
        Err(error) => {
            node.shutdown().await;
            return Err(error);
        }
    };
    say_ready(&node, plotting.page(), output)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            report = plotting.report() => drop(say_sector(&report, output)),
            reason = node.stopped() => {
                plotting.end().await;
                node.shutdown().await;
                let StopReason::Failed(error) = reason else { return Ok(ExitCode::SUCCESS) };
                return Err(CommandError::Stopped { reason: error.to_string() });
            }
            report = progress.recv() => match report {
                // Whoever listened may be gone; the work goes on without.
                Ok(report) => drop(say_progress(&report, output)),
                // Behind by some reports: the next one says where training is.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
            },
        }
    }
    output.note("stopping");
    plotting.end().await;
    node.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Roles as flags of the configuration; an observer has none.
fn roles(roles: &[Role]) -> Vec<(&'static str, String)> {
    let names = roles.iter().filter_map(|role| match role {
        Role::Provider => Some("provider"),
        Role::Validator => Some("validator"),
        Role::Observer => None,
    });
    names.map(|name| ("roles", name.to_owned())).collect()
}

fn say_ready(
    node: &NodeHandle,
    page: Option<&MetricsPage>,
    output: Output,
) -> Result<(), CommandError> {
    let rpc = node.rpc_address().map(|address| format!("ws://{address}")).unwrap_or_default();
    let addresses = peers(node);
    let value = json!({
        "event": "ready",
        "account": node.account().to_string(),
        "genesis": node.genesis().to_string(),
        "rpc": rpc,
        "addresses": addresses,
        "metrics": page.map(|page| format!("http://{}/metrics", page.address())),
    });
    let text = format!(
        "account  {}\nnetwork  {}\nRPC      {rpc}\nreached at\n  {}",
        node.account(),
        node.genesis(),
        addresses.join("\n  ")
    );
    output.result(&value, &text)
}

fn say_progress(report: &TrainingProgress, output: Output) -> Result<(), CommandError> {
    let value = json!({
        "event": "training",
        "order": report.order.to_string(),
        "step": report.step,
        "step_count": report.step_count,
        "loss": report.loss_nats,
    });
    let text = format!(
        "order {} step {}/{} loss {:.4}, {} s left",
        report.order,
        report.step,
        report.step_count,
        report.loss_nats,
        report.remaining.as_secs()
    );
    output.result(&value, &text)
}
