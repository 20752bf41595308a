//! `aipot trace`: forges a recorded run, and settles a dispute between two runs without a network.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use aipot_domain_runtime::dispute::{Dispute, Move, MoveError, Reason, Side};
use aipot_domain_runtime::primitives::to_hex;
use aipot_domain_runtime::program::{Computation, training};
use aipot_trainer::trace::file::{CorruptError, TraceFile};
use aipot_trainer::trace::play::{Outcome, PlayError, file_roots, play};
use aipot_trainer::trace::prover::Prover;
use aipot_trainer::trace::replay::Change;
use clap::{Args, Subcommand};
use serde_json::json;

use super::files::read;
use super::{CommandError, Output};

/// How often the last move is judged, of which the fastest counts: the first time includes cold caches.
const JUDGED_TIMES: u32 = 9;

/// Words of an output that are tried until a change outlives the run.
const WORDS_TRIED_MAX: u32 = 16;

/// 2^32 over the golden ratio, an odd number.
const GOLDEN_STEP: u32 = 0x9e37_79b9;

/// Subcommands of `aipot trace`.
#[derive(Debug, Subcommand)]
pub(super) enum TraceCommand {
    /// Flip one bit of what an operator wrote, and follow the run from there, as a forger would.
    Corrupt(CorruptArguments),
    /// Let the maker of HONEST challenge FORGED: which step, operator and word is wrong, and who loses.
    Dispute(DisputeArguments),
}

/// Arguments of `aipot trace corrupt`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot trace corrupt honest.trace --step 57 --operator 12 --bit 3 --output forged.trace"
)]
pub(super) struct CorruptArguments {
    /// The trace, as `aipot train --trace` writes it.
    file: PathBuf,
    /// The step: 0 makes the initial weights, 1 is the first of the run.
    #[arg(long)]
    step: u32,
    /// The operator within the step, from 0.
    #[arg(long)]
    operator: u32,
    /// The bit that is flipped, 0 for the lowest of 32.
    #[arg(long)]
    bit: u8,
    /// The word of the operator's output; left out, the first of a few whose change outlives the run.
    #[arg(long)]
    element: Option<u32>,
    /// Where the forged trace is written.
    #[arg(long)]
    output: PathBuf,
}

/// Arguments of `aipot trace dispute`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot trace dispute honest.trace forged.trace --json")]
pub(super) struct DisputeArguments {
    /// The challenger's trace.
    honest: PathBuf,
    /// The trace that is challenged.
    forged: PathBuf,
}

/// Runs a subcommand.
pub(super) fn run(command: &TraceCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        TraceCommand::Corrupt(arguments) => corrupt(arguments, output)?,
        TraceCommand::Dispute(arguments) => dispute(arguments, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn corrupt(arguments: &CorruptArguments, output: Output) -> Result<(), CommandError> {
    let (file, computation) = load(&arguments.file)?;
    let CorruptArguments { step, operator, bit, .. } = *arguments;
    let (forged, element) = forge(&file, &computation, arguments)?;
    let bytes = forged.to_bytes();
    std::fs::write(&arguments.output, &bytes)
        .map_err(|source| CommandError::Write { path: arguments.output.clone(), source })?;
    let (old, new) = (file.trace.root(), forged.trace.root());
    let (name, layer) = operator_name(&computation, step, operator);
    let value = json!({
        "step": step,
        "operator": operator,
        "operator_name": name,
        "layer": layer,
        "element": element,
        "bit": bit,
        "honest_trace_root": old.to_string(),
        "trace_root": new.to_string(),
        "final_root": to_hex(&forged.trace.opening().final_root),
        "bytes": bytes.len(),
    });
    let text = format!(
        "flipped bit {bit} of word {element} of {name} (layer {layer}) in step {step}\ntrace root {new}, was {old}"
    );
    output.result(&value, &text)
}

/// The forged run, and the word that was changed.
fn forge(
    file: &TraceFile,
    computation: &Computation,
    arguments: &CorruptArguments,
) -> Result<(TraceFile, u32), CommandError> {
    let CorruptArguments { step, operator, bit, .. } = *arguments;
    let candidates = match arguments.element {
        Some(element) => vec![element],
        None => candidates(computation, step, operator),
    };
    let mut last = None;
    for element in candidates {
        match file.corrupted(computation, Change { step, operator, element, bit }) {
            Ok(forged) => return Ok((forged, element)),
            Err(error @ CorruptError::NoEffect { .. }) => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let change = Change { step, operator, element: 0, bit };
    Err(last.unwrap_or(CorruptError::NoEffect { change }).into())
}

/// Words spread over an operator's output: many are behind a unit that is switched off, or masked.
fn candidates(computation: &Computation, step: u32, operator: u32) -> Vec<u32> {
    let count = computation.program(step).and_then(|(program, _)| {
        let operator = program.operators.get(usize::try_from(operator).ok()?)?;
        Some(program.slots.get(usize::from(operator.output))?.element_count)
    });
    let count = count.unwrap_or(1).max(1);
    // Steps of the golden section of 2^32 meet other rows and other columns each time.
    let word = |place: u32| place.wrapping_mul(GOLDEN_STEP) % count;
    (0..count.min(WORDS_TRIED_MAX)).map(word).collect()
}

fn dispute(arguments: &DisputeArguments, output: Output) -> Result<(), CommandError> {
    let (honest, computation) = load(&arguments.honest)?;
    let (forged, _) = load(&arguments.forged)?;
    if honest.specification != forged.specification {
        let (left, right) = (arguments.honest.clone(), arguments.forged.clone());
        return Err(CommandError::OtherOrder { left, right });
    }
    let files = file_roots(honest.files());
    let mut referee_microseconds = 0.0;
    let judge = |dispute: &mut Dispute, side: Side, action: &Move| {
        if let Move::Leaf(_) = action {
            referee_microseconds = judged_microseconds(dispute, action, (&computation, &files))?;
        }
        dispute.apply(side, action, &computation, &files)
    };
    let mut responder = Prover::new(forged.replay(&computation)?);
    let mut challenger = Prover::new(honest.replay(&computation)?);
    let outcome = match play(&computation, &mut responder, &mut challenger, judge) {
        Ok(outcome) => outcome,
        Err(PlayError::Agreement) => {
            let value = json!({ "verdict": "agreement", "rounds": 0 });
            return output.result(&value, "Both runs end in the same state: nothing to dispute.");
        }
        Err(error) => return Err(error.into()),
    };
    print(arguments, &computation, &outcome, referee_microseconds, output)
}

fn print(
    arguments: &DisputeArguments,
    computation: &Computation,
    outcome: &Outcome,
    referee_microseconds: f64,
    output: Output,
) -> Result<(), CommandError> {
    let (winner, loser, verdict) = match outcome.decision.winner {
        Side::Challenger => (&arguments.honest, &arguments.forged, "convicted"),
        Side::Responder => (&arguments.forged, &arguments.honest, "refuted"),
    };
    let (name, layer) = operator_name(computation, outcome.step, outcome.operator);
    let (element, posted, computed) = match outcome.decision.reason {
        Reason::Computed { element, posted, computed } => (element, posted, computed),
        Reason::Silence => (0, 0, 0),
    };
    let value = json!({
        "verdict": verdict,
        "winner": winner,
        "loser": loser,
        "rounds": outcome.rounds,
        "moves": outcome.moves,
        "posted_bytes": outcome.posted_bytes,
        "step": outcome.step,
        "operator": outcome.operator,
        "operator_name": name,
        "layer": layer,
        "tile": outcome.chunk,
        "element": element,
        "posted": format!("{posted:08x}"),
        "computed": format!("{computed:08x}"),
        "leaf_bytes": outcome.leaf_bytes,
        "referee_microseconds": referee_microseconds,
    });
    let text = format!(
        "step {}, operator {} ({name}, layer {layer}), tile {}, word {element}: posted {posted:08x}, computed {computed:08x}\n\
         {} is {verdict} in {} rounds, {} bytes of roots, a leaf of {} bytes, {referee_microseconds:.0} microseconds of the referee",
        outcome.step,
        outcome.operator,
        outcome.chunk,
        loser.display(),
        outcome.rounds,
        outcome.posted_bytes,
        outcome.leaf_bytes,
    );
    output.result(&value, &text)
}

/// The least time that the referee takes for the last move.
fn judged_microseconds(
    dispute: &Dispute,
    action: &Move,
    (computation, files): (&Computation, &aipot_domain_runtime::program::FileRoots),
) -> Result<f64, MoveError> {
    let mut least = f64::INFINITY;
    for _ in 0..JUDGED_TIMES {
        let mut trial = dispute.clone();
        let start = Instant::now();
        trial.apply(Side::Challenger, action, computation, files)?;
        least = least.min(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(least)
}

/// Reads a trace and derives what its order computes.
fn load(path: &Path) -> Result<(TraceFile, Computation), CommandError> {
    let failed = |source| CommandError::Trace { path: path.to_owned(), source };
    let bytes = read(path, TraceFile::bytes_max())?;
    let file = TraceFile::from_bytes(&bytes).map_err(failed)?;
    let computation = training(&file.specification)?;
    file.check(&computation).map_err(failed)?;
    Ok((file, computation))
}

fn operator_name(computation: &Computation, step: u32, operator: u32) -> (&'static str, u16) {
    let program = computation.program(step).map(|(program, _)| program);
    let index = usize::try_from(operator).unwrap_or(usize::MAX);
    let operator = program.and_then(|program| program.operators.get(index));
    operator.map_or(("unknown", 0), |operator| (operator.name, operator.layer))
}
