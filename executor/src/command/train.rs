//! `aipot train`: trains an order here, without a chain.

mod recipe;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::dataset::{DataFacts, Dataset};
use aipot_trainer::model_file::{model_root, write_model};
use aipot_trainer::run::{StepReport, Trainer, TrainingOptions};
use aipot_trainer::specification::OrderDraft;
use clap::{Args, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::data::{prepare_one, require_data};
use super::files::read_order;
use super::model::{on_threads, without_files};
use super::{CommandError, Output};
use crate::loss_curve;

/// Most steps of a local run.
const STEPS_MAX: u64 = 1_000_000_000;

/// Arguments of `aipot train`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: aipot train order.toml --data train.csv --steps 500 --out model.safetensors\n          aipot train recipe.toml --profile p0 --trace honest.trace"
)]
pub(super) struct TrainArguments {
    /// The order, in TOML or JSON.
    file: PathBuf,
    /// The training file, where the order neither names nor makes one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Steps; by default the epochs that the order asks for.
    #[arg(long)]
    steps: Option<u64>,
    /// Threads; the model is the same for every number. 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Seed of initial weights and batches; by default the order's.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the model is written.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Follow the exact recipe of the order, in the arithmetic that every machine agrees on.
    #[arg(long, value_enum, conflicts_with_all = ["steps", "seed"])]
    profile: Option<ProfileName>,
    /// Where the trace of the run is written, for `aipot trace`.
    #[arg(long, requires = "profile")]
    trace: Option<PathBuf>,
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
    let draft = read_order(&arguments.file)?;
    let given = arguments.data.as_deref();
    let bytes = require_data(&draft, &arguments.file, Part::Train, given)?;
    let file = prepare_one(&draft, &bytes)?;
    let specification = specification(&draft, &file.facts)?;
    let data = Dataset::read_train(&file.bytes, &specification.data)?;
    if arguments.profile.is_some() {
        let train = file.bytes.into_owned();
        let follow = || recipe::run(arguments, specification, train, output);
        on_threads(arguments.threads, follow)??;
        return Ok(ExitCode::SUCCESS);
    }
    let options = options(arguments, &specification)?;
    let trained = on_threads(arguments.threads, || train(&specification, &data, options, output))??;
    arguments.write_model(&trained.model)?;
    let Summary { mut value, text } = trained.summary(options.step_count);
    value["seed"] = json!(options.seed);
    output.result(&value, &text)?;
    Ok(ExitCode::SUCCESS)
}

impl TrainArguments {
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

fn options(
    arguments: &TrainArguments,
    specification: &OrderSpecification,
) -> Result<TrainingOptions, CommandError> {
    let seed = arguments.seed.unwrap_or(specification.model.initial_seed);
    let Some(steps) = arguments.steps else {
        return Ok(TrainingOptions::recipe(specification, seed));
    };
    if steps == 0 || steps > STEPS_MAX {
        return Err(CommandError::OutOfRange {
            field: "--steps",
            value: steps,
            min: 1,
            max: STEPS_MAX,
        });
    }
    Ok(TrainingOptions::steps(specification, seed, steps))
}

fn train(
    specification: &OrderSpecification,
    data: &Dataset,
    options: TrainingOptions,
    output: Output,
) -> Result<Trained, CommandError> {
    let mut trainer = Trainer::new(specification, data, options)?;
    let template = "training {bar:40} {pos}/{len} {msg}, {eta} left";
    let progress = output.progress(options.step_count, template);
    let mut losses = Vec::new();
    let start = processor_time();
    while !trainer.is_finished() {
        let StepReport { loss_nats, .. } = trainer.step()?;
        losses.push(loss_nats);
        progress.set_message(format!("loss {loss_nats:.4}"));
        progress.inc(1);
    }
    let processor_time = processor_time().saturating_sub(start);
    progress.finish_and_clear();
    Ok(Trained { model: write_model(&trainer.parameters()?), losses, processor_time })
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
