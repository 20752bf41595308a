//! `aipot train --profile p0`: follows an order's recipe bit for bit, and records the run.

use aipot_domain_runtime::order::{OrderSpecification, Recipe};
use aipot_domain_runtime::primitives::to_hex;
use aipot_domain_runtime::program::{Computation, ProgramError, training};
use aipot_trainer::recipe_run::{RecipeRun, empty_trace};
use aipot_trainer::trace::file::TraceFile;
use aipot_trainer::trace::machine::Files;
use aipot_trainer::trace::recorder::Trace;
use serde_json::json;

use super::{TrainArguments, Trained, processor_time};
use crate::command::{CommandError, Output};

/// Trains by the recipe of the order; with `--trace`, the run is written down.
pub(super) fn run(
    arguments: &TrainArguments,
    specification: OrderSpecification,
    (train, base): (Vec<u8>, Vec<u8>),
    output: Output,
) -> Result<(), CommandError> {
    let Recipe::Fixed(recipe) = specification.train.recipe else {
        return Err(ProgramError::FreeRecipe.into());
    };
    let computation = training(&specification)?;
    let files = Files { train: &train, base: &base, ..Files::default() };
    let (trained, trace) = follow(&specification, &computation, files, output)?;
    arguments.write_model(&trained.model)?;
    let mut trace_bytes = None;
    let roots = (trace.root(), trace.opening().final_root, trace.roots.len());
    if let Some(path) = &arguments.trace {
        let bytes = TraceFile { specification, train, base, changes: Vec::new(), trace }.to_bytes();
        std::fs::write(path, &bytes)
            .map_err(|source| CommandError::Write { path: path.clone(), source })?;
        trace_bytes = Some(bytes.len());
    }
    let (trace_root, final_root, checkpoints) = roots;
    let summary = trained.summary(u64::from(recipe.step_count));
    let mut value = summary.value;
    value["trace_root"] = json!(trace_root.to_string());
    value["final_root"] = json!(to_hex(&final_root));
    value["checkpoints"] = json!(checkpoints);
    value["trace_bytes"] = json!(trace_bytes);
    value["diverged_at_step"] = json!(trained.diverged_at());
    let diverged = trained.diverged_at().map_or_else(String::new, |step| {
        format!("\nthe run diverged: the loss of step {step} is not a finite number")
    });
    let text = format!("{}\ntrace root {trace_root}{diverged}", summary.text);
    output.result(&value, &text)
}

/// Runs all steps and gives the model, and what was recorded.
fn follow(
    specification: &OrderSpecification,
    computation: &Computation,
    files: Files<'_>,
    output: Output,
) -> Result<(Trained, Trace), CommandError> {
    let template = "training {bar:40} {pos}/{len} {msg}, {eta} left";
    let progress = output.progress(u64::from(computation.step_count), template);
    let start = processor_time();
    let empty = empty_trace(specification, computation)?;
    let mut run = RecipeRun::new(specification, computation, files, &empty)?;
    let mut losses = Vec::new();
    while !run.is_finished() {
        let loss = run.step()?.step.loss_nats;
        losses.push(loss);
        progress.set_message(format!("loss {loss:.4}"));
        progress.inc(1);
    }
    let processor_time = processor_time().saturating_sub(start);
    progress.finish_and_clear();
    let (model, trace) = (run.model()?, run.trace().clone());
    Ok((Trained { model, losses, processor_time }, trace))
}
