//! The command line: one file for each subcommand, and what they share.

mod check;
mod data;
mod device;
mod devnet;
mod doctor;
mod error;
mod files;
mod join;
mod model;
mod node;
mod order;
mod output;
mod plot;
mod plotter;
mod state;
mod trace;
mod train;
mod worker;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::CommandError;
pub use output::Output;

use crate::processor::set_threads;

/// Turns idle GPUs into honest work on the Autonomys network.
#[derive(Debug, Parser)]
#[command(name = "aipot", version, about, propagate_version = true)]
#[command(after_help = "Start with: aipot devnet")]
pub struct Arguments {
    /// Print one JSON object instead of text; the last line of standard output.
    #[arg(long, global = true)]
    json: bool,
    /// What is logged to standard error, for example `info` or `aipot_executor=debug`.
    #[arg(long, global = true, env = "AIPOT_LOG", default_value = "warn")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: chain, providers, validators, a real order to its payout.
    Devnet(devnet::DevnetArguments),
    /// Take part in a network as provider, validator or observer.
    Node(node::NodeArguments),
    /// Check, submit, watch, fetch and explain orders.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Make the data files of an order out of files of other formats, and tokenizers out of texts.
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Verify and evaluate models.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Train an order here, without a chain: what a client tries first.
    Train(train::TrainArguments),
    /// Forge a recorded run, and let a dispute find the forgery.
    #[command(subcommand)]
    Trace(trace::TraceCommand),
    /// Show the agreed state as a node sees it.
    #[command(subcommand)]
    State(state::StateCommand),
    /// Plot sectors of a farm here, without a server, and check and measure it.
    #[command(subcommand)]
    Plot(plot::PlotCommand),
    /// Plot for a farming cluster over NATS.
    Plotter(plotter::PlotterArguments),
    /// Train for a provider's node, on this machine or another one.
    Worker(worker::WorkerArguments),
    /// List the devices of this machine and measure them.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Say what is missing on this machine and how to mend it.
    Doctor(doctor::DoctorArguments),
}

/// Runs the command and returns the exit code: 0 done, 1 failed, 2 wrong usage or input, 3 refused by the
/// network, 4 nobody could be reached.
pub fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.json);
    if let Err(error) = start_logging(&arguments.log) {
        return output.fail(&error);
    }
    set_threads();
    match dispatch(arguments.command, output) {
        Ok(code) => code,
        Err(error) => output.fail(&error),
    }
}

fn dispatch(command: Command, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        Command::Devnet(arguments) => devnet::run(&arguments, output),
        Command::Node(arguments) => node::run(&arguments, output),
        Command::Order(command) => order::run(&command, output),
        Command::Data(command) => data::run(&command, output),
        Command::Model(command) => model::run(&command, output),
        Command::Train(arguments) => train::run(&arguments, output),
        Command::Trace(command) => trace::run(&command, output),
        Command::State(command) => state::run(&command, output),
        Command::Plot(command) => plot::run(&command, output),
        Command::Plotter(arguments) => plotter::run(&arguments, output),
        Command::Worker(arguments) => worker::run(&arguments, output),
        Command::Device(command) => device::run(&command, output),
        Command::Doctor(arguments) => doctor::run(&arguments, output),
    }
}

fn start_logging(filter: &str) -> Result<(), CommandError> {
    let invalid = |source| CommandError::LogFilter { value: filter.to_owned(), source };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(invalid)?;
    // A second start happens in tests only, where the first subscriber serves.
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    drop(started);
    Ok(())
}

/// The runtime on which a command's asynchronous part runs.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CommandError::Runtime { source })
}
