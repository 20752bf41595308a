//! `aipot train`: trains an order here, without a chain.

mod checkpoints;
mod choice;
pub(super) mod error;
mod free;
mod import;
mod recipe;
mod stream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::dataset::DataFacts;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::model_file::model_root;
use aipot_trainer::run::TrainingFile;
use aipot_trainer::specification::OrderDraft;
use clap::{Args, Subcommand, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use self::checkpoints::CheckpointArguments;
use self::choice::ChoiceArguments;
use self::error::TrainCommandError;
use super::data::{prepare_one, read_base, require_data};
use super::files::read_order;
use super::model::{on_threads, without_files};
use super::{CommandError, Output};
use crate::loss_curve;

/// What the engine lacks on devices other than the processor.
const MISSING_ON_DEVICES: &str = "training kernels";

/// Arguments of `aipot train`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples: aipot train order.toml --data train.csv --steps 500 --out model.safetensors\n          aipot train order.toml --optimizer muon --schedule one-cycle --clip 1 --ema 0.99 --checkpoint run.checkpoint\n          aipot train order.toml --checkpoint run.checkpoint --resume --out model.safetensors\n          aipot train recipe.toml --profile p0 --trace honest.trace\n\nEvery architecture of an order can be trained. With --checkpoint the run is saved while it goes on; killed at any\ntime, it goes on with --resume and ends with the same bits. A loss that is no number stops the run and names the\nstep and the last checkpoint. With --json a line of progress comes once a second, and the result last."
)]
pub(super) struct TrainArguments {
    #[command(subcommand)]
    command: Option<TrainCommand>,
    /// The order, in TOML or JSON.
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// The training file, where the order neither names nor makes one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Threads; the model is the same for every number. 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// The device that trains.
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    backend: BackendName,
    /// Examples of a batch that go through the network at once: less memory, the same bits. By default all.
    #[arg(long)]
    micro_batch: Option<u32>,
    /// Where the model is written.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Follow the exact recipe of the order, in the arithmetic that every machine agrees on.
    #[arg(long, value_enum, conflicts_with_all = ["steps", "seed", "optimizer", "schedule", "learning_rate", "checkpoint"])]
    profile: Option<ProfileName>,
    /// Where the trace of the run is written, for `aipot trace`.
    #[arg(long, requires = "profile")]
    trace: Option<PathBuf>,
    /// Read the training file batch by batch from the disk instead of holding it in memory; it must lie as the
    /// order has it, see `aipot data prepare`.
    #[arg(long, conflicts_with = "profile")]
    stream: bool,
    #[command(flatten)]
    choice: ChoiceArguments,
    #[command(flatten)]
    checkpoints: CheckpointArguments,
}

/// Subcommands of `aipot train`.
#[derive(Debug, Subcommand)]
enum TrainCommand {
    /// Make an order and its base of a model from elsewhere.
    Import(import::ImportArguments),
}

/// Devices that train.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum BackendName {
    /// The processor.
    Cpu,
    /// An NVIDIA card.
    Cuda,
}

/// Arithmetics in which a recipe is followed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// Bit-exact f32.
    P0,
}

/// What a run gave.
struct Trained {
    model: Vec<u8>,
    losses: Vec<f32>,
    processor_time: Duration,
}

/// Trains and prints what came out.
pub(super) fn run(arguments: &TrainArguments, output: Output) -> Result<ExitCode, CommandError> {
    if let Some(TrainCommand::Import(arguments)) = &arguments.command {
        return import::run(arguments, output);
    }
    if matches!(arguments.backend, BackendName::Cuda) {
        let (backend, missing) = ("cuda", MISSING_ON_DEVICES);
        return Err(TrainCommandError::Backend { backend, missing }.into());
    }
    let mut draft = read_order(arguments.file())?;
    let base = read_base(&mut draft, arguments.file())?.unwrap_or_default();
    if arguments.stream {
        let run = stream::run(arguments, (&draft, &base), output)?;
        return arguments.finish(run, output);
    }
    let given = arguments.data.as_deref();
    let bytes = require_data(&draft, arguments.file(), Part::Train, given)?;
    let file = prepare_one(&draft, &bytes)?;
    let specification = specification(&draft, &file.facts)?;
    let checked = TrainingFile::new(&file.bytes, &specification)?.with_base(&base);
    if arguments.profile.is_some() {
        let train = file.bytes.into_owned();
        let follow = || recipe::run(arguments, specification, (train, base), output);
        on_threads(arguments.threads, follow)??;
        return Ok(ExitCode::SUCCESS);
    }
    let run =
        on_threads(arguments.threads, || free::run(arguments, &specification, checked, output))??;
    arguments.finish(run, output)
}

impl TrainArguments {
    /// The file of the order, which only a subcommand does without.
    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(""))
    }

    /// Writes and prints what came out of a free run.
    fn finish(&self, run: free::FreeRun, output: Output) -> Result<ExitCode, CommandError> {
        if run.is_finished {
            self.write_model(&run.trained.model)?;
        }
        let (first, next) = run.steps;
        let Summary { mut value, text } = run.trained.summary(next.saturating_sub(first));
        value["seed"] = json!(run.seed);
        value["first_step"] = json!(first);
        value["next_step"] = json!(next);
        value["is_finished"] = json!(run.is_finished);
        output.result(&value, &text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn write_model(&self, model: &[u8]) -> Result<(), CommandError> {
        let Some(path) = &self.out else { return Ok(()) };
        std::fs::write(path, model)
            .map_err(|source| CommandError::Write { path: path.clone(), source })
    }
}

fn specification(
    draft: &OrderDraft,
    facts: &DataFacts,
) -> Result<OrderSpecification, CommandError> {
    let mut specification = without_files(draft.clone(), Some(facts))?;
    // A root in the order is checked when the data is read; an open one is this file's.
    if draft.data.train_root.is_none() {
        specification.data.train = facts.file;
    }
    Ok(specification)
}

/// A run in the words of the command line.
struct Summary {
    value: Value,
    text: String,
}

impl Trained {
    fn summary(&self, step_count: u64) -> Summary {
        let root = model_root(&self.model).to_string();
        let final_loss = self.losses.last().copied().unwrap_or(f32::NAN);
        #[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
        let cpu_ms_per_step = self.processor_time.as_secs_f64() * 1e3 / step_count.max(1) as f64;
        let value = json!({
            "final_loss": final_loss,
            "model_root": root,
            "cpu_ms_per_step": cpu_ms_per_step,
            "steps": step_count,
            "model_bytes": self.model.len(),
        });
        let text = format!(
            "{}\n{step_count} steps, final loss {final_loss:.4} nats, {cpu_ms_per_step:.3} CPU-ms a step\nmodel root blake3:{root}",
            loss_curve::draw(&self.losses),
        );
        Summary { value, text }
    }

    /// The first step, from 1, whose loss is not a finite number.
    fn diverged_at(&self) -> Option<usize> {
        self.losses.iter().position(|loss| !loss.is_finite()).map(|index| index.saturating_add(1))
    }
}

/// Time that this process has spent on processors.
pub(super) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
