//! `aipot train` of an order that leaves the way to its provider.

use std::time::{Duration, Instant};

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::BATCH_MAX;
use aipot_trainer::model_file::write_model;
use aipot_trainer::run::{StepReport, Trainer, TrainingFile};
use serde_json::json;

use super::{TrainArguments, Trained, processor_time};
use crate::command::{CommandError, Output};

/// Time between two lines of progress for a machine.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// What a run gave, and where it began.
pub(super) struct FreeRun {
    pub(super) trained: Trained,
    pub(super) seed: u64,
    /// The first step of this process and the one behind its last.
    pub(super) steps: (u64, u64),
    pub(super) is_finished: bool,
}

/// Trains from the start or from the checkpoint, to the end or to where it shall stop.
pub(super) fn run(
    arguments: &TrainArguments,
    specification: &OrderSpecification,
    file: TrainingFile<'_>,
    output: Output,
) -> Result<FreeRun, CommandError> {
    let checkpoints = &arguments.checkpoints;
    let micro_rows = micro_rows(arguments)?;
    let mut trainer = match checkpoints.read(specification)? {
        Some(checkpoint) => Trainer::resume_in_pieces(specification, file, checkpoint, micro_rows)?,
        None => {
            let options = arguments.choice.options(specification)?;
            Trainer::new_in_pieces(specification, file, options, micro_rows)?
        }
    };
    let (seed, step_count) = (trainer.options().seed, trainer.options().step_count);
    let mut saved = checkpoints.begin(&trainer);
    let mut display = Display::new(output, step_count, trainer.step_index());
    let first = trainer.step_index();
    let mut losses = Vec::new();
    let start = processor_time();
    while !trainer.is_finished() && !checkpoints.is_stop(&trainer) {
        let report = trainer.step()?;
        losses.push(report.loss_nats);
        display.step(&report)?;
        saved.after_step(&mut trainer)?;
    }
    let processor_time = processor_time().saturating_sub(start);
    saved.save(&mut trainer)?;
    display.bar.finish_and_clear();
    let (steps, is_finished) = ((first, trainer.step_index()), trainer.is_finished());
    let model = write_model(&trainer.finish()?);
    Ok(FreeRun { trained: Trained { model, losses, processor_time }, seed, steps, is_finished })
}

/// Examples that go through the network at once.
fn micro_rows(arguments: &TrainArguments) -> Result<u32, CommandError> {
    let Some(rows) = arguments.micro_batch else { return Ok(u32::MAX) };
    if (1..=BATCH_MAX).contains(&rows) {
        return Ok(rows);
    }
    let (value, max) = (u64::from(rows), u64::from(BATCH_MAX));
    Err(CommandError::OutOfRange { field: "--micro-batch", value, min: 1, max })
}

/// How far the run is: a bar for people, a line now and then for machines.
struct Display {
    output: Output,
    bar: indicatif::ProgressBar,
    said_at: Option<Instant>,
}

impl Display {
    fn new(output: Output, step_count: u64, first: u64) -> Self {
        let template = "training {bar:40} {pos}/{len} {msg}, {eta} left";
        let bar = output.progress(step_count, template).with_position(first);
        Self { output, bar, said_at: None }
    }

    fn step(&mut self, report: &StepReport) -> Result<(), CommandError> {
        let StepReport { step, step_count, loss_nats, learning_rate } = *report;
        self.bar.set_message(format!("loss {loss_nats:.4}"));
        self.bar.inc(1);
        let is_due = self.said_at.is_none_or(|said| said.elapsed() >= LINE_INTERVAL);
        if !self.output.is_json() || !is_due {
            return Ok(());
        }
        self.said_at = Some(Instant::now());
        let line = json!({
            "progress": { "step": step, "steps": step_count, "loss": loss_nats, "learning_rate": learning_rate },
        });
        self.output.line(&line.to_string())
    }
}
