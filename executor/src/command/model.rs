//! `aipot model verify`, `aipot model evaluate` and `aipot model sample`: what anybody can see of a model file.

mod sample;

use std::path::PathBuf;
use std::process::ExitCode;

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use aipot_domain_runtime::primitives::{Commitment, DataRoot, ModelRoot, to_hex};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::{DataFacts, FileFormat, data_file};
use aipot_trainer::model_file::{model_root, read_model};
use aipot_trainer::specification::OrderDraft;
use aipot_trainer::trace::machine::Files;
use aipot_validator::verdict::{Examination, Finding};
use clap::{Args, Subcommand};
use serde_json::json;

use super::data::{prepare_one, read_base};
use super::files::{read_data, read_model_file, read_order};
use super::plot::input::device;
use super::{CommandError, Output};
use crate::processor::physical_cores;

/// Most threads that make sense to ask for.
pub(super) const THREADS_MAX: usize = 1024;

/// Subcommands of `aipot model`.
#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Check that a file is the canonical form of a model of the order, and print its root.
    Verify(VerifyArguments),
    /// Score a model on test data, in bit-exact arithmetic.
    Evaluate(EvaluateArguments),
    /// Let a model of text go on with a text.
    Sample(sample::SampleArguments),
}

/// Arguments of `aipot model verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot model verify model.safetensors --order order.toml --data train.csv --root blake3:…"
)]
pub(super) struct VerifyArguments {
    /// The model file.
    model: PathBuf,
    /// The order, in TOML or JSON.
    #[arg(long)]
    order: PathBuf,
    /// A data file of the order, when the order does not say features and classes.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The root that the model must have.
    #[arg(long)]
    root: Option<String>,
    /// What computes the root: cpu, wgpu, cuda, or auto; wgpu:1 is the second device of wgpu.
    #[arg(long, default_value = "cpu")]
    backend: String,
}

/// Arguments of `aipot model evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: aipot model evaluate model.safetensors --order order.toml --data test.csv --threads 2"
)]
pub(super) struct EvaluateArguments {
    /// The model file.
    model: PathBuf,
    /// The order, in TOML or JSON.
    #[arg(long)]
    order: PathBuf,
    /// The test file.
    #[arg(long)]
    data: PathBuf,
    /// Threads; the result is the same for every number. 0 means one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// Runs a subcommand.
pub(super) fn run(command: &ModelCommand, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        ModelCommand::Verify(arguments) => verify(arguments, output)?,
        ModelCommand::Evaluate(arguments) => evaluate_file(arguments, output)?,
        ModelCommand::Sample(arguments) => sample::run(arguments, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(arguments: &VerifyArguments, output: Output) -> Result<(), CommandError> {
    let mut draft = read_order(&arguments.order)?;
    read_base(&mut draft, &arguments.order)?;
    let facts = match &arguments.data {
        Some(path) => Some(prepare_one(&draft, &read_data(path)?)?.facts),
        None => None,
    };
    let specification = without_files(draft, facts.as_ref())?;
    let bytes = read_model_file(&arguments.model)?;
    let parameters = read_model(&bytes, &specification)?;
    let device = device(&arguments.backend)?.candidate()?;
    let root = ModelRoot(device.root(&bytes)?).to_string();
    if let Some(expected) = &arguments.root {
        let expected = expected.trim_start_matches("blake3:").to_ascii_lowercase();
        if expected != root {
            return Err(CommandError::WrongRoot { expected, found: root });
        }
    }
    let value = json!({ "valid": true, "model_root": root, "parameters": parameters.value_count(), "bytes": bytes.len() });
    let text = format!(
        "A canonical model of {} parameters in {} bytes.\nroot blake3:{root}",
        parameters.value_count(),
        bytes.len()
    );
    output.result(&value, &text)
}

fn evaluate_file(arguments: &EvaluateArguments, output: Output) -> Result<(), CommandError> {
    let mut draft = read_order(&arguments.order)?;
    let base = read_base(&mut draft, &arguments.order)?.unwrap_or_default();
    let bytes = read_data(&arguments.data)?;
    let test = prepare_one(&draft, &bytes)?;
    let mut facts = test.facts;
    facts.class_count = facts.class_count.max(draft.data.class_count.unwrap_or(0));
    let mut specification = without_files(draft, Some(&facts))?;
    specification.data.test_example_count = facts.example_count;
    let bytes = read_model_file(&arguments.model)?;
    // Says what is wrong with a file that is no model, in words.
    read_model(&bytes, &specification)?;
    let model = model_root(&bytes);
    let file = data_file(&test.bytes);
    let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let revealed = RevealedModel { root: model, byte_count };
    let source = TestSource::Revealed(file);
    let examination = Examination { specification: &specification, source };
    let files = Files { test: &test.bytes, model: &bytes, base: &base, ..Files::default() };
    let finding = on_threads(arguments.threads, || examination.examine(revealed, files))??;
    let score = finding.score();
    let (evaluation, answer_count) = match finding {
        Finding::Scored { evaluation, answer_count, .. } => (evaluation, answer_count),
        Finding::Invalid { reason } => return Err(CommandError::NoModel { reason }),
    };
    let root = evaluation.root(model, file.root, score);
    let (accuracy, loss) = (evaluation.accuracy(answer_count), evaluation.loss_nats(answer_count));
    let value = json!({
        "score": score.0,
        "correct": evaluation.correct_count,
        "examples": facts.example_count,
        "answers": answer_count,
        "accuracy": accuracy,
        "loss": loss,
        "evaluation_root": to_hex(&root),
        "logits_hash": to_hex(&evaluation.logits_hash()),
        "model_root": model.to_string(),
    });
    let text = format!(
        "{} of {answer_count} correct ({:.2} %), mean loss {loss:.4} nats\nscore {}\nevaluation root {}\nlogits hash {}",
        evaluation.correct_count,
        100.0 * accuracy,
        score.0,
        to_hex(&root),
        to_hex(&evaluation.logits_hash()),
    );
    output.result(&value, &text)
}

/// The order where only the shape of the data matters: what is open about its files is filled with `facts`
/// or, where not even the shape depends on it, with the least allowed.
pub(super) fn without_files(
    mut draft: OrderDraft,
    facts: Option<&DataFacts>,
) -> Result<OrderSpecification, CommandError> {
    let data = &mut draft.data;
    if let Some(facts) = facts {
        data.feature_count = data.feature_count.or(Some(facts.feature_count));
        data.class_count = data.class_count.or(Some(facts.class_count));
        data.train_example_count = data.train_example_count.or(Some(facts.example_count));
    }
    if data.format == FileFormat::Csv {
        let narrowest = DataFormat::Records { value_bytes: 1 };
        data.format = FileFormat::Exact(facts.map_or(narrowest, |facts| facts.format));
    }
    data.train_root = data.train_root.or(Some(DataRoot::default()));
    data.train_byte_count = data.train_byte_count.or(Some(1));
    data.train_example_count = data.train_example_count.or(Some(1));
    data.test_example_count = data.test_example_count.or(Some(1));
    data.test_commitment = data.test_commitment.or(Some(Commitment::default()));
    Ok(draft.complete(None, None)?)
}

/// Computes on a number of threads; 0 means one for each core.
pub(super) fn on_threads<T: Send>(
    count: usize,
    compute: impl FnOnce() -> T + Send,
) -> Result<T, CommandError> {
    if count > THREADS_MAX {
        let max = u64::try_from(THREADS_MAX).unwrap_or(u64::MAX);
        let value = u64::try_from(count).unwrap_or(u64::MAX);
        return Err(CommandError::OutOfRange { field: "--threads", value, min: 0, max });
    }
    let threads = if count == 0 { physical_cores() } else { count };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| CommandError::Threads { count, source })?;
    Ok(pool.install(compute))
}
